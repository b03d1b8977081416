import { and, eq, sql } from 'drizzle-orm';
import { money } from '../../platform/money.js';
import { proceedCard, settleDifference } from './bookingCharges.js';
import { collectSoon } from './commissionDebts.js';
import { abandonUntriedCall, openNextCall } from './gatewayCalls.js';
import { lockHold, placeHold, settleHold } from './holdCommands.js';
import { ownedAccount, type PostingEntry, systemAccount } from './ledger.js';
import type { LedgerTx } from './desk.js';
import { isInsufficientFunds, post } from './ledgerCommands.js';
import { isTaken, type PaymentRow, shareFare } from './payment.js';
import {
  authorised,
  captured,
  change,
  declined,
  failed,
  insertPayment,
  keepPayable,
  lockPayment,
  type NewPayment,
  type Subject,
  type SubjectType,
  voided,
} from './paymentRows.js';
import { payables } from './flowTables.js';
import { requireDriverWallet, requireWallet, spendingFloor } from './wallets.js';

/** Makes sure of the money for a booking or a trip: holds it in the wallet, or asks the card's gateway. Cash needs no promise. */
export async function authorisePayment(tx: LedgerTx, input: NewPayment): Promise<void> {
  const { subject, amountMinor, currency } = input;
  await keepPayable(tx, subject, { state: 'OPEN', owedMinor: amountMinor, currency });
  const payment = await insertPayment(tx, input);
  if (payment.method === 'CARD') return openNextCall(tx, payment);
  if (payment.method === 'WALLET') {
    try {
      await placeHold(tx, {
        ownerId: payment.payerId,
        amount: money(amountMinor, currency),
        reference: subject,
        purpose: 'PAYMENT',
        expiresAt: input.holdUntil,
      });
    } catch (error) {
      if (!isInsufficientFunds(error)) throw error;
      return declined(tx, payment, 'INSUFFICIENT_FUNDS');
    }
  }
  await authorised(tx, payment);
}

/**
 * Takes the money of a confirmed booking; a promise that ran out before is not renewed: the payment FAILED, and booking cancels what was not paid. A booking
 * that was ended stays ended: a confirmation that is heard after that takes nothing.
 */
export async function captureBooking(tx: LedgerTx, bookingId: string, total: { owedMinor: bigint; currency: string }): Promise<void> {
  const subject: Subject = { type: 'BOOKING', id: bookingId };
  const found = await lockPayment(tx, subject);
  if (!found) throw new Error(`booking ${bookingId} was confirmed without a payment`);
  if (found.wanted === 'CLOSE') return;
  await keepPayable(tx, subject, { state: 'CONFIRMED', ...total });
  const payment = await change(tx, found, { wanted: 'CAPTURE' });
  if (payment.method === 'CARD') return openNextCall(tx, payment);
  // The promise ran out while the confirmation was on its way: the money may be spent, and nothing is taken without being asked for again.
  if (payment.status === 'VOIDED') return void (await failed(tx, payment, 'HOLD_EXPIRED', payment.amountMinor));
  if (payment.status !== 'AUTHORISED') return;
  const hold = await lockHold(tx, subject, 'PAYMENT');
  if (!hold) throw new Error(`booking ${bookingId} was promised its money without a hold`);
  await settleHold(tx, hold, { kind: 'BOOKING_PAYMENT', takeMinor: payment.amountMinor, to: await incomeOf(tx, payment, payment.amountMinor) });
  await captured(tx, payment, payment.amountMinor);
}

/**
 * Ends the payment of a booking or trip that will not take place: what was promised is given free, what was taken is given back, but for the fee.
 * Repeating it changes nothing. An authorisation that comes after this is voided when it comes.
 */
export async function closePayment(tx: LedgerTx, subject: Subject, feeMinor: bigint): Promise<void> {
  const found = await lockPayment(tx, subject);
  await tx.orm
    .update(payables)
    .set({ state: 'CANCELLED', owedMinor: feeMinor, since: tx.now })
    .where(and(eq(payables.subjectType, subject.type), eq(payables.subjectId, subject.id), sql`${payables.state} <> 'CANCELLED'`));
  if (!found || found.wanted === 'CLOSE') return;
  const payment = await change(tx, found, { wanted: 'CLOSE', feeMinor });
  if (isTaken(payment)) return settleDifference(tx, payment, 'close');
  if (payment.method === 'CARD') return closeCard(tx, payment);
  if (payment.status !== 'AUTHORISED') return;
  const hold = await lockHold(tx, subject, 'PAYMENT');
  if (hold?.status === 'ACTIVE') {
    // A fee is part of what was promised, never more.
    const takeMinor = feeMinor < hold.amountMinor ? feeMinor : hold.amountMinor;
    const taken = subject.type === 'RENTAL_DEPOSIT' ? 'BOOKING_PAYMENT' : 'CANCELLATION_FEE';
    const kind = takeMinor > 0n ? taken : 'HOLD_RELEASE';
    await settleHold(tx, hold, { kind, takeMinor, to: await incomeOf(tx, payment, takeMinor) });
    if (takeMinor === 0n) return voided(tx, payment);
    await captured(tx, payment, takeMinor);
    return;
  }
  return feeMinor > 0n ? chargeCashFee(tx, payment, feeMinor) : voided(tx, payment);
}

async function closeCard(tx: LedgerTx, payment: PaymentRow): Promise<void> {
  if (payment.status === 'PENDING' && (await abandonUntriedCall(tx, payment.id))) return voided(tx, payment);
  return proceedCard(tx, payment);
}

/** A cancelled cash trip has no money waiting: the fee comes from the rider's wallet, or the rider owes it. */
async function chargeCashFee(tx: LedgerTx, payment: PaymentRow, feeMinor: bigint): Promise<void> {
  const income = await incomeOf(tx, payment, feeMinor);
  const paid = await postIncomeOrOwe(tx, payment, { kind: 'CANCELLATION_FEE', amountMinor: feeMinor, income, fromWallet: true });
  if (paid) await captured(tx, payment, feeMinor);
  else await failed(tx, payment, 'INSUFFICIENT_FUNDS', feeMinor);
}

/**
 * Gives income to those who earned it: out of the payer's wallet, or, when it does not hold enough (or the money was to come from elsewhere), as the
 * payer's debt (PL-12). Says whether it was paid.
 */
export async function postIncomeOrOwe(
  tx: LedgerTx,
  payment: PaymentRow,
  charge: { kind: 'TRIP_SETTLEMENT' | 'CANCELLATION_FEE'; amountMinor: bigint; income: readonly PostingEntry[]; fromWallet: boolean },
): Promise<boolean> {
  const posting = (account: PostingEntry['account'], floorMinor?: bigint) => ({
    key: `payment:${payment.id}:settle`,
    kind: charge.kind,
    reference: { type: payment.subjectType as SubjectType, id: payment.subjectId },
    entries: [{ account, amountMinor: -charge.amountMinor, floorMinor }, ...charge.income],
    metadata: { paymentId: payment.id },
  });
  const owed = posting(ownedAccount('RECEIVABLE', payment.payerId, payment.currency));
  if (!charge.fromWallet) {
    await post(tx, owed);
    return false;
  }
  const wallet = await requireWallet(tx, payment.payerId, payment.currency);
  const paid = posting(wallet, spendingFloor(wallet));
  return (await post(tx, paid, owed)).posted === paid;
}

/** Who gets a payment's money: the company for a booking; driver and company by class for a trip that has a driver. Adds up to the amount. */
export async function incomeOf(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint): Promise<PostingEntry[]> {
  const revenue = systemAccount('PLATFORM_REVENUE', payment.currency, payment.id);
  if (!payment.payeeId || !payment.vehicleType) return [{ account: revenue, amountMinor }];
  const { commissionMinor, driverMinor } = shareFare(amountMinor, payment.vehicleType);
  if (driverMinor > 0n) await collectSoon(tx, payment.payeeId, payment.currency);
  return [
    { account: await requireDriverWallet(tx, payment.payeeId, payment.currency), amountMinor: driverMinor },
    { account: revenue, amountMinor: commissionMinor },
  ];
}
