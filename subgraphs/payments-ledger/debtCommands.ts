import { eq } from 'drizzle-orm';
import { userIdOf } from '../../platform/actor.js';
import { notFound, Refusal } from '../../platform/errors.js';
import { ownedAccount } from './ledger.js';
import { type LedgerTx, post } from './ledgerCommands.js';
import type { PaymentRow } from './payment.js';
import { captured, type SubjectType } from './paymentRows.js';
import { payments } from './tables.js';
import { requireWallet } from './wallets.js';

/** What a failed payment leaves owed, in minor units: the fare, or the fee of a cancelled trip; of a booking what it came to cost more. Nothing for what was cancelled because of it. */
export function owedMinor(payment: Pick<PaymentRow, 'status' | 'subjectType' | 'wanted' | 'feeMinor' | 'amountMinor' | 'debtMinor'>): bigint {
  if (payment.subjectType === 'BOOKING') return payment.debtMinor;
  if (payment.status !== 'FAILED' || payment.subjectType !== 'TRIP') return 0n;
  return payment.wanted === 'CLOSE' ? payment.feeMinor : payment.amountMinor;
}

/**
 * Pays an owed trip, or what a booking came to cost more, out of the payer's wallet (PL-12): the debt is gone, the payment CAPTURED, and whoever waits for that learns it. Paying twice changes
 * nothing.
 * @throws Refusal NOT_FOUND for somebody else's payment, NOTHING_OWED, INSUFFICIENT_FUNDS
 */
export async function settleDebt(tx: LedgerTx, paymentId: string): Promise<PaymentRow> {
  const [visible] = await tx.orm.select().from(payments).where(eq(payments.id, paymentId));
  if (!visible || visible.payerId !== userIdOf(tx.actor)) throw notFound('payment', 'paymentId');
  if (visible.status === 'CAPTURED') return visible;
  if (owedMinor(visible) === 0n) {
    throw new Refusal('NOTHING_OWED', `Nothing is owed for a payment that is ${visible.status}.`, { details: { status: visible.status } });
  }
  // The policy lets a payer lock what failed only: one who was faster has made it CAPTURED.
  const [payment] = await tx.orm.select().from(payments).where(eq(payments.id, paymentId)).for('update');
  if (!payment) return { ...visible, status: 'CAPTURED', capturedMinor: visible.capturedMinor + owedMinor(visible), debtMinor: 0n };
  const amountMinor = owedMinor(payment);
  await post(tx, {
    // A booking may come to owe again: what was captured before tells its debts apart.
    key: `payment:${payment.id}:debt${payment.subjectType === 'BOOKING' ? `:${payment.capturedMinor}` : ''}`,
    kind: 'DEBT_PAYMENT',
    reference: { type: payment.subjectType as SubjectType, id: payment.subjectId },
    entries: [
      { account: await requireWallet(tx, payment.payerId, payment.currency), amountMinor: -amountMinor, floorMinor: 0n },
      { account: ownedAccount('RECEIVABLE', payment.payerId, payment.currency), amountMinor },
    ],
    metadata: { paymentId: payment.id },
  });
  return captured(tx, payment, amountMinor, payment.capturedMinor + amountMinor);
}
