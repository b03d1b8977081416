import { z } from 'zod';
import { eventType } from '../../platform/outbox.js';

const digits = z.string().regex(/^\d+$/);

/** Amounts are decimal digits of minor units. `amountMinor` is what the event is about: authorised, captured or given back. */
const paymentFacts = z.object({
  paymentId: z.uuid(),
  subjectType: z.enum(['BOOKING', 'TRIP']),
  subjectId: z.uuid(),
  payerId: z.uuid(),
  amountMinor: digits,
  currency: z.string(),
  method: z.enum(['WALLET', 'CARD', 'CASH']),
});
/** `part` EXTRA: only what a booking costs more failed, and is owed; the booking itself is paid. */
const paymentFailure = paymentFacts.extend({ code: z.enum(['INSUFFICIENT_FUNDS', 'CARD_DECLINED', 'PAYMENT_TIMEOUT']), part: z.literal('EXTRA').optional() });

const toPayers = ['booking', 'dispatch', 'inbox'] as const;
const payment = <S extends z.ZodType>(type: string, payload: S) => eventType({ type, version: 1, aggregateType: 'payment', payload, consumers: toPayers });

export const paymentAuthorised = payment('payment.authorised', paymentFacts);
export const paymentDeclined = payment('payment.declined', paymentFailure);
export const paymentCaptured = payment('payment.captured', paymentFacts);
export const paymentFailed = payment('payment.failed', paymentFailure);
export const paymentRefunded = payment('payment.refunded', paymentFacts);
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

/** A person's withdrawals wait for a look (PL-21). */
export const fraudFlagged = eventType({
  type: 'fraud.flagged',
  version: 1,
  aggregateType: 'fraudFlag',
  payload: z.object({ flagId: z.uuid(), userId: z.uuid(), kind: z.string() }),
  consumers: ['inbox'],
});
