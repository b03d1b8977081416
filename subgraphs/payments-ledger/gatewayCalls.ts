import { and, eq, sql } from 'drizzle-orm';
import { newUuid, publicId } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import { cancelTimer, setTimer } from '../../platform/timers.js';
import { type CardStep, nextCardStep, type PaymentRow } from './payment.js';
import { gatewayCalls, payments } from './flowTables.js';

export type GatewayCallRow = typeof gatewayCalls.$inferSelect;

/** Timer of one call to the card gateway; its key is the call's id, which is also the gateway's idempotency key. */
export const CARD_CALL_TIMER = 'gateway.call';

/** Our id of a payment at the gateway. */
export function orderIdOf(paymentId: string, orderNumber: number): string {
  const id = publicId('pay', paymentId);
  return orderNumber === 0 ? id : `${id}-${orderNumber}`;
}

export async function hasOpenCall(tx: Tx, paymentId: string): Promise<boolean> {
  const open = await tx.orm
    .select({ id: gatewayCalls.id })
    .from(gatewayCalls)
    .where(and(eq(gatewayCalls.paymentId, paymentId), eq(gatewayCalls.status, 'OPEN')));
  return open.length > 0;
}

/** The number of an order that the payment has not had yet. */
export async function nextOrderNumber(tx: Tx, paymentId: string): Promise<number> {
  const [row] = await tx.orm
    .select({ next: sql<number>`coalesce(max(${gatewayCalls.orderNumber}) + 1, 0)::int` })
    .from(gatewayCalls)
    .where(eq(gatewayCalls.paymentId, paymentId));
  return row?.next ?? 0;
}

/** The orders of a payment that still have captured money to give back, and how much; the newest first. */
export async function refundableOrders(tx: Tx, paymentId: string): Promise<{ number: number; leftMinor: bigint }[]> {
  const rows = await tx.orm.execute<{ number: number; left_minor: string }>(sql`
    select order_number as number, sum(case kind when 'CAPTURE' then amount_minor else -amount_minor end)::text as left_minor
    from gateway_calls where payment_id = ${paymentId}::uuid and kind in ('CAPTURE', 'REFUND') and status = 'ANSWERED' and last_problem is null
    group by order_number having sum(case kind when 'CAPTURE' then amount_minor else -amount_minor end) > 0
    order by order_number desc`);
  return rows.map((row) => ({ number: row.number, leftMinor: BigInt(row.left_minor) }));
}

/** What an order of a payment has given back so far, as far as the gateway has said so. */
export async function refundedOn(tx: Tx, paymentId: string, orderNumber: number): Promise<bigint> {
  const [row] = await tx.orm.execute<{ minor: string }>(sql`
    select coalesce(sum(amount_minor), 0)::text as minor from gateway_calls where payment_id = ${paymentId}::uuid and order_number = ${orderNumber}
      and kind = 'REFUND' and status = 'ANSWERED' and last_problem is null`);
  return BigInt(row?.minor ?? '0');
}

/**
 * Writes down the next call that a locked card payment needs, and sets the timer that makes it. Nothing while one is open: its answer decides.
 * The unique index of open calls of an order holds even if two were to come here at once.
 */
export async function openNextCall(tx: Tx, payment: PaymentRow): Promise<void> {
  const step = (await hasOpenCall(tx, payment.id)) ? null : nextCardStep(payment);
  if (step) await openCall(tx, payment, step, 0);
}

export async function openCall(tx: Tx, payment: Pick<PaymentRow, 'id' | 'currency'>, step: CardStep, orderNumber: number): Promise<void> {
  const id = newUuid(tx.now);
  await tx.orm.insert(gatewayCalls).values({
    id,
    kind: step.kind,
    paymentId: payment.id,
    amountMinor: step.amountMinor,
    orderNumber,
    currency: payment.currency,
    status: 'OPEN',
    createdAt: tx.now,
  });
  await setTimer(tx, { kind: CARD_CALL_TIMER, key: id, dueAt: tx.now });
}

/** How long an attempt that is running may still take until its answer is looked for. */
const ANSWER_WITHIN_MS = 10_000;

/** Takes back an authorisation that was never tried, so that it never will be. Says whether it could. The payment is locked. */
export async function abandonUntriedCall(tx: Tx, paymentId: string): Promise<boolean> {
  const untried = and(eq(gatewayCalls.paymentId, paymentId), eq(gatewayCalls.status, 'OPEN'), eq(gatewayCalls.attempts, 0));
  const [open] = await tx.orm.select({ id: gatewayCalls.id }).from(gatewayCalls).where(untried);
  if (!open) return false;
  // The timer first, as who claims an attempt does: the other order would be a deadlock.
  await cancelTimer(tx, CARD_CALL_TIMER, open.id);
  const taken = await tx.orm.update(gatewayCalls).set({ status: 'GIVEN_UP', answeredAt: tx.now }).where(untried).returning({ id: gatewayCalls.id });
  if (taken.length > 0) return true;
  // Somebody has just begun to try: if that attempt dies, its timer must not have gone with ours.
  await setTimer(tx, { kind: CARD_CALL_TIMER, key: open.id, dueAt: new Date(tx.now.getTime() + ANSWER_WITHIN_MS) });
  return false;
}

/** Claims one attempt at a call; null when it has its answer. */
export async function claimCall(tx: Tx, id: string): Promise<GatewayCallRow | null> {
  const [row] = await tx.orm.select().from(gatewayCalls).where(eq(gatewayCalls.id, id)).for('update');
  if (row?.status !== 'OPEN') return null;
  const attempts = row.attempts + 1;
  await tx.orm.update(gatewayCalls).set({ attempts }).where(eq(gatewayCalls.id, id));
  return { ...row, attempts };
}

/**
 * The open call and its payment, both locked, for recording what came of an attempt; null when that is known already. Takes the call's timer away:
 * payment, timer, call is the order of all who touch them.
 */
export async function lockOpenCall(tx: Tx, call: GatewayCallRow): Promise<{ call: GatewayCallRow; payment: PaymentRow } | null> {
  if (call.paymentId === null) return null;
  const [payment] = await tx.orm.select().from(payments).where(eq(payments.id, call.paymentId)).for('update');
  await cancelTimer(tx, CARD_CALL_TIMER, call.id);
  const [row] = await tx.orm.select().from(gatewayCalls).where(eq(gatewayCalls.id, call.id)).for('update');
  return payment && row?.status === 'OPEN' ? { call: row, payment } : null;
}

/** Notes how a call ended. */
export async function endCall(tx: Tx, id: string, end: { status: 'ANSWERED' | 'GIVEN_UP'; reference?: string; problem?: string }): Promise<void> {
  await tx.orm
    .update(gatewayCalls)
    .set({ status: end.status, reference: end.reference ?? null, lastProblem: end.problem ?? null, answeredAt: tx.now })
    .where(eq(gatewayCalls.id, id));
}

/** Lets a call wait for its next attempt. */
export async function postponeCall(tx: Tx, id: string, until: Date, problem: string): Promise<void> {
  await tx.orm.update(gatewayCalls).set({ lastProblem: problem }).where(eq(gatewayCalls.id, id));
  await setTimer(tx, { kind: CARD_CALL_TIMER, key: id, dueAt: until });
}
