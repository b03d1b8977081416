import { and, eq } from 'drizzle-orm';
import { newUuid } from '../../platform/ids.js';
import { appendEvent } from '../../platform/outbox.js';
import {
  paymentAuthorised,
  paymentCaptured,
  paymentCompleted,
  paymentDeclined,
  paymentFailed,
  paymentInitiated,
  paymentRefunded,
  paymentVoided,
} from './events.js';
import { lookAtSoon } from './fraudCommands.js';
import type { LedgerTx } from './desk.js';
import { assertTransition, type FailureCode, owedMinor, type PaymentMethod, type PaymentRow, type PaymentStatus } from './payment.js';
import { payables, payments } from './flowTables.js';

export type SubjectType = 'BOOKING' | 'TRIP' | 'RENTAL_DEPOSIT';
export interface Subject {
  type: SubjectType;
  id: string;
}

export interface NewPayment {
  subject: Subject;
  payerId: string;
  method: PaymentMethod;
  token: string | null;
  amountMinor: bigint;
  currency: string;
  /** A trip's class, which sets the commission. */
  vehicleType?: string;
  /** When a hold that is still there is a mistake. */
  holdUntil: Date;
}

/** Writes a new payment, of which nothing is known yet. */
export async function insertPayment(tx: LedgerTx, input: Omit<NewPayment, 'holdUntil'>): Promise<PaymentRow> {
  const row: PaymentRow = {
    id: newUuid(tx.now),
    subjectType: input.subject.type,
    subjectId: input.subject.id,
    payerId: input.payerId,
    payeeId: null,
    method: input.method,
    token: input.token,
    vehicleType: input.vehicleType ?? null,
    amountMinor: input.amountMinor,
    currency: input.currency,
    status: 'PENDING',
    wanted: 'AUTHORISE',
    feeMinor: 0n,
    authorisedMinor: 0n,
    capturedMinor: 0n,
    refundedMinor: 0n,
    debtMinor: 0n,
    failureCode: null,
    createdAt: tx.now,
    updatedAt: tx.now,
  };
  await tx.orm.insert(payments).values(row);
  await appendEvent(tx, paymentInitiated, row.id, factsOf(row, row.amountMinor));
  return row;
}

/** The payment of a subject, locked until the transaction ends: whatever happens to it happens one after the other. */
export async function lockPayment(tx: LedgerTx, subject: Subject): Promise<PaymentRow | null> {
  const [row] = await tx.orm
    .select()
    .from(payments)
    .where(and(eq(payments.subjectType, subject.type), eq(payments.subjectId, subject.id)))
    .for('update');
  return row ?? null;
}

export async function keepPayable(tx: LedgerTx, subject: Subject, facts: { state: string; owedMinor: bigint; currency: string }): Promise<void> {
  const row = { ...facts, since: tx.now };
  await tx.orm
    .insert(payables)
    .values({ ...row, subjectType: subject.type, subjectId: subject.id })
    .onConflictDoUpdate({ target: [payables.subjectType, payables.subjectId], set: row });
}

/** Writes changed facts of a locked payment. @throws Refusal PAYMENT_STATE for a status that it cannot get */
export async function change(tx: LedgerTx, payment: PaymentRow, changes: Partial<PaymentRow>): Promise<PaymentRow> {
  if (changes.status && changes.status !== payment.status) assertTransition(payment.status as PaymentStatus, changes.status as PaymentStatus);
  await tx.orm
    .update(payments)
    .set({ ...changes, updatedAt: tx.now })
    .where(eq(payments.id, payment.id));
  return { ...payment, ...changes, updatedAt: tx.now };
}

/** `authorisedMinor` is what was promised: of a card it is all that may be captured on that order. */
export async function authorised(tx: LedgerTx, payment: PaymentRow, authorisedMinor: bigint = payment.amountMinor): Promise<PaymentRow> {
  await appendEvent(tx, paymentAuthorised, payment.id, factsOf(payment, authorisedMinor));
  return change(tx, payment, { status: 'AUTHORISED', authorisedMinor });
}

export async function declined(tx: LedgerTx, payment: PaymentRow, code: FailureCode): Promise<void> {
  await change(tx, payment, { status: 'DECLINED', failureCode: code });
  await lookAtSoon(tx, payment.payerId);
  await appendEvent(tx, paymentDeclined, payment.id, { ...factsOf(payment, payment.amountMinor), code });
}

/** `amountMinor` was taken; `capturedMinor` in all, when something was before. Nothing is owed then. */
export async function captured(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint, capturedMinor = amountMinor): Promise<PaymentRow> {
  await appendEvent(tx, paymentCaptured, payment.id, factsOf(payment, amountMinor));
  await appendEvent(tx, paymentCompleted, payment.id, factsOf(payment, capturedMinor));
  return change(tx, payment, { status: 'CAPTURED', capturedMinor, debtMinor: 0n, ...(payment.failureCode === 'HOLD_EXPIRED' && { failureCode: null }) });
}

/** A card gave what it had promised of a trip that came to cost more: the rest lies on RECEIVABLE while a second order asks for it. */
export async function capturedInPart(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint, restMinor: bigint): Promise<PaymentRow> {
  await appendEvent(tx, paymentCaptured, payment.id, factsOf(payment, amountMinor));
  return change(tx, payment, { status: 'CAPTURED', capturedMinor: amountMinor, debtMinor: restMinor });
}

/** The rest of a trip's fare is not to be had either: its payer owes that, and nothing of what was captured. */
export async function restOwed(tx: LedgerTx, payment: PaymentRow, code: FailureCode): Promise<PaymentRow> {
  await lookAtSoon(tx, payment.payerId);
  await appendEvent(tx, paymentFailed, payment.id, { ...factsOf(payment, payment.debtMinor), code });
  return change(tx, payment, { status: 'FAILED', failureCode: code });
}

export async function voided(tx: LedgerTx, payment: PaymentRow): Promise<void> {
  await change(tx, payment, { status: 'VOIDED' });
  await appendEvent(tx, paymentVoided, payment.id, factsOf(payment, payment.amountMinor));
}

/** Nobody asked for the money in time, so it is free again: what is asked of this payment later, fails or is asked of the wallet anew. */
export async function expired(tx: LedgerTx, payment: PaymentRow): Promise<void> {
  await change(tx, payment, { status: 'VOIDED', failureCode: 'HOLD_EXPIRED' });
  await appendEvent(tx, paymentVoided, payment.id, factsOf(payment, payment.amountMinor));
}

/** Something was given back. A payment whose subject goes on, or that still owes its fee, keeps its status. */
export async function refunded(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint): Promise<PaymentRow> {
  await appendEvent(tx, paymentRefunded, payment.id, { ...factsOf(payment, amountMinor), owedMinor: owedMinor(payment).toString() });
  const refundedMinor = payment.refundedMinor + amountMinor;
  const wholeTrip = payment.subjectType === 'TRIP' && refundedMinor === payment.capturedMinor;
  const ends = (payment.wanted === 'CLOSE' || wholeTrip) && payment.debtMinor === 0n;
  return change(tx, payment, { refundedMinor, ...(ends && { status: 'REFUNDED' }) });
}

/** What a trip's payer owed is borne by the company: paid and given back, as far as it was owed. */
export async function waived(tx: LedgerTx, payment: PaymentRow): Promise<PaymentRow> {
  await appendEvent(tx, paymentVoided, payment.id, factsOf(payment, payment.debtMinor));
  const capturedMinor = payment.capturedMinor + payment.debtMinor;
  const refundedMinor = payment.refundedMinor + payment.debtMinor;
  return change(tx, payment, { capturedMinor, refundedMinor, debtMinor: 0n, status: refundedMinor === capturedMinor ? 'REFUNDED' : 'CAPTURED' });
}

/** A booking's payer paid what it costs more. A debt that is there already stays. */
export async function charged(tx: LedgerTx, payment: PaymentRow, amountMinor: bigint): Promise<PaymentRow> {
  await appendEvent(tx, paymentCaptured, payment.id, factsOf(payment, amountMinor));
  return change(tx, payment, { capturedMinor: payment.capturedMinor + amountMinor });
}

/** A booking's payer could not pay what it costs more, and owes it. The booking goes on: `part` says so to those who would cancel it. */
export async function owed(tx: LedgerTx, payment: PaymentRow, code: FailureCode, amountMinor: bigint): Promise<void> {
  await change(tx, payment, { status: 'FAILED', failureCode: code, debtMinor: payment.debtMinor + amountMinor });
  await lookAtSoon(tx, payment.payerId);
  await appendEvent(tx, paymentFailed, payment.id, { ...factsOf(payment, amountMinor), code, part: 'EXTRA' });
}

/** Nothing came of it. A trip took place all the same, so its payer owes `amountMinor`; a booking that failed is cancelled, and costs nothing. */
export async function failed(tx: LedgerTx, payment: PaymentRow, code: FailureCode, amountMinor: bigint): Promise<PaymentRow> {
  await lookAtSoon(tx, payment.payerId);
  await appendEvent(tx, paymentFailed, payment.id, { ...factsOf(payment, amountMinor), code });
  return change(tx, payment, { status: 'FAILED', failureCode: code, ...(payment.subjectType === 'TRIP' && { debtMinor: amountMinor }) });
}

function factsOf(payment: PaymentRow, amountMinor: bigint) {
  return {
    paymentId: payment.id,
    subjectType: payment.subjectType as SubjectType,
    subjectId: payment.subjectId,
    payerId: payment.payerId,
    amountMinor: amountMinor.toString(),
    currency: payment.currency,
    method: payment.method as PaymentMethod,
  };
}
