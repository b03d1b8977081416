import { z } from 'zod';
import { type Consumption, consumption, nothingOn } from '../../platform/consumer.js';
import { keepAdmin, tellAdmins } from './adminNews.js';
import type { Desk } from './desk.js';
import { type News, tell } from './notificationCommands.js';
import type { Kind } from './templates.js';

const amount = { amountMinor: z.string(), currency: z.string() };
const fee = { feeMinor: z.string(), currency: z.string() };

const booking = z.object({ bookingId: z.uuid(), customerId: z.uuid() });
const bookingConfirmed = booking.extend({ vehicleTitle: z.string(), pickupAt: z.string(), returnAt: z.string(), totalMinor: z.string(), currency: z.string() });
const bookingCancelled = booking.extend({ ...fee, by: z.string(), cause: z.string(), failureCode: z.string().nullish() });
const bookingChanged = bookingConfirmed.extend({ deltaMinor: z.string(), cause: z.string() });
const bookingReminderDue = booking.extend({ vehicleTitle: z.string(), pickupAt: z.string(), hoursBefore: z.int() });
const payment = z.object({
  paymentId: z.uuid(),
  subjectType: z.string(),
  subjectId: z.uuid(),
  payerId: z.uuid(),
  method: z.string(),
  code: z.string().nullish(),
  ...amount,
});
const trip = z.object({ tripId: z.uuid(), riderId: z.uuid() });
const tripCompleted = trip.extend({ fareMinor: z.string(), currency: z.string() });
const tripCancelled = trip.extend({ ...fee, by: z.string() });
const driver = z.object({ userId: z.uuid() });
const person = z.object({ userId: z.uuid(), roles: z.array(z.string()).default([]) });
const fraudFlag = z.object({ flagId: z.uuid(), userId: z.uuid(), kind: z.string() });
const discrepancy = z.object({ reconciliationId: z.uuid(), count: z.int() });
const withdrawal = z.object({ withdrawalId: z.uuid(), userId: z.uuid(), ...amount });
const deposit = z.object({ depositId: z.uuid(), userId: z.uuid(), ...amount });

type Told = Omit<News, 'causeId'>;

const ofPayment =
  (kind: Kind) =>
  (event: z.output<typeof payment>): Told => ({
    kind,
    userId: event.payerId,
    data: {
      paymentId: event.paymentId,
      method: event.method,
      amountMinor: event.amountMinor,
      currency: event.currency,
      code: event.code,
      bookingId: event.subjectType === 'BOOKING' || event.subjectType === 'RENTAL_DEPOSIT' ? event.subjectId : null,
      tripId: event.subjectType === 'TRIP' ? event.subjectId : null,
    },
  });
const ofTrip =
  (kind: Kind) =>
  (event: z.output<typeof trip>): Told => ({ kind, userId: event.riderId, data: { tripId: event.tripId } });
const ofWithdrawal =
  (kind: Kind) =>
  ({ userId, withdrawalId, amountMinor, currency }: z.output<typeof withdrawal>): Told => ({
    kind,
    userId,
    data: { withdrawalId, amountMinor, currency },
  });

/**
 * What inbox does on other domains' events: it tells the person concerned, or the admins. An event that is not here, such as `trip.requested`, is taken and
 * tells nobody.
 */
export function inboxConsumes(desk: Desk): readonly Consumption[] {
  const tells = <S extends z.ZodType>(type: string, payload: S, toldOf: (event: z.output<S>) => Told) =>
    consumption({ type, payload, apply: (tx, event) => tell(tx, desk, { causeId: event.id, ...toldOf(event.payload) }) });
  const tellsAdmins = <S extends z.ZodType>(type: string, payload: S, toldOf: (event: z.output<S>) => Omit<Told, 'userId'>) =>
    consumption({ type, payload, apply: (tx, event) => tellAdmins(tx, desk, { causeId: event.id, ...toldOf(event.payload) }) });

  return [
    consumption({
      type: 'user.registered',
      payload: person,
      apply: async (tx, { id, payload }) => {
        await keepAdmin(tx, payload);
        await tell(tx, desk, { causeId: id, kind: 'WELCOME', userId: payload.userId, data: {} });
      },
    }),
    tellsAdmins('fraud.flagged', fraudFlag, ({ flagId, kind }) => ({ kind: 'FRAUD_FLAGGED', data: { flagId, flag: kind } })),
    tellsAdmins('reconciliation.discrepancy', discrepancy, ({ reconciliationId, count }) => ({
      kind: 'RECONCILIATION_DISCREPANCY',
      data: { reconciliationId, count },
    })),
    tells('booking.confirmed', bookingConfirmed, ({ bookingId, customerId, vehicleTitle, pickupAt, returnAt, totalMinor, currency }) => ({
      kind: 'BOOKING_CONFIRMED',
      userId: customerId,
      data: { bookingId, vehicleTitle, pickupAt, returnAt, amountMinor: totalMinor, currency },
    })),
    tells('booking.cancelled', bookingCancelled, ({ bookingId, customerId, by, cause, failureCode, feeMinor, currency }) => ({
      kind: 'BOOKING_CANCELLED',
      userId: customerId,
      data: { bookingId, by, cause, failureCode, amountMinor: feeMinor, currency },
    })),
    tells('booking.expired', booking, ({ bookingId, customerId }) => ({ kind: 'BOOKING_EXPIRED', userId: customerId, data: { bookingId } })),
    tells('booking.changed', bookingChanged, ({ bookingId, customerId, vehicleTitle, pickupAt, returnAt, totalMinor, deltaMinor, currency, cause }) => ({
      kind: 'BOOKING_CHANGED',
      userId: customerId,
      data: { bookingId, vehicleTitle, pickupAt, returnAt, amountMinor: totalMinor, deltaMinor, currency, cause },
    })),
    tells('booking.reminderDue', bookingReminderDue, ({ bookingId, customerId, vehicleTitle, pickupAt, hoursBefore }) => ({
      kind: 'BOOKING_REMINDER',
      userId: customerId,
      data: { bookingId, vehicleTitle, pickupAt, hoursBefore },
    })),
    tells('booking.atRisk', booking.extend({ pickupAt: z.string(), reason: z.string().optional() }), ({ bookingId, customerId, pickupAt, reason }) => ({
      kind: 'BOOKING_AT_RISK',
      userId: customerId,
      data: { bookingId, pickupAt, reason },
    })),
    tells('booking.started', booking, ({ bookingId, customerId }) => ({ kind: 'BOOKING_STARTED', userId: customerId, data: { bookingId } })),
    tells('booking.overdue', booking.extend({ returnAt: z.string() }), ({ bookingId, customerId, returnAt }) => ({
      kind: 'BOOKING_OVERDUE',
      userId: customerId,
      data: { bookingId, returnAt },
    })),
    tells('booking.returned', booking.extend({ chargesMinor: z.string(), currency: z.string() }), ({ bookingId, customerId, chargesMinor, currency }) => ({
      kind: 'BOOKING_RETURNED',
      userId: customerId,
      data: { bookingId, amountMinor: chargesMinor, currency },
    })),
    tells('booking.noShow', booking.extend(fee), ({ bookingId, customerId, feeMinor, currency }) => ({
      kind: 'BOOKING_NO_SHOW',
      userId: customerId,
      data: { bookingId, amountMinor: feeMinor, currency },
    })),
    tells('payment.captured', payment, ofPayment('RECEIPT')),
    tells('payment.failed', payment, ofPayment('PAYMENT_FAILED')),
    tells('payment.refunded', payment, ofPayment('PAYMENT_REFUNDED')),
    tells('trip.accepted', trip, ofTrip('TRIP_ACCEPTED')),
    tells('trip.arrived', trip, ofTrip('TRIP_ARRIVED')),
    tells('trip.started', trip, ofTrip('TRIP_STARTED')),
    tells('trip.routeChanged', trip, ofTrip('TRIP_ROUTE_CHANGED')),
    tells('trip.completed', tripCompleted, ({ tripId, riderId, fareMinor, currency }) => ({
      kind: 'TRIP_COMPLETED',
      userId: riderId,
      data: { tripId, amountMinor: fareMinor, currency },
    })),
    tells('trip.cancelled', tripCancelled, ({ tripId, riderId, by, feeMinor, currency }) => ({
      kind: 'TRIP_CANCELLED',
      userId: riderId,
      data: { tripId, by, amountMinor: feeMinor, currency },
    })),
    tells('trip.noDrivers', trip, ofTrip('TRIP_NO_DRIVERS')),
    tells('driver.registered', driver, ({ userId }) => ({ kind: 'DRIVER_REGISTERED', userId, data: {} })),
    tells('driver.approved', driver, ({ userId }) => ({ kind: 'DRIVER_APPROVED', userId, data: {} })),
    tells('driver.suspended', driver, ({ userId }) => ({ kind: 'DRIVER_SUSPENDED', userId, data: {} })),
    tells('withdrawal.requested', withdrawal, ofWithdrawal('WITHDRAWAL_REQUESTED')),
    tells('withdrawal.approved', withdrawal, ofWithdrawal('WITHDRAWAL_APPROVED')),
    tells('withdrawal.rejected', withdrawal, ofWithdrawal('WITHDRAWAL_REJECTED')),
    tells('withdrawal.paid', withdrawal, ofWithdrawal('WITHDRAWAL_PAID')),
    tells('withdrawal.failed', withdrawal, ofWithdrawal('WITHDRAWAL_FAILED')),
    tells('deposit.completed', deposit, ({ depositId, userId, amountMinor, currency }) => ({
      kind: 'DEPOSIT_COMPLETED',
      userId,
      data: { depositId, amountMinor, currency },
    })),
    ...nothingOn('payment.authorised', 'payment.declined', 'payment.voided'),
  ];
}
