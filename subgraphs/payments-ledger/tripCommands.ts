import { and, eq } from 'drizzle-orm';
import { commissionDebt } from './commissionDebts.js';
import { openNextCall } from './gatewayCalls.js';
import { lockHold, settleHold, type Settlement } from './holdCommands.js';
import { ownedAccount, type Posting, systemAccount } from './ledger.js';
import type { LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';
import { type PaymentMethod, type PaymentRow, shareFare } from './payment.js';
import { incomeOf, postIncomeOrOwe } from './paymentCommands.js';
import { captured, change, failed, insertPayment, keepPayable, lockPayment, type Subject } from './paymentRows.js';
import { payments } from './flowTables.js';
import { requireDriverWallet } from './wallets.js';

/** Keeps who drives a trip: the driver may see its payment from now on. */
export async function keepDriver(tx: LedgerTx, tripId: string, driverUserId: string): Promise<void> {
  await tx.orm
    .update(payments)
    .set({ payeeId: driverUserId, updatedAt: tx.now })
    .where(and(eq(payments.subjectType, 'TRIP'), eq(payments.subjectId, tripId)));
}

export interface CompletedTrip {
  tripId: string;
  riderId: string;
  driverUserId: string;
  vehicleType: string;
  fareMinor: bigint;
  currency: string;
  method: PaymentMethod;
}

/**
 * Settles a completed trip (PL-12): the driver is paid in any case. What the rider does not have becomes the rider's debt, and the payment FAILED.
 * A card's share comes when the gateway has captured.
 */
export async function settleTrip(tx: LedgerTx, trip: CompletedTrip): Promise<void> {
  const subject: Subject = { type: 'TRIP', id: trip.tripId };
  await keepPayable(tx, subject, { state: 'COMPLETED', owedMinor: trip.fareMinor, currency: trip.currency });
  const found =
    (await lockPayment(tx, subject)) ?? (await insertPayment(tx, { subject, payerId: trip.riderId, token: null, amountMinor: trip.fareMinor, ...trip }));
  if (found.wanted !== 'AUTHORISE') return;
  const payment = await change(tx, found, {
    wanted: 'CAPTURE',
    payeeId: trip.driverUserId,
    vehicleType: trip.vehicleType,
    amountMinor: trip.fareMinor,
  });
  if (payment.method === 'CASH') return settleCash(tx, payment, trip.driverUserId);
  if (payment.method === 'WALLET') return settleFromWallet(tx, payment, subject);
  if (payment.status === 'PENDING' || payment.status === 'AUTHORISED') return openNextCall(tx, payment);
  return oweFare(tx, payment);
}

async function settleFromWallet(tx: LedgerTx, payment: PaymentRow, subject: Subject): Promise<void> {
  const income = await incomeOf(tx, payment, payment.amountMinor);
  const hold = await lockHold(tx, subject, 'PAYMENT');
  let paid: boolean;
  if (hold?.status === 'ACTIVE') {
    const metadata = { paymentId: payment.id };
    const whole: Settlement = { kind: 'TRIP_SETTLEMENT', takeMinor: payment.amountMinor, to: income, metadata };
    const debt = { account: ownedAccount('RECEIVABLE', payment.payerId, payment.currency), amountMinor: -payment.amountMinor };
    const owed: Settlement = { kind: 'TRIP_SETTLEMENT', takeMinor: 0n, to: [debt, ...income], metadata };
    paid = (await settleHold(tx, hold, whole, owed)).used === whole;
  } else {
    paid = await postIncomeOrOwe(tx, payment, { kind: 'TRIP_SETTLEMENT', amountMinor: payment.amountMinor, income, fromWallet: true });
  }
  if (paid) await captured(tx, payment, payment.amountMinor);
  else await failed(tx, payment, 'INSUFFICIENT_FUNDS', payment.amountMinor);
}

/** The driver has the cash, and owes the commission: from the wallet down to its limit, beyond that as a debt that the next earnings pay. */
async function settleCash(tx: LedgerTx, payment: PaymentRow, driverUserId: string): Promise<void> {
  const { commissionMinor } = shareFare(payment.amountMinor, payment.vehicleType ?? '');
  if (commissionMinor > 0n) {
    const posting = (account: Posting['entries'][number]['account']): Posting => ({
      key: `payment:${payment.id}:settle`,
      kind: 'TRIP_SETTLEMENT',
      reference: { type: 'TRIP', id: payment.subjectId },
      entries: [
        { account, amountMinor: -commissionMinor },
        { account: systemAccount('PLATFORM_REVENUE', payment.currency, payment.id), amountMinor: commissionMinor },
      ],
      metadata: { paymentId: payment.id, cashMinor: payment.amountMinor.toString() },
    });
    const wallet = await requireDriverWallet(tx, driverUserId, payment.currency);
    await post(tx, posting(wallet), posting(commissionDebt(driverUserId, payment.currency)));
  }
  await captured(tx, payment, payment.amountMinor);
}

/** The money will not come from where it was to come from: the driver is paid, the rider owes. */
export async function oweFare(tx: LedgerTx, payment: PaymentRow): Promise<void> {
  const closed = payment.wanted === 'CLOSE';
  const amountMinor = closed ? payment.feeMinor : payment.amountMinor;
  const income = await incomeOf(tx, payment, amountMinor);
  await postIncomeOrOwe(tx, payment, { kind: closed ? 'CANCELLATION_FEE' : 'TRIP_SETTLEMENT', amountMinor, income, fromWallet: false });
  await failed(tx, payment, payment.failureCode === 'PAYMENT_TIMEOUT' ? 'PAYMENT_TIMEOUT' : 'CARD_DECLINED', amountMinor);
}
