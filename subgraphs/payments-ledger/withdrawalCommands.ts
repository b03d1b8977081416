import { and, eq, sql } from 'drizzle-orm';
import { systemActor, userIdOf } from '../../platform/actor.js';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { newUuid, publicId, uuidOf } from '../../platform/ids.js';
import { type Money, money } from '../../platform/money.js';
import { appendEvent } from '../../platform/outbox.js';
import { type Database, inTransaction, type Tx } from '../../platform/postgres.js';
import { cancelTimer, setTimer } from '../../platform/timers.js';
import { type GatewayEvent, GatewayUnanswered } from './adapters/gatewayPort.js';
import type { PayoutAnswer, PayoutPort } from './adapters/payoutPort.js';
import { assertWalletCurrency, type EventOutcome } from './depositCommands.js';
import { withdrawalEvents } from './events.js';
import { assertNotFlagged, lookAt, lookAtSoon } from './fraudCommands.js';
import { claimCall, endCall, type GatewayCallRow } from './gatewayCalls.js';
import { expireHold, lockHold, placeHold, settleHold, voidHold } from './holdCommands.js';
import { systemAccount } from './ledger.js';
import { atDesk, type Desk, type LedgerTx } from './desk.js';
import { type OutsideWork, retryAt } from '../../platform/outsideWork.js';
import { gatewayCalls, withdrawals } from './flowTables.js';
import { mayDecide, payoutReferenceSchema, reasonSchema, withdrawalSchema, type WithdrawalRow } from './withdrawal.js';

const PAYOUT_TIMER = 'payout';
/** Admins decide within days; a hold that is older is asked about. */
const HOLD_DAYS = 14;
const DAY_MS = 86_400_000;

/** Asks for money out of a driver's own wallet: held at once, so that it cannot be spent twice (PL-13). @throws Refusal INSUFFICIENT_FUNDS, VALIDATION_ERROR */
export async function requestWithdrawal(tx: LedgerTx, request: { userId: string; amount: Money; method: string; accountNumber: string }): Promise<string> {
  const { method, accountNumber } = parseInput(withdrawalSchema, request);
  assertWalletCurrency(request.amount.currency);
  const row: WithdrawalRow = {
    id: newUuid(tx.now),
    userId: request.userId,
    ...request.amount,
    method,
    accountNumber,
    status: 'REQUESTED',
    decidedBy: null,
    reason: null,
    failureCode: null,
    payoutReference: null,
    requestedAt: tx.now,
    decidedAt: null,
    settledAt: null,
  };
  await placeHold(tx, {
    ownerId: row.userId,
    amount: request.amount,
    reference: { type: 'WITHDRAWAL', id: row.id },
    purpose: 'WITHDRAWAL',
    expiresAt: new Date(tx.now.getTime() + HOLD_DAYS * DAY_MS),
  });
  await tx.orm.insert(withdrawals).values(row);
  await tell(tx, 'requested', row);
  await lookAtSoon(tx, row.userId);
  return row.id;
}

/** Looks at the activity of who asks for a withdrawal, in a transaction of its own: a flag that it raises stays, though the approval is refused. */
export async function lookAtOwner(tx: Tx, id: string): Promise<void> {
  await lookAt(tx, (await findWithdrawal(tx, id)).userId);
}

/**
 * Lets a withdrawal be paid out. Of two admins one decides; the other gets CONFLICT.
 * @throws Refusal NOT_FOUND, CONFLICT, WITHDRAWAL_FLAGGED while the person is flagged (PL-21)
 */
export async function approveWithdrawal(tx: LedgerTx, id: string): Promise<WithdrawalRow> {
  const row = await lockWithdrawal(tx, id);
  const decidedBy = userIdOf(tx.actor);
  if (!mayDecide(row, 'APPROVE', decidedBy)) return row;
  await assertNotFlagged(tx, row.userId);
  const approved = await change(tx, row, { status: 'APPROVED', decidedBy, decidedAt: tx.now });
  const callId = newUuid(tx.now);
  await tx.orm.insert(gatewayCalls).values({
    id: callId,
    kind: 'PAYOUT',
    withdrawalId: id,
    amountMinor: row.amountMinor,
    currency: row.currency,
    status: 'OPEN',
    createdAt: tx.now,
  });
  // Without a bank that we can call, an admin sends the money and says so: no timer, or a later change of configuration would send it again.
  if (tx.desk.sendsPayouts) await setTimer(tx, { kind: PAYOUT_TIMER, key: callId, dueAt: tx.now });
  await tell(tx, 'approved', approved);
  return approved;
}

/** Refuses a withdrawal and gives the money back to the wallet. @throws Refusal NOT_FOUND, CONFLICT, VALIDATION_ERROR without a reason */
export async function rejectWithdrawal(tx: LedgerTx, id: string, reasonGiven: string): Promise<WithdrawalRow> {
  const { reason } = parseInput(reasonSchema, { reason: reasonGiven }, '');
  const row = await lockWithdrawal(tx, id);
  const decidedBy = userIdOf(tx.actor);
  if (!mayDecide(row, 'REJECT', decidedBy)) return row;
  await returnHold(tx, id);
  const rejected = await change(tx, row, { status: 'REJECTED', decidedBy, reason, decidedAt: tx.now, settledAt: tx.now });
  await tell(tx, 'rejected', rejected);
  return rejected;
}

/**
 * What becomes of a withdrawal whose hold has run out of time (PL-08): one that nobody decided is rejected and its money given back. One that was
 * approved is with the bank: its money stays held until the bank has answered.
 */
export async function expireWithdrawal(tx: LedgerTx, id: string): Promise<void> {
  const row = await lockWithdrawal(tx, id);
  const hold = await lockHold(tx, { type: 'WITHDRAWAL', id }, 'WITHDRAWAL');
  if (!hold || row.status === 'APPROVED') return;
  await expireHold(tx, hold);
  if (row.status !== 'REQUESTED') return;
  await tell(tx, 'rejected', await change(tx, row, { status: 'REJECTED', reason: 'Not decided in time.', decidedAt: tx.now, settledAt: tx.now }));
}

/** Sends approved withdrawals to the bank: written down before, sent outside of any transaction, recorded after. */
export function payouts(options: { db: Database; desk: Desk; bank: PayoutPort; timeoutMs: number }): OutsideWork<GatewayCallRow> {
  const { db, desk, bank, timeoutMs } = options;
  const actor = systemActor(PAYOUT_TIMER);
  return {
    kind: PAYOUT_TIMER,
    leaseMs: timeoutMs + 5_000,
    claim: claimCall,
    perform: async (call, cause) => {
      const row = await inTransaction(actor, db, cause, (tx) => findWithdrawal(tx, call.withdrawalId ?? ''));
      const answer = await ask(bank, call, row);
      await inTransaction(actor, db, cause, (tx) => recordPayout(atDesk(tx, desk), call, answer));
    },
  };
}

async function ask(bank: PayoutPort, call: GatewayCallRow, row: WithdrawalRow): Promise<PayoutAnswer | GatewayUnanswered> {
  try {
    const { id, method, accountNumber, amountMinor, currency } = row;
    const amount = money(amountMinor, currency);
    return await bank.pay({ key: call.id, orderId: publicId('wdr', id), method: method as 'BANK' | 'MOBILE_WALLET', accountNumber, amount });
  } catch (error) {
    if (error instanceof GatewayUnanswered) return error;
    throw error;
  }
}

/** Records what the bank said. Locks in the order withdrawal, timer, call. One that is on its way is asked about again, in case its webhook gets lost. */
async function recordPayout(tx: LedgerTx, call: GatewayCallRow, answer: PayoutAnswer | GatewayUnanswered): Promise<void> {
  const row = await lockWithdrawal(tx, call.withdrawalId ?? '');
  if (row.status !== 'APPROVED') return cancelTimer(tx, PAYOUT_TIMER, call.id);
  if (answer instanceof GatewayUnanswered || answer.state === 'PENDING') {
    // A webhook that was faster than this answer has asked for another look at once: that is not put off.
    if (await isDue(tx, call.id)) return;
    return setTimer(tx, { kind: PAYOUT_TIMER, key: call.id, dueAt: retryAt(tx.now, call.attempts) });
  }
  await conclude(tx, row, call.id, answer);
}

async function isDue(tx: Tx, callId: string): Promise<boolean> {
  const due = await tx.orm.execute(
    sql`select 1 from timers where kind = ${PAYOUT_TIMER} and key = ${callId} and due_at <= ${tx.now.toISOString()}::timestamptz`,
  );
  return due.length > 0;
}

/** The end of a locked withdrawal that was APPROVED: paid, or failed and the money back in the wallet. */
async function conclude(
  tx: LedgerTx,
  row: WithdrawalRow,
  callId: string,
  answer: { state: 'PAID'; reference: string } | { state: 'REFUSED'; code: string; reason?: string },
): Promise<WithdrawalRow> {
  await cancelTimer(tx, PAYOUT_TIMER, callId);
  if (answer.state === 'REFUSED') {
    await endCall(tx, callId, { status: 'ANSWERED', problem: answer.code });
    await returnHold(tx, row.id);
    const failed = await change(tx, row, { status: 'FAILED', failureCode: answer.code, reason: answer.reason ?? null, settledAt: tx.now });
    await tell(tx, 'failed', failed);
    return failed;
  }
  await endCall(tx, callId, { status: 'ANSWERED', reference: answer.reference });
  const hold = await lockHold(tx, { type: 'WITHDRAWAL', id: row.id }, 'WITHDRAWAL');
  if (!hold) throw new Error(`withdrawal ${row.id} was paid without a hold`);
  const out = { account: systemAccount('PAYOUT_CLEARING', row.currency, row.id), amountMinor: row.amountMinor };
  await settleHold(tx, hold, { kind: 'WITHDRAWAL_PAYOUT', takeMinor: row.amountMinor, to: [out] });
  const paid = await change(tx, row, { status: 'PAID', payoutReference: answer.reference, settledAt: tx.now });
  await tell(tx, 'paid', paid);
  return paid;
}

async function payoutCallOf(tx: Tx, withdrawalId: string): Promise<string> {
  const [call] = await tx.orm
    .select({ id: gatewayCalls.id })
    .from(gatewayCalls)
    .where(and(eq(gatewayCalls.withdrawalId, withdrawalId), eq(gatewayCalls.kind, 'PAYOUT')));
  if (!call) throw new Error(`withdrawal ${withdrawalId} was approved without a payout`);
  return call.id;
}

/**
 * What a bank's webhook does (PL-13). "Paid" ends the withdrawal. "Failed" is believed only when the bank says so again by the payout's own key: webhooks
 * overtake each other, and money that goes back into the wallet must not have left the bank. One that contradicts the end is kept for people.
 */
export async function applyPayoutEvent(tx: LedgerTx, event: GatewayEvent): Promise<EventOutcome> {
  const id = uuidOf('wdr', event.orderId);
  const [row] = id ? await tx.orm.select().from(withdrawals).where(eq(withdrawals.id, id)).for('update') : [];
  if (!row || row.status === 'REQUESTED') return 'UNKNOWN_ORDER';
  const paid = event.type === 'PAYOUT_PAID';
  if (row.status !== 'APPROVED') return paid && row.status !== 'PAID' ? 'FLAGGED' : 'NOTHING_TO_DO';
  if (event.amount?.amountMinor !== row.amountMinor || event.amount.currency !== row.currency) return 'FLAGGED';
  const callId = await payoutCallOf(tx, row.id);
  if (paid) {
    await conclude(tx, row, callId, { state: 'PAID', reference: event.id });
    return 'PAID_OUT';
  }
  await setTimer(tx, { kind: PAYOUT_TIMER, key: callId, dueAt: tx.now });
  return 'ASKED';
}

/**
 * An admin who has sent the money says so, with the bank's reference. The same word again changes nothing.
 * @throws Refusal NOT_FOUND, CONFLICT when it is not APPROVED, or when payouts are sent by a bank that we call
 */
export async function confirmPayout(tx: LedgerTx, id: string, referenceGiven: string): Promise<WithdrawalRow> {
  const { reference } = parseInput(payoutReferenceSchema, { reference: referenceGiven });
  const row = await lockWithdrawal(tx, id, 'input.id');
  if (row.status === 'PAID' && row.payoutReference === reference) return row;
  assertByHand(tx, row);
  return conclude(tx, row, await payoutCallOf(tx, id), { state: 'PAID', reference });
}

/** An admin whose transfer did not arrive says so: the money is back in the wallet. Refuses as `confirmPayout` does, and without a reason. */
export async function failPayout(tx: LedgerTx, id: string, reasonGiven: string): Promise<WithdrawalRow> {
  const { reason } = parseInput(reasonSchema, { reason: reasonGiven });
  const row = await lockWithdrawal(tx, id, 'input.id');
  if (row.status === 'FAILED' && row.reason === reason) return row;
  assertByHand(tx, row);
  return conclude(tx, row, await payoutCallOf(tx, id), { state: 'REFUSED', code: 'FAILED_BY_HAND', reason });
}

function assertByHand(tx: LedgerTx, row: WithdrawalRow): void {
  if (row.status !== 'APPROVED') {
    throw new Refusal('CONFLICT', `Only an approved withdrawal is paid out: this one is ${row.status}.`, {
      details: { field: 'input.id', status: row.status },
    });
  }
  if (!tx.desk.sendsPayouts) return;
  throw new Refusal('CONFLICT', 'Payouts are sent and answered by the bank here. Wait for its word, or set PAYOUTS=manual.', {
    details: { field: 'input.id', rule: 'sent_by_bank' },
  });
}

async function returnHold(tx: LedgerTx, withdrawalId: string): Promise<void> {
  const hold = await lockHold(tx, { type: 'WITHDRAWAL', id: withdrawalId }, 'WITHDRAWAL');
  if (hold) await voidHold(tx, hold);
}

async function findWithdrawal(tx: Tx, id: string): Promise<WithdrawalRow> {
  const [row] = await tx.orm.select().from(withdrawals).where(eq(withdrawals.id, id));
  if (!row) throw notFound('withdrawal');
  return row;
}

async function lockWithdrawal(tx: Tx, id: string, field?: string): Promise<WithdrawalRow> {
  const [row] = await tx.orm.select().from(withdrawals).where(eq(withdrawals.id, id)).for('update');
  if (!row) throw notFound('withdrawal', field);
  return row;
}

async function change(tx: Tx, row: WithdrawalRow, changes: Partial<WithdrawalRow>): Promise<WithdrawalRow> {
  await tx.orm.update(withdrawals).set(changes).where(eq(withdrawals.id, row.id));
  return { ...row, ...changes };
}

async function tell(tx: Tx, what: keyof typeof withdrawalEvents, row: WithdrawalRow): Promise<void> {
  const { id, userId, amountMinor, currency } = row;
  await appendEvent(tx, withdrawalEvents[what], id, { withdrawalId: id, userId, amountMinor: amountMinor.toString(), currency });
}
