import { and, eq, inArray } from 'drizzle-orm';
import { notFound, Refusal } from '../../platform/errors.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import type { Money } from '../../platform/money.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { blockedRange, OPEN_END } from './availability.js';
import { fuelFeeMinor, lateFeeMinor } from './charges.js';
import { availabilityChanged, fillGaps, lockNextBooking, lockVehicles } from './claimQueries.js';
import { bookingAtRisk, bookingOverdue, bookingReturned, bookingStarted } from './events.js';
import { type BookingRow, lockBooking, vehiclesByIds } from './queries.js';
import { bookings } from './tables.js';
import { bookingTopic, logTransition, moveBooking } from './transition.js';

export const OVERDUE_RETURN = 'overdueReturn';

/** What is read off the car when it changes hands. */
export interface Readings {
  odometerKm: number;
  fuelPercent: number;
}

/**
 * Hands the car over (BK-07). Repeated for a rental that runs, it answers with the present state (EV-05).
 * @throws Refusal NOT_FOUND, INVALID_TRANSITION, PICKUP_TOO_EARLY (with `pickupAt`), VEHICLE_NOT_RETURNED when the one before has not brought it back
 */
export async function startRental(tx: Tx, feed: LiveFeed, input: Readings & { bookingId: string }): Promise<BookingRow> {
  const booking = await lockBooking(tx.orm, input.bookingId);
  if (!booking) throw notFound('booking', 'input.bookingId');
  if (booking.status === 'ACTIVE') return booking;
  if (booking.status === 'CONFIRMED' && tx.now < booking.pickupAt) {
    throw new Refusal('PICKUP_TOO_EARLY', 'The vehicle is held for this customer from the pick-up time on, not before. Change the booking to begin earlier.', {
      details: { pickupAt: booking.pickupAt.toISOString() },
    });
  }
  const out = await rentalUnderway(tx, booking.vehicleId);
  if (out && booking.status === 'CONFIRMED') {
    throw new Refusal('VEHICLE_NOT_RETURNED', 'The vehicle is still out with the customer before. Take its return first, or move this booking to another car.');
  }
  const readings = { startOdometerKm: input.odometerKm, startFuelPercent: input.fuelPercent };
  const started = await moveBooking(tx, feed, booking, 'ACTIVE', { ...readings, startedAt: tx.now, atRiskSince: null, atRiskBy: null });
  await setTimer(tx, { kind: OVERDUE_RETURN, key: started.id, dueAt: started.returnAt });
  await appendEvent(tx, bookingStarted, started.id, {
    bookingId: started.id,
    customerId: started.customerId,
    vehicleId: started.vehicleId,
    startedAt: tx.now.toISOString(),
    odometerKm: input.odometerKm,
    fuelPercent: input.fuelPercent,
  });
  return started;
}

async function rentalUnderway(tx: Tx, vehicleId: string): Promise<boolean> {
  const rows = await tx.orm
    .select({ id: bookings.id })
    .from(bookings)
    .where(and(eq(bookings.vehicleId, vehicleId), eq(bookings.status, 'ACTIVE')));
  return rows.length > 0;
}

export interface Return extends Readings {
  bookingId: string;
  damage: { fee: Money; note: string } | null;
}

/**
 * Takes the car back (BK-07): charges what is late, missing or broken, and frees the vehicle at once, early or late. Repeated, it answers with the present state.
 * @throws Refusal NOT_FOUND, INVALID_TRANSITION, VALIDATION_ERROR for an odometer that went backwards or a damage fee in another currency
 */
export async function returnRental(tx: Tx, feed: LiveFeed, input: Return): Promise<BookingRow> {
  const booking = await lockBooking(tx.orm, input.bookingId);
  if (!booking) throw notFound('booking', 'input.bookingId');
  if (booking.status === 'COMPLETED') return booking;
  if (booking.startOdometerKm !== null && input.odometerKm < booking.startOdometerKm) {
    throw new Refusal('VALIDATION_ERROR', `input.odometerKm: must not be below the ${booking.startOdometerKm} km of the pick-up.`, {
      details: { field: 'input.odometerKm', rule: 'min', min: booking.startOdometerKm },
    });
  }
  if (input.damage && input.damage.fee.currency !== booking.currency) {
    throw new Refusal('VALIDATION_ERROR', `input.damage.fee.currency: the booking is in ${booking.currency}.`, {
      details: { field: 'input.damage.fee.currency', rule: 'same_currency' },
    });
  }
  const late = lateFeeMinor(booking, tx.now);
  const fuel = fuelFeeMinor(booking.startFuelPercent ?? 0, input.fuelPercent, booking.currency);
  const damage = input.damage?.fee.amountMinor ?? 0n;
  if (booking.status === 'ACTIVE') await liftRisk(tx, feed, booking.id);
  const returned = await moveBooking(tx, feed, booking, 'COMPLETED', {
    returnedAt: tx.now,
    returnOdometerKm: input.odometerKm,
    returnFuelPercent: input.fuelPercent,
    lateFeeMinor: late,
    fuelFeeMinor: fuel,
    damageFeeMinor: damage,
    damageNote: input.damage?.note ?? null,
    overdueSince: null,
  });
  await appendEvent(tx, bookingReturned, booking.id, {
    bookingId: booking.id,
    customerId: booking.customerId,
    vehicleId: booking.vehicleId,
    returnedAt: tx.now.toISOString(),
    returnStationId: booking.returnStationId,
    odometerKm: input.odometerKm,
    lateFeeMinor: late.toString(),
    fuelFeeMinor: fuel.toString(),
    damageFeeMinor: damage.toString(),
    chargesMinor: (late + fuel + damage).toString(),
    currency: booking.currency,
  });
  return returned;
}

/** The car is back: whoever was at risk for it is not any more. */
async function liftRisk(tx: Tx, feed: LiveFeed, bookingId: string): Promise<void> {
  const safe = await tx.orm
    .update(bookings)
    .set({ atRiskSince: null, atRiskBy: null, updatedAt: tx.now })
    .where(and(eq(bookings.atRiskBy, bookingId), inArray(bookings.status, ['HELD', 'CONFIRMED'])))
    .returning({ id: bookings.id, status: bookings.status, stationId: bookings.stationId });
  for (const { id, status, stationId } of safe) await logTransition(tx, feed, { bookingId: id, stationId, from: status, to: status, reason: 'VEHICLE_BACK' });
}

/**
 * The end of a rental has come and the car is not back (BK-06b): it takes every gap until it is, so that nobody books a car that is not there, and the next
 * booking is at risk. Harmless for a rental that has ended, and when repeated.
 */
export async function markOverdue(tx: Tx, feed: LiveFeed, bookingId: string): Promise<void> {
  const booking = await lockBooking(tx.orm, bookingId);
  if (booking?.status !== 'ACTIVE' || booking.returnAt > tx.now) return;
  const [vehicle] = await vehiclesByIds(tx.orm, [booking.vehicleId]);
  const blocked = blockedRange(booking.pickupAt, booking.returnAt, vehicle?.category);
  // Bookings are locked before vehicles, by everybody: the next one is told first.
  await markNextAtRisk(tx, feed, booking, blocked.to);
  availabilityChanged(tx, [booking.vehicleId]);
  await lockVehicles(tx.orm, [booking.vehicleId]);
  await fillGaps(tx, { holderId: booking.id, vehicleId: booking.vehicleId, from: blocked.to });
  if (!booking.overdueSince) {
    await tx.orm.update(bookings).set({ overdueSince: booking.returnAt, updatedAt: tx.now }).where(eq(bookings.id, booking.id));
    await logTransition(tx, feed, { bookingId, stationId: booking.stationId, from: 'ACTIVE', to: 'ACTIVE', reason: 'OVERDUE' });
    await appendEvent(tx, bookingOverdue, bookingId, {
      bookingId,
      customerId: booking.customerId,
      vehicleId: booking.vehicleId,
      returnAt: booking.returnAt.toISOString(),
      blockedFrom: booking.pickupAt.toISOString(),
      blockedTo: OPEN_END.toISOString(),
    });
  }
}

/** The next one behind a rental that is, or will be, late is told, once. */
async function markNextAtRisk(tx: Tx, feed: LiveFeed, late: BookingRow, from: Date): Promise<void> {
  const next = await lockNextBooking(tx.orm, late.vehicleId, from);
  if (!next || next.atRiskSince) return;
  await tx.orm.update(bookings).set({ atRiskSince: tx.now, atRiskBy: late.id, updatedAt: tx.now }).where(eq(bookings.id, next.id));
  await logTransition(tx, feed, { bookingId: next.id, stationId: next.stationId, from: next.status, to: next.status, reason: 'AT_RISK' });
  await appendEvent(tx, bookingAtRisk, next.id, {
    bookingId: next.id,
    customerId: next.customerId,
    vehicleId: next.vehicleId,
    pickupAt: next.pickupAt.toISOString(),
  });
}

/**
 * Somebody knows that a running rental will be back later than agreed: when that is after the next pick-up, the next customer is told now (BK-06b).
 * @throws Refusal NOT_FOUND, RENTAL_NOT_RUNNING
 */
export async function expectLateReturn(tx: Tx, feed: LiveFeed, input: { bookingId: string; expectedAt: Date }): Promise<BookingRow> {
  const booking = await lockBooking(tx.orm, input.bookingId);
  if (!booking) throw notFound('booking', 'input.bookingId');
  if (booking.status !== 'ACTIVE') {
    throw new Refusal('RENTAL_NOT_RUNNING', `Only a running rental can be late, and this booking is ${booking.status}.`, {
      details: { status: booking.status },
    });
  }
  const [vehicle] = await vehiclesByIds(tx.orm, [booking.vehicleId]);
  const agreed = blockedRange(booking.pickupAt, booking.returnAt, vehicle?.category);
  const expected = blockedRange(booking.pickupAt, input.expectedAt, vehicle?.category);
  const next = await lockNextBooking(tx.orm, booking.vehicleId, agreed.to);
  if (next && next.pickupAt < expected.to) await markNextAtRisk(tx, feed, booking, agreed.to);
  tx.afterCommit(() => feed.publish(bookingTopic(booking.id)));
  return booking;
}
