import { and, eq } from 'drizzle-orm';
import { z } from 'zod';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { giveBack, settleDifference } from './bookingCharges.js';
import { hasOpenCall, openCall, refundableOrders } from './gatewayCalls.js';
import { ownedAccount } from './ledger.js';
import type { LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';
import { isTaken, owedMinor, type PaymentRow } from './payment.js';
import { change, refunded, waived } from './paymentRows.js';
import { payables, payments } from './flowTables.js';
import { requireWallet } from './wallets.js';

export const refundSchema = z.object({ reason: z.string().trim().min(1, 'must say why').max(500, 'must not be longer than 500 characters') });

/**
 * Gives back a part or all of what a payment has taken, where it came from (PL-11): by the card's order, else into the wallet; what a cash trip cost comes
 * into the rider's wallet. A booking costs less from then on, and what is owed for it is waived first. A trip's driver keeps the earnings: the company
 * bears it. Returns the payment; a card's refund shows once its gateway has answered.
 * @throws Refusal NOT_FOUND, PAYMENT_STATE when nothing was taken, ABOVE_CAPTURED for more than is left of it, CONFLICT while the gateway owes an answer
 */
export async function refundPayment(tx: LedgerTx, refund: { paymentId: string; amountMinor: bigint | null; reason: string }): Promise<PaymentRow> {
  const { reason } = parseInput(refundSchema, refund);
  const [payment] = await tx.orm.select().from(payments).where(eq(payments.id, refund.paymentId)).for('update');
  if (!payment) throw notFound('payment', 'input.paymentId');
  if (!isTaken(payment)) {
    throw new Refusal('PAYMENT_STATE', `Nothing was taken for a payment that is ${payment.status}: cancel what it is for, and its promise is given back.`, {
      details: { status: payment.status },
    });
  }
  const leftMinor = payment.capturedMinor - payment.refundedMinor;
  const amountMinor = refund.amountMinor ?? leftMinor;
  if (amountMinor <= 0n || amountMinor > leftMinor) {
    throw new Refusal('ABOVE_CAPTURED', 'This is more than what was taken and not given back yet. Choose less.', {
      details: { field: 'input.amount', rule: 'captured', leftMinor: leftMinor.toString() },
    });
  }
  if (await hasOpenCall(tx, payment.id)) {
    throw new Refusal('CONFLICT', 'The card’s gateway has not answered an earlier call for this payment yet. Try again shortly.', { retryAfter: 5 });
  }
  tx.log.info({ paymentId: payment.id, amountMinor: amountMinor.toString() }, 'a payment is refunded by an admin');
  if (payment.subjectType === 'BOOKING') return refundBooking(tx, payment, amountMinor, reason);
  return refundTrip(tx, payment, amountMinor, reason);
}

/** A booking's price, or the fee of one that has ended, is lower from now on; what was taken beyond it goes back as after any change of price. */
async function refundBooking(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint, reason: string): Promise<PaymentRow> {
  const closed = payment.wanted === 'CLOSE';
  const lower = closed ? { feeMinor: payment.feeMinor - amountMinor } : { amountMinor: payment.amountMinor - amountMinor };
  const cheaper = await change(tx, payment, lower);
  await tx.orm
    .update(payables)
    .set({ owedMinor: closed ? cheaper.feeMinor : cheaper.amountMinor, since: tx.now })
    .where(and(eq(payables.subjectType, payment.subjectType), eq(payables.subjectId, payment.subjectId)));
  await settleDifference(tx, cheaper, `admin:${newUuid(tx.now)}`, reason);
  return present(tx, payment.id);
}

/** What the card paid goes back to it by the orders that took it, the newest first and all at once; what was paid from the wallet comes last, and goes there. */
async function refundTrip(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint, reason: string): Promise<PaymentRow> {
  let intoWallet = amountMinor;
  for (const order of payment.method === 'CARD' ? await refundableOrders(tx, payment.id) : []) {
    const onCard = order.leftMinor < intoWallet ? order.leftMinor : intoWallet;
    if (onCard === 0n) break;
    await openCall(tx, payment, { kind: 'REFUND', amountMinor: onCard }, order.number);
    intoWallet -= onCard;
  }
  if (intoWallet > 0n) {
    await post(tx, giveBack(payment, intoWallet, `admin:${newUuid(tx.now)}`, await requireWallet(tx, payment.payerId, payment.currency), reason));
    await refunded(tx, payment, intoWallet);
  }
  return present(tx, payment.id);
}

/**
 * Lets a payer off a debt (PL-12): the company bears it, a trip's driver keeps the earnings, and whoever waits for it learns that nothing is owed. A booking
 * costs less from then on; a trip counts as paid and given back.
 * @throws Refusal NOT_FOUND; NOTHING_OWED, also the second time; VALIDATION_ERROR without a reason
 */
export async function waiveDebt(tx: LedgerTx, paymentId: string, reasonGiven: string): Promise<PaymentRow> {
  const { reason } = parseInput(refundSchema, { reason: reasonGiven });
  const [payment] = await tx.orm.select().from(payments).where(eq(payments.id, paymentId)).for('update');
  if (!payment) throw notFound('payment', 'input.paymentId');
  const amountMinor = owedMinor(payment);
  if (amountMinor === 0n) {
    throw new Refusal('NOTHING_OWED', `Nothing is owed for a payment that is ${payment.status}.`, {
      details: { field: 'input.paymentId', status: payment.status },
    });
  }
  tx.log.info({ paymentId, amountMinor: amountMinor.toString() }, 'a debt is waived by an admin');
  if (payment.subjectType === 'BOOKING') return refundBooking(tx, payment, amountMinor, reason);
  const debt = ownedAccount('RECEIVABLE', payment.payerId, payment.currency);
  await post(tx, giveBack(payment, amountMinor, 'waived', debt, reason));
  return waived(tx, payment);
}

async function present(tx: LedgerTx, id: string): Promise<PaymentRow> {
  const [row] = await tx.orm.select().from(payments).where(eq(payments.id, id));
  if (!row) throw notFound('payment', 'input.paymentId');
  return row;
}
