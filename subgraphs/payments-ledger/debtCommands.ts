import { eq } from 'drizzle-orm';
import { userIdOf } from '../../platform/actor.js';
import { notFound, Refusal } from '../../platform/errors.js';
import { ownedAccount } from './ledger.js';
import type { LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';
import { owedMinor, type PaymentRow } from './payment.js';
import { captured, type SubjectType } from './paymentRows.js';
import { payments } from './flowTables.js';
import { requireWallet, spendingFloor } from './wallets.js';

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
  const wallet = await requireWallet(tx, payment.payerId, payment.currency);
  await post(tx, {
    // A booking may come to owe again: what was captured before tells its debts apart.
    key: `payment:${payment.id}:debt${payment.subjectType === 'BOOKING' ? `:${payment.capturedMinor}` : ''}`,
    kind: 'DEBT_PAYMENT',
    reference: { type: payment.subjectType as SubjectType, id: payment.subjectId },
    entries: [
      { account: wallet, amountMinor: -amountMinor, floorMinor: spendingFloor(wallet) },
      { account: ownedAccount('RECEIVABLE', payment.payerId, payment.currency), amountMinor },
    ],
    metadata: { paymentId: payment.id },
  });
  return captured(tx, payment, amountMinor, payment.capturedMinor + amountMinor);
}
