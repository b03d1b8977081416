import { openCall, openNextCall, hasOpenCall, nextOrderNumber, refundableOrders } from './gatewayCalls.js';
import { ownedAccount, type Posting, type PostingEntry, systemAccount } from './ledger.js';
import type { LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';
import { type FailureCode, isTaken, nextCardStep, type PaymentRow } from './payment.js';
import { change, charged, keepPayable, lockPayment, owed, refunded, type Subject, type SubjectType } from './paymentRows.js';
import { requireWallet, spendingFloor } from './wallets.js';

/**
 * A confirmed booking costs more or, below zero, less than before: it was changed, or its return was charged. More is taken at once and becomes a debt when
 * it cannot be paid; less is given back, first of what is owed. `cause` names the event: its effect is posted once.
 */
export async function changeBookingPrice(tx: LedgerTx, bookingId: string, by: { deltaMinor: bigint; currency: string; cause: string }): Promise<void> {
  if (by.deltaMinor === 0n) return;
  const subject: Subject = { type: 'BOOKING', id: bookingId };
  const found = await lockPayment(tx, subject);
  if (!found) throw new Error(`booking ${bookingId} was changed without a payment`);
  if (found.currency !== by.currency) throw new Error(`booking ${bookingId} is paid in ${found.currency}, not in ${by.currency}`);
  if (found.wanted === 'CLOSE') return;
  const payment = await change(tx, found, { amountMinor: found.amountMinor + by.deltaMinor });
  await keepPayable(tx, subject, { state: 'CONFIRMED', owedMinor: payment.amountMinor, currency: payment.currency });
  await settleDifference(tx, payment, by.cause);
}

/** What a payment has brought in so far, in minor units: taken and kept, or owed. */
const earnedMinor = ({ capturedMinor, refundedMinor, debtMinor }: PaymentRow) => capturedMinor - refundedMinor + debtMinor;
const smaller = (a: bigint, b: bigint) => (a < b ? a : b);

/** Makes a payment that was taken bring in what it is to bring in by now: the price, or the fee once it is closed. One in flight does so when its answer comes. */
export async function settleDifference(tx: LedgerTx, found: PaymentRow, cause: string, reason?: string): Promise<void> {
  if (!isTaken(found)) return;
  const targetMinor = found.wanted === 'CLOSE' ? found.feeMinor : found.amountMinor;
  const payment = await waiveDebt(tx, found, smaller(earnedMinor(found) - targetMinor, found.debtMinor), cause);
  if (payment.method === 'CARD') return proceedCard(tx, payment);
  const surplusMinor = earnedMinor(payment) - targetMinor;
  if (surplusMinor > 0n) return refundToWallet(tx, payment, surplusMinor, cause, reason);
  if (surplusMinor < 0n && payment.wanted === 'CAPTURE') return chargeWallet(tx, payment, -surplusMinor, cause);
}

/** Opens the call that a card payment needs next. Gives back, into the wallet, what was paid from there and is on no order of the card. */
export async function proceedCard(tx: LedgerTx, payment: PaymentRow): Promise<void> {
  const step = nextCardStep(payment);
  if (!step || !isTaken(payment)) return openNextCall(tx, payment);
  if (await hasOpenCall(tx, payment.id)) return;
  if (step.kind !== 'REFUND') return openCall(tx, payment, step, await nextOrderNumber(tx, payment.id));
  const [order] = await refundableOrders(tx, payment.id);
  if (!order) return refundToWallet(tx, payment, step.amountMinor, `beyond:${payment.refundedMinor}`);
  return openCall(tx, payment, { kind: 'REFUND', amountMinor: smaller(order.leftMinor, step.amountMinor) }, order.number);
}

/** The card does not give what a booking costs more: its payer owes it. Nothing, when the booking costs less again or has ended meanwhile. */
export async function oweCharge(tx: LedgerTx, payment: PaymentRow, code: FailureCode, cause: string): Promise<void> {
  const dueMinor = payment.amountMinor - earnedMinor(payment);
  if (payment.wanted === 'CLOSE' || dueMinor <= 0n) return;
  await post(tx, charging(payment, dueMinor, cause, ownedAccount('RECEIVABLE', payment.payerId, payment.currency)));
  await owed(tx, payment, code, dueMinor);
}

async function chargeWallet(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint, cause: string): Promise<void> {
  const wallet = await requireWallet(tx, payment.payerId, payment.currency);
  const paid = charging(payment, amountMinor, cause, wallet, spendingFloor(wallet));
  const debt = charging(payment, amountMinor, cause, ownedAccount('RECEIVABLE', payment.payerId, payment.currency));
  if ((await post(tx, paid, debt)).posted === paid) await charged(tx, payment, amountMinor);
  else await owed(tx, payment, 'INSUFFICIENT_FUNDS', amountMinor);
}

/** Takes what a booking costs more from `account` to the company. */
export function charging(payment: PaymentRow, amountMinor: bigint, cause: string, account: PostingEntry['account'], floorMinor?: bigint): Posting {
  return {
    key: `payment:${payment.id}:charge:${cause}`,
    kind: 'BOOKING_PAYMENT',
    reference: { type: payment.subjectType as SubjectType, id: payment.subjectId },
    entries: [
      { account, amountMinor: -amountMinor, floorMinor },
      { account: systemAccount('PLATFORM_REVENUE', payment.currency, payment.id), amountMinor },
    ],
    metadata: { paymentId: payment.id },
  };
}

/** Takes income back: into a wallet, towards a card, or off a debt. A trip's income is its driver's for the most part, who keeps it: the company bears that. */
export function giveBack(payment: PaymentRow, amountMinor: bigint, cause: string, account: PostingEntry['account'], reason?: string): Posting {
  const bearer = payment.subjectType === 'TRIP' ? 'REFUND_EXPENSE' : 'PLATFORM_REVENUE';
  return {
    key: `payment:${payment.id}:refund:${cause}`,
    kind: 'REFUND',
    reference: { type: payment.subjectType as SubjectType, id: payment.subjectId },
    entries: [
      { account: systemAccount(bearer, payment.currency, payment.id), amountMinor: -amountMinor },
      { account, amountMinor },
    ],
    metadata: { paymentId: payment.id, ...(reason && { reason }) },
  };
}

async function waiveDebt(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint, cause: string): Promise<PaymentRow> {
  if (amountMinor <= 0n) return payment;
  await post(tx, giveBack(payment, amountMinor, `debt:${cause}`, ownedAccount('RECEIVABLE', payment.payerId, payment.currency)));
  const debtMinor = payment.debtMinor - amountMinor;
  return change(tx, payment, { debtMinor, ...(debtMinor === 0n && { status: 'CAPTURED' }) });
}

async function refundToWallet(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint, cause: string, reason?: string): Promise<void> {
  await post(tx, giveBack(payment, amountMinor, cause, await requireWallet(tx, payment.payerId, payment.currency), reason));
  await refunded(tx, payment, amountMinor);
}
