import { z } from 'zod';
import { eventType } from '../../platform/outbox.js';
import { RISKS } from './whereabouts.js';

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

/** Dates or car of a booking changed, or both: what it takes now, and what it costs more (or, below zero, less) than before. */
export const bookingChanged = eventType({
  type: 'booking.changed',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({
    bookingId: z.uuid(),
    customerId: z.uuid(),
    vehicleId: z.uuid(),
    /** The car that it had before, which may be the same. */
    previousVehicleId: z.uuid(),
    vehicleTitle: z.string(),
    blockedFrom: moment,
    blockedTo: moment,
    pickupAt: moment,
    returnAt: moment,
    totalMinor: minor,
    deltaMinor: z.string().regex(/^-?\d+$/),
    currency: z.string(),
    cause: z.enum(['REQUESTED', 'REPLACEMENT', 'SWAP']),
  }),
  consumers: everybody,
});

/** The car is handed over. What is above zero of `depositMinor` is to be set aside until the return, or `depositUntil`. */
export const bookingStarted = eventType({
  type: 'booking.started',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({
    bookingId: z.uuid(),
    customerId: z.uuid(),
    vehicleId: z.uuid(),
    startedAt: moment,
    odometerKm: z.int(),
    fuelPercent: z.int(),
    currency: z.string(),
    depositMinor: minor,
    depositUntil: moment,
  }),
  consumers: everybody,
});

/** The car is back and free. `chargesMinor` is what it cost beyond the price: late, fuel, damage and a young driver together. */
export const bookingReturned = eventType({
  type: 'booking.returned',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({
    bookingId: z.uuid(),
    customerId: z.uuid(),
    vehicleId: z.uuid(),
    returnedAt: moment,
    returnStationId: z.uuid().nullable(),
    odometerKm: z.int(),
    lateFeeMinor: minor,
    fuelFeeMinor: minor,
    damageFeeMinor: minor,
    youngDriverFeeMinor: minor,
    chargesMinor: minor,
    currency: z.string(),
  }),
  consumers: everybody,
});

/** The car was brought back to another station than the one at which fleet has it: it belongs there now. */
export const bookingLeftElsewhere = eventType({
  type: 'booking.leftElsewhere',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({ bookingId: z.uuid(), vehicleId: z.uuid(), stationId: z.uuid() }),
  consumers: ['fleet'],
});

/** The car is not back in time: nobody gets it from `blockedFrom` on until it is. */
export const bookingOverdue = eventType({
  type: 'booking.overdue',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({ bookingId: z.uuid(), customerId: z.uuid(), vehicleId: z.uuid(), returnAt: moment, blockedFrom: moment, blockedTo: moment }),
  consumers: ['fleet', 'inbox'],
});

/** The car of this booking may not be back in time, or will be at another station then: the customer is told, and may move to a car like it. */
export const bookingAtRisk = eventType({
  type: 'booking.atRisk',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({ bookingId: z.uuid(), customerId: z.uuid(), vehicleId: z.uuid(), pickupAt: moment, reason: z.enum(RISKS) }),
  consumers: everybody,
});

export const bookingNoShow = eventType({
  type: 'booking.noShow',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({ bookingId: z.uuid(), customerId: z.uuid(), vehicleId: z.uuid(), feeMinor: minor, currency: z.string() }),
  consumers: everybody,
});

export const bookingReminderDue = eventType({
  type: 'booking.reminderDue',
  version: 1,
  aggregateType: 'booking',
  payload: z.object({ bookingId: z.uuid(), customerId: z.uuid(), vehicleId: z.uuid(), vehicleTitle: z.string(), pickupAt: moment, hoursBefore: z.int() }),
  consumers: ['inbox'],
});

export const blockPlaced = eventType({
  type: 'block.placed',
  version: 1,
  aggregateType: 'block',
  payload: z.object({ blockId: z.uuid(), vehicleId: z.uuid(), blockedFrom: moment, blockedTo: moment }),
  consumers: ['fleet'],
});

export const blockLifted = eventType({
  type: 'block.lifted',
  version: 1,
  aggregateType: 'block',
  payload: z.object({ blockId: z.uuid(), vehicleId: z.uuid() }),
  consumers: ['fleet'],
});
