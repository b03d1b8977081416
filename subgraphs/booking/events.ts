import { z } from 'zod';
import { eventType } from '../../platform/outbox.js';

const minor = z.string().regex(/^\d+$/);
const moment = z.iso.datetime();
const everybody = ['payments-ledger', 'fleet', 'inbox'] as const;

/** A vehicle is won and payment may be authorised. `blockedFrom` to `blockedTo` is what others cannot have: preparation is part of it. */
export const bookingHeld = eventType({
  type: 'booking.held',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({
    bookingId: z.uuid(),
    customerId: z.uuid(),
    vehicleId: z.uuid(),
    blockedFrom: moment,
    blockedTo: moment,
    pickupAt: moment,
    returnAt: moment,
    totalMinor: minor,
    currency: z.string(),
    paymentMethod: z.enum(['WALLET', 'CARD']),
    paymentToken: z.string().nullable(),
    holdExpiresAt: moment,
  }),
  consumers: ['payments-ledger', 'fleet'],
});

export const bookingConfirmed = eventType({
  type: 'booking.confirmed',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({
    bookingId: z.uuid(),
    customerId: z.uuid(),
    vehicleId: z.uuid(),
    vehicleTitle: z.string(),
    pickupAt: moment,
    returnAt: moment,
    totalMinor: minor,
    currency: z.string(),
  }),
  consumers: everybody,
});

/** The reason that a person wrote stays with the booking: free text may hold names. */
export const bookingCancelled = eventType({
  type: 'booking.cancelled',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({
    bookingId: z.uuid(),
    customerId: z.uuid(),
    vehicleId: z.uuid(),
    by: z.enum(['CUSTOMER', 'ADMIN', 'SYSTEM']),
    cause: z.enum(['REQUESTED', 'PAYMENT_FAILED']),
    failureCode: z.string().nullable(),
    feeMinor: minor,
    currency: z.string(),
  }),
  consumers: everybody,
});

export const bookingExpired = eventType({
  type: 'booking.expired',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({ bookingId: z.uuid(), customerId: z.uuid(), vehicleId: z.uuid() }),
  consumers: everybody,
});

/** An authorisation came for a booking that does not hold its vehicle any more: it is to be voided. */
export const bookingReleased = eventType({
  type: 'booking.released',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({ bookingId: z.uuid() }),
  consumers: ['payments-ledger'],
});
