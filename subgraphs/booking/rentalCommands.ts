import { and, eq, ne } from 'drizzle-orm';
import { notFound, Refusal } from '../../platform/errors.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import type { Money } from '../../platform/money.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { fuelFeeMinor, lateFeeMinor } from './charges.js';
import { bookingLeftElsewhere, bookingReturned, bookingStarted } from './events.js';
import { depositUntil } from './deposit.js';
import { lookBehind } from './lateCommands.js';
import { youngDriverFeeMinor } from './price.js';
import { type BookingRow, lockBooking, lockQuote, rentalUnderway } from './queries.js';
import { isYoung } from './quoteCommands.js';
import { vehicles } from './tables.js';
import { moveBooking } from './transition.js';

export const OVERDUE_RETURN = 'overdueReturn';

/** What is read off the car when it changes hands. */
export interface Readings {
  odometerKm: number;
  fuelPercent: number;
}

/**
 * Hands the car over (BK-07), and has the deposit set aside: `depositStatus` says what came of it. The licence tells a young driver whose fee is not in the price. Repeated for a rental that runs, it answers with the present state (EV-05).
 * @throws Refusal NOT_FOUND, INVALID_TRANSITION, PICKUP_TOO_EARLY (with `pickupAt`), VEHICLE_NOT_RETURNED when the one before has not brought it back
 */
export async function startRental(tx: Tx, feed: LiveFeed, input: Readings & { bookingId: string; driverAge?: number | null }): Promise<BookingRow> {
  const booking = await lockBooking(tx.orm, input.bookingId);
  if (!booking) throw notFound('booking', 'input.bookingId');
  if (booking.status === 'ACTIVE') return booking;
  if (booking.status === 'CONFIRMED' && tx.now < booking.pickupAt) {
    throw new Refusal('PICKUP_TOO_EARLY', 'The vehicle is held for this customer from the pick-up time on, not before. Change the booking to begin earlier.', {
      details: { pickupAt: booking.pickupAt.toISOString() },
    });
  }
  const out = await rentalUnderway(tx.orm, booking.vehicleId);
  if (out && booking.status === 'CONFIRMED') {
    throw new Refusal('VEHICLE_NOT_RETURNED', 'The vehicle is still out with the customer before. Take its return first, or move this booking to another car.');
  }
  const readings = { startOdometerKm: input.odometerKm, startFuelPercent: input.fuelPercent };
  const started = await moveBooking(tx, feed, booking, 'ACTIVE', {
    ...readings,
    startedAt: tx.now,
    atRiskSince: null,
    atRiskWhy: null,
    atRiskBy: null,
    youngDriverFeeMinor: isYoung(input.driverAge) ? await missingYoungDriverFee(tx, booking) : null,
    depositStatus: booking.depositMinor > 0n ? 'REQUESTED' : null,
  });
  await setTimer(tx, { kind: OVERDUE_RETURN, key: started.id, dueAt: started.returnAt });
  await appendEvent(tx, bookingStarted, started.id, {
    bookingId: started.id,
    customerId: started.customerId,
    vehicleId: started.vehicleId,
    startedAt: tx.now.toISOString(),
    odometerKm: input.odometerKm,
    fuelPercent: input.fuelPercent,
    currency: started.currency,
    depositMinor: started.depositMinor.toString(),
    depositUntil: depositUntil(started.returnAt).toISOString(),
  });
  return started;
}

/** The fee for a young driver that the price of a booking left out, because nobody told the age (BK-03). */
async function missingYoungDriverFee(tx: Tx, booking: BookingRow): Promise<bigint> {
  const quote = await lockQuote(tx.orm, booking.quoteId);
  return !quote || quote.youngDriver ? 0n : youngDriverFeeMinor(quote.days, quote.currency);
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
  const young = booking.youngDriverFeeMinor ?? 0n;
  if (booking.status === 'ACTIVE') {
    await lookBehind(tx, feed, booking.vehicleId, null);
    await leaveAt(tx, booking, booking.returnStationId ?? booking.stationId);
  }
  const returned = await moveBooking(tx, feed, booking, 'COMPLETED', {
    returnedAt: tx.now,
    returnOdometerKm: input.odometerKm,
    returnFuelPercent: input.fuelPercent,
    lateFeeMinor: late,
    fuelFeeMinor: fuel,
    damageFeeMinor: damage,
    damageNote: input.damage?.note ?? null,
    overdueSince: null,
    expectedBackAt: null,
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
    youngDriverFeeMinor: young.toString(),
    chargesMinor: (late + fuel + damage + young).toString(),
    currency: booking.currency,
  });
  return returned;
}

/**
 * The car is at this station now: for whoever books it next at once, and for fleet by event. In the transaction that takes the car back, which holds its lock:
 * its rental is the last that says where it is, until it has ended.
 */
async function leaveAt(tx: Tx, booking: BookingRow, stationId: string | null): Promise<void> {
  if (stationId === null) return;
  const moved = await tx.orm
    .update(vehicles)
    .set({ stationId })
    .where(and(eq(vehicles.vehicleId, booking.vehicleId), ne(vehicles.stationId, stationId)))
    .returning({ vehicleId: vehicles.vehicleId });
  if (moved.length > 0) await appendEvent(tx, bookingLeftElsewhere, booking.id, { bookingId: booking.id, vehicleId: booking.vehicleId, stationId });
}
