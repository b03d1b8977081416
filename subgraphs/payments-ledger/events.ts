import { z } from 'zod';
import { eventType } from '../../platform/outbox.js';
import { FAILURE_CODES } from './payment.js';

const digits = z.string().regex(/^\d+$/);

/** Amounts are decimal digits of minor units. `amountMinor` is what the event is about: authorised, captured or given back. */
const paymentFacts = z.object({
  paymentId: z.uuid(),
  /** RENTAL_DEPOSIT: what is set aside while a car is out; `subjectId` is the booking. */
  subjectType: z.enum(['BOOKING', 'TRIP', 'RENTAL_DEPOSIT']),
  subjectId: z.uuid(),
  payerId: z.uuid(),
  amountMinor: digits,
  currency: z.string(),
  method: z.enum(['WALLET', 'CARD', 'CASH']),
});
/** `part` EXTRA: only what a booking costs more failed, and is owed; the booking itself is paid. */
const paymentFailure = paymentFacts.extend({ code: z.enum(FAILURE_CODES), part: z.literal('EXTRA').optional() });
/** `owedMinor`: what its payer owes for it all the same; zero when nothing is. Events from before it was told of lack it. */
const paymentRefund = paymentFacts.extend({ owedMinor: digits.optional() });

const toPayers = ['booking', 'dispatch', 'inbox'] as const;
const payment = <S extends z.ZodType>(type: string, payload: S) => eventType({ type, version: 1, aggregateType: 'payment', payload, consumers: toPayers });

/** For whoever keeps a history (PL-23): asked for, and settled in full. Those who act on a payment listen to the events below. */
const forHistory = <S extends z.ZodType>(type: string, payload: S) => eventType({ type, version: 1, aggregateType: 'payment', payload, consumers: [] });
export const paymentInitiated = forHistory('payment.initiated', paymentFacts);
export const paymentCompleted = forHistory('payment.completed', paymentFacts);

/**
 * A wallet's money moved (PL-23): written with the entry itself, by `ledger_post` and `WRITE_POSTINGS`; the aggregate is the account, and the event's
 * sequence the entry's number. `balanceMinor` is what could be spent after it: below zero for a driver in debt.
 */
const walletFacts = z.object({
  walletId: z.uuid(),
  ownerId: z.uuid(),
  amountMinor: digits,
  currency: z.string(),
  balanceMinor: z.string().regex(/^-?\d+$/),
  transactionId: z.uuid(),
  kind: z.string(),
  referenceType: z.string(),
  referenceId: z.uuid(),
});
const wallet = (type: string) => eventType({ type, version: 1, aggregateType: 'wallet', payload: walletFacts, consumers: [] });
export const walletCredited = wallet('wallet.credited');
export const walletDebited = wallet('wallet.debited');

export const paymentAuthorised = payment('payment.authorised', paymentFacts);
export const paymentDeclined = payment('payment.declined', paymentFailure);
export const paymentCaptured = payment('payment.captured', paymentFacts);
export const paymentFailed = payment('payment.failed', paymentFailure);
export const paymentRefunded = payment('payment.refunded', paymentRefund);
export const paymentVoided = payment('payment.voided', paymentFacts);

const withdrawalFacts = z.object({ withdrawalId: z.uuid(), userId: z.uuid(), amountMinor: digits, currency: z.string() });
const withdrawal = (type: string) => eventType({ type, version: 1, aggregateType: 'withdrawal', payload: withdrawalFacts, consumers: ['inbox'] });

export const withdrawalEvents = {
  requested: withdrawal('withdrawal.requested'),
  approved: withdrawal('withdrawal.approved'),
  rejected: withdrawal('withdrawal.rejected'),
  paid: withdrawal('withdrawal.paid'),
  failed: withdrawal('withdrawal.failed'),
};

export const depositCompleted = eventType({
  type: 'deposit.completed',
  version: 1,
  aggregateType: 'deposit',
  payload: z.object({ depositId: z.uuid(), userId: z.uuid(), amountMinor: digits, currency: z.string() }),
  consumers: ['inbox'],
});

export const reconciliationDiscrepancy = eventType({
  type: 'reconciliation.discrepancy',
  version: 1,
  aggregateType: 'reconciliation',
  payload: z.object({ reconciliationId: z.uuid(), count: z.int().positive() }),
  consumers: ['inbox'],
});

/**
 * A person's withdrawals wait for a look (PL-21), until an admin has cleared or confirmed the flag. Somebody with an open or confirmed flag is not in good
 * standing: dispatch keeps that, inbox tells the admins of a new flag.
 */
const flagFacts = z.object({ flagId: z.uuid(), userId: z.uuid(), kind: z.string() });
const fraud = (type: string, consumers: readonly string[]) => eventType({ type, version: 1, aggregateType: 'fraudFlag', payload: flagFacts, consumers });
export const fraudFlagged = fraud('fraud.flagged', ['inbox', 'dispatch']);
export const fraudDecided = { CLEARED: fraud('fraud.cleared', ['dispatch']), CONFIRMED: fraud('fraud.confirmed', ['dispatch']) } as const;
