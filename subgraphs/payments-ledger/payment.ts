import { Refusal } from '../../platform/errors.js';
import { divideHalfUp } from '../../platform/money.js';
import type { payments } from './flowTables.js';

export const PAYMENT_STATUSES = ['PENDING', 'AUTHORISED', 'CAPTURED', 'DECLINED', 'FAILED', 'VOIDED', 'REFUNDED'] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];
export const PAYMENT_METHODS = ['WALLET', 'CARD', 'CASH'] as const;
export type PaymentMethod = (typeof PAYMENT_METHODS)[number];
export const FAILURE_CODES = ['INSUFFICIENT_FUNDS', 'CARD_DECLINED', 'PAYMENT_TIMEOUT', 'HOLD_EXPIRED'] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

/** What the subject asks of its payment by now: to be sure of the money, to take it, or to be done with it (keeping a fee). */
export type Wanted = 'AUTHORISE' | 'CAPTURE' | 'CLOSE';

export type PaymentRow = typeof payments.$inferSelect;

/**
 * DECLINED, PENDING and a wallet's promise that ran out (VOIDED) may still be settled at the end of a trip that took place all the same: CAPTURED from the wallet, or FAILED. A captured booking FAILED
 * when it costs more by now and nobody could pay that, until the debt is paid or waived.
 */
const TRANSITIONS: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  PENDING: ['AUTHORISED', 'DECLINED', 'VOIDED', 'CAPTURED', 'FAILED'],
  AUTHORISED: ['CAPTURED', 'VOIDED', 'FAILED'],
  DECLINED: ['CAPTURED', 'FAILED'],
  CAPTURED: ['REFUNDED', 'FAILED'],
  FAILED: ['CAPTURED', 'REFUNDED'],
  VOIDED: ['CAPTURED', 'FAILED'],
  REFUNDED: [],
};

/** @throws Refusal PAYMENT_STATE for a change that a payment cannot make */
export function assertTransition(from: PaymentStatus, to: PaymentStatus): void {
  if (TRANSITIONS[from].includes(to)) return;
  throw new Refusal('PAYMENT_STATE', `A payment that is ${from} cannot become ${to}.`, { details: { status: from } });
}

/** Commission in percent of the fare, by vehicle class (PL-12). */
export const COMMISSION_PERCENT: Readonly<Record<string, bigint>> = { ECONOMY: 15n, COMFORT: 18n, PREMIUM: 20n, XL: 17n };

/** Splits a fare: commission rounded half up, and the rest, to the last piastre, for the driver. */
export function shareFare(fareMinor: bigint, vehicleType: string): { commissionMinor: bigint; driverMinor: bigint } {
  const percent = COMMISSION_PERCENT[vehicleType];
  if (percent === undefined) throw new Error(`no commission is set for vehicle type ${vehicleType}`);
  const commissionMinor = divideHalfUp(fareMinor * percent, 100n);
  return { commissionMinor, driverMinor: fareMinor - commissionMinor };
}

/** Whether the money of a payment was taken, all or a part, so that it can be given back, and a booking's new price moves the difference. */
export function isTaken(payment: Pick<PaymentRow, 'status' | 'subjectType' | 'capturedMinor' | 'debtMinor'>): boolean {
  const { status, subjectType, capturedMinor, debtMinor } = payment;
  return status === 'CAPTURED' || status === 'REFUNDED' || (status === 'FAILED' && (capturedMinor > 0n || (subjectType === 'BOOKING' && debtMinor > 0n)));
}

/** What a failed payment leaves owed, in minor units: what of a fare, fee or booking nobody could pay. Nothing while the card is still being asked. */
export function owedMinor(payment: Pick<PaymentRow, 'status' | 'debtMinor'>): bigint {
  return payment.status === 'FAILED' ? payment.debtMinor : 0n;
}

export type CardStep = { kind: 'AUTHORISE' | 'CAPTURE' | 'VOID' | 'REFUND'; amountMinor: bigint };

/**
 * The next call that a card payment needs at its gateway, from nothing but its facts: so it does not matter whether an answer or a wish came
 * first, or where a process died. Null when it is where it is wanted.
 */
export function nextCardStep(payment: CardFacts): CardStep | null {
  const { status, wanted, amountMinor, feeMinor, authorisedMinor } = payment;
  if (isTaken(payment)) return stepAfterCapture(payment);
  switch (status as PaymentStatus) {
    case 'PENDING':
      return { kind: 'AUTHORISE', amountMinor };
    case 'AUTHORISED':
      if (wanted === 'AUTHORISE') return null;
      // Never more than was promised: what it costs beyond that is asked for by an order of its own.
      if (wanted === 'CAPTURE') return { kind: 'CAPTURE', amountMinor: smaller(amountMinor, authorisedMinor) };
      return feeMinor > 0n ? { kind: 'CAPTURE', amountMinor: smaller(feeMinor, authorisedMinor) } : { kind: 'VOID', amountMinor: authorisedMinor };
    default:
      return null;
  }
}

type CardFacts = Pick<
  PaymentRow,
  'status' | 'subjectType' | 'wanted' | 'amountMinor' | 'feeMinor' | 'authorisedMinor' | 'capturedMinor' | 'refundedMinor' | 'debtMinor'
>;

/** Once taken: what is too much goes back, and what a running booking costs more is asked for by an order of its own. */
function stepAfterCapture(payment: CardFacts): CardStep | null {
  const { subjectType, wanted, amountMinor, feeMinor, capturedMinor, refundedMinor, debtMinor } = payment;
  const keptMinor = capturedMinor - refundedMinor;
  const surplusMinor = keptMinor - (wanted === 'CLOSE' ? feeMinor : amountMinor - debtMinor);
  if (wanted !== 'CLOSE' && subjectType !== 'BOOKING') return null;
  if (surplusMinor > 0n) return { kind: 'REFUND', amountMinor: smaller(surplusMinor, keptMinor) };
  return surplusMinor < 0n && wanted === 'CAPTURE' ? { kind: 'AUTHORISE', amountMinor: -surplusMinor } : null;
}

const smaller = (a: bigint, b: bigint) => (a < b ? a : b);
