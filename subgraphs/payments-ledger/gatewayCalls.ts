import { and, eq } from 'drizzle-orm';
import { newUuid, publicId } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import { cancelTimer, setTimer } from '../../platform/timers.js';
import { type CardStep, nextCardStep, type PaymentRow } from './payment.js';
import { gatewayCalls, payments } from './tables.js';

export type GatewayCallRow = typeof gatewayCalls.$inferSelect;

/** Timer of one call to the card gateway; its key is the call's id, which is also the gateway's idempotency key. */
export const CARD_CALL_TIMER = 'gateway.call';

/** Our id of a payment at the gateway. */
export function orderIdOf(paymentId: string): string {
  return publicId('pay', paymentId);
}

/**
 * Writes down the next call that a locked card payment needs, and sets the timer that makes it. Nothing while one is open: its answer decides.
 * The unique index of open calls holds even if two were to come here at once.
 */
export async function openNextCall(tx: Tx, payment: PaymentRow): Promise<void> {
  const open = await tx.orm
    .select({ id: gatewayCalls.id })
    .from(gatewayCalls)
    .where(and(eq(gatewayCalls.paymentId, payment.id), eq(gatewayCalls.status, 'OPEN')));
  const step = open.length === 0 ? nextCardStep(payment) : null;
  if (step) await openCall(tx, payment, step);
}

export async function openCall(tx: Tx, payment: Pick<PaymentRow, 'id' | 'currency'>, step: CardStep): Promise<void> {
  const id = newUuid(tx.now);
  await tx.orm.insert(gatewayCalls).values({
    id,
    kind: step.kind,
    paymentId: payment.id,
    amountMinor: step.amountMinor,
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
