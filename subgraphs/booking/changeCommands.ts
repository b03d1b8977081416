import { eq } from 'drizzle-orm';
import { isPrivileged, userIdOf } from '../../platform/actor.js';
import { notFound, Refusal } from '../../platform/errors.js';
import { once } from '../../platform/idempotency.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { assertRentable, blockedRange, type BusyRange, type VehicleFacts, vehicleUnavailable } from './availability.js';
import { beginAgreement } from './agreementCommands.js';
import { assertUsable } from './bookingCommands.js';
import { setPickupTimers } from './bookingTimers.js';
import { availabilityChanged, claimRange, heedLateRental, lockVehicles, releaseClaims } from './claimQueries.js';
import { bookingChanged } from './events.js';
import { type BookingRow, bookingsByIds, busyRangesAfter, lockBooking, lockQuote, rangeOf } from './queries.js';
import { notChangeable, requireCustomer, requireVehicle } from './quoteCommands.js';
import { bookings, quotes } from './tables.js';
import { logTransition } from './transition.js';
import { assertPickupStation, assertReturnFits, type Whereabouts } from './whereabouts.js';
import { heedStations, whereaboutsAt } from './whereaboutsQueries.js';

/** Where a booking goes: its vehicle, and what it takes of it. */
interface Move {
  booking: BookingRow;
  vehicle: VehicleFacts;
  during: BusyRange;
  /** Where the car is to be brought back to; null for where it is picked up. */
  returnStationId: string | null;
}

/** A move that has been made, and where the car will be at pick-up. */
interface Moved extends Move {
  whereabouts: Whereabouts;
}

/**
 * Exchanges what bookings take, all or nothing (BK-06, BK-06b): everything is released, then everything claimed, in the transaction that also changes the
 * bookings. Nobody can take what is released in between, and whoever reads sees the one or the other.
 * @throws Refusal VEHICLE_UNAVAILABLE with `nextFreeFrom`, ONE_WAY_NOT_POSSIBLE: then nothing has changed
 */
async function moveRanges(tx: Tx, moves: readonly Move[], field: string): Promise<Moved[]> {
  const touched = [...new Set(moves.flatMap(({ booking, vehicle }) => [booking.vehicleId, vehicle.vehicleId]))];
  await lockVehicles(tx.orm, touched);
  availabilityChanged(tx, touched);
  const ids = moves.map(({ booking }) => booking.id);
  await releaseClaims(tx.orm, ids);
  const moved: Moved[] = [];
  for (const move of moves) {
    const { booking, vehicle, during, returnStationId } = move;
    const { vehicleId } = vehicle;
    if (!(await claimRange(tx.orm, { holderId: booking.id, kind: 'BOOKING', vehicleId, during }))) {
      const busy = await busyRangesAfter(tx.orm, vehicleId, during.from);
      throw vehicleUnavailable(field, busy, during);
    }
    const whereabouts = await whereaboutsAt(tx.orm, vehicleId, during.from, ids);
    assertReturnFits(returnStationId, whereabouts, field);
    moved.push({ ...move, whereabouts });
  }
  for (const vehicleId of touched) await heedLateRental(tx, vehicleId);
  return moved;
}

type Changes = Partial<Omit<BookingRow, 'id' | 'status' | 'during' | 'vehicleId' | 'stationId' | 'returnStationId'>>;
type Cause = 'REQUESTED' | 'REPLACEMENT' | 'SWAP';

/** Writes the bookings' new places down and tells everybody, also those who waited for the cars where they will not be any more. */
async function settle(tx: Tx, feed: LiveFeed, moves: readonly Moved[], changes: Changes, cause: Cause): Promise<BookingRow[]> {
  const settled: BookingRow[] = [];
  for (const move of moves) settled.push(await settleOne(tx, feed, move, changes, cause));
  await heedStations(
    tx,
    moves.flatMap(({ booking, vehicle }) => [booking.vehicleId, vehicle.vehicleId]),
  );
  return settled;
}

async function settleOne(tx: Tx, feed: LiveFeed, move: Moved, changes: Changes, cause: Cause): Promise<BookingRow> {
  const { booking, vehicle, during, whereabouts, returnStationId } = move;
  const { stationId } = whereabouts;
  const [row] = await tx.orm
    .update(bookings)
    .set({
      ...changes,
      vehicleId: vehicle.vehicleId,
      stationId,
      returnStationId: returnStationId === stationId ? null : returnStationId,
      during: rangeOf(during),
      // The danger was that of the car. Who keeps it keeps the danger too, until somebody has looked at it again.
      ...(booking.vehicleId !== vehicle.vehicleId && booking.atRiskSince && { atRiskSince: null, atRiskWhy: null, atRiskBy: null, atRiskUntil: tx.now }),
      updatedAt: tx.now,
    })
    .where(eq(bookings.id, booking.id))
    .returning();
  if (!row) throw new Error('the locked booking vanished');
  await beginAgreement(tx, row.id);
  await logTransition(tx, feed, { bookingId: row.id, stationId: booking.stationId, from: row.status, to: row.status, reason: cause });
  await appendEvent(tx, bookingChanged, row.id, {
    bookingId: row.id,
    customerId: row.customerId,
    vehicleId: row.vehicleId,
    previousVehicleId: booking.vehicleId,
    vehicleTitle: vehicle.title,
    blockedFrom: during.from.toISOString(),
    blockedTo: during.to.toISOString(),
    pickupAt: row.pickupAt.toISOString(),
    returnAt: row.returnAt.toISOString(),
    totalMinor: row.totalMinor.toString(),
    deltaMinor: (row.totalMinor - booking.totalMinor).toString(),
    currency: row.currency,
    cause,
  });
  return row;
}

function assertConfirmed(booking: BookingRow): void {
  if (booking.status !== 'CONFIRMED') throw notChangeable(booking.status);
}

/**
 * Changes a confirmed booking to what its customer was quoted for it: other dates, another car, or both. Payments collects or gives back the difference by
 * event. Repeated with the same key it answers with the present state.
 * @throws Refusal NOT_FOUND, BOOKING_NOT_CHANGEABLE, QUOTE_USED, QUOTE_EXPIRED, QUOTE_NOT_FOR_BOOKING, PICKUP_PASSED, VEHICLE_NOT_RENTABLE, CURRENCY_MISMATCH,
 * VEHICLE_UNAVAILABLE, PICKUP_STATION_CHANGED, ONE_WAY_NOT_POSSIBLE, IDEMPOTENCY_KEY_REUSED
 */
export async function changeBooking(
  tx: Tx,
  feed: LiveFeed,
  { idempotencyKey, ...input }: { bookingId: string; quoteId: string; idempotencyKey: string },
): Promise<BookingRow> {
  const customerId = requireCustomer(tx.actor);
  const { entityId } = await once(tx, { mutation: 'changeBooking', key: idempotencyKey, input }, () => changeToQuote(tx, feed, customerId, input));
  const [row] = await bookingsByIds(tx.orm, [entityId]);
  if (!row) throw new Error('the booking of an idempotency key is not there');
  return row;
}

async function changeToQuote(tx: Tx, feed: LiveFeed, customerId: string, input: { bookingId: string; quoteId: string }): Promise<string> {
  const booking = await lockBooking(tx.orm, input.bookingId);
  if (!booking || booking.customerId !== customerId) throw notFound('booking', 'input.bookingId');
  const quote = await lockQuote(tx.orm, input.quoteId);
  if (!quote || quote.customerId !== customerId) throw notFound('quote', 'input.quoteId');
  if (quote.changesBooking !== booking.id) {
    throw new Refusal('QUOTE_NOT_FOR_BOOKING', 'This quote is not for changing this booking. Ask for one with `changesBookingId`.', {
      details: { field: 'input.quoteId' },
    });
  }
  assertUsable(quote, tx.now);
  assertConfirmed(booking);
  const vehicle = await requireVehicle(tx, quote.vehicleId, 'input.quoteId');
  assertRentable(vehicle);
  if (quote.currency !== booking.currency) {
    throw new Refusal('CURRENCY_MISMATCH', `This booking was paid in ${booking.currency}; choose a car that is priced in it.`, {
      details: { field: 'input.quoteId', currency: booking.currency },
    });
  }
  const { pickupAt, returnAt, dailyRateMinor, totalMinor, depositMinor, returnStationId } = quote;
  const move = { booking, vehicle, during: blockedRange(pickupAt, returnAt, vehicle.category), returnStationId };
  const moved = await moveRanges(tx, [move], 'input.quoteId');
  for (const { whereabouts } of moved) assertPickupStation(quote.pickupStationId, whereabouts);
  await tx.orm.update(quotes).set({ usedByBooking: booking.id }).where(eq(quotes.id, quote.id));
  const changes = { quoteId: quote.id, pickupAt, returnAt, dailyRateMinor, totalMinor, depositMinor };
  for (const changed of await settle(tx, feed, moved, changes, 'REQUESTED')) await setPickupTimers(tx, changed);
  return booking.id;
}

/**
 * Moves a booking whose car may not be there to a car like it, at the price of the old one (BK-06b); an admin may do it at any time. It is picked up where that
 * car will be. Repeated, it answers with the present state.
 * @throws Refusal NOT_FOUND, BOOKING_NOT_CHANGEABLE, NOT_AT_RISK, NOT_ALIKE, VEHICLE_NOT_RENTABLE, VEHICLE_UNAVAILABLE, ONE_WAY_NOT_POSSIBLE
 */
export async function replaceVehicle(tx: Tx, feed: LiveFeed, input: { bookingId: string; vehicleId: string }): Promise<BookingRow> {
  const booking = await lockBooking(tx.orm, input.bookingId);
  if (!booking || !(isPrivileged(tx.actor) || userIdOf(tx.actor) === booking.customerId)) throw notFound('booking', 'input.bookingId');
  if (booking.vehicleId === input.vehicleId) return booking;
  assertConfirmed(booking);
  if (!booking.atRiskSince && !isPrivileged(tx.actor)) {
    throw new Refusal('NOT_AT_RISK', 'The car of this booking is expected in time. To have another one, ask for a quote and use `changeBooking`.');
  }
  const present = await requireVehicle(tx, booking.vehicleId, 'input.bookingId');
  const vehicle = await requireVehicle(tx, input.vehicleId, 'input.vehicleId');
  assertRentable(vehicle);
  assertAlike(present, vehicle);
  const moved = await moveRanges(tx, [intoVehicle(booking, vehicle)], 'input.vehicleId');
  const [replaced] = await settle(tx, feed, moved, {}, 'REPLACEMENT');
  if (!replaced) throw new Error('the booking that was moved is not there');
  return replaced;
}

/** A booking as it is, in another car. */
function intoVehicle(booking: BookingRow, vehicle: VehicleFacts): Move {
  return { booking, vehicle, during: blockedRange(booking.pickupAt, booking.returnAt, vehicle.category), returnStationId: booking.returnStationId };
}

function assertAlike(present: VehicleFacts, other: VehicleFacts): void {
  if (present.category === other.category) return;
  throw new Refusal('NOT_ALIKE', `A ${other.category} does not stand in for a ${present.category}. Choose one of \`Booking.replacements\`.`, {
    details: { field: 'input.vehicleId', category: present.category },
  });
}

/**
 * Two confirmed bookings exchange their cars at unchanged prices, in one transaction. For admins. Two of one car have nothing to exchange.
 * @throws Refusal NOT_FOUND, BOOKING_NOT_CHANGEABLE, VEHICLE_UNAVAILABLE or ONE_WAY_NOT_POSSIBLE when one does not fit where the other was, VALIDATION_ERROR for a
 * booking and itself
 */
export async function swapVehicles(tx: Tx, feed: LiveFeed, input: { bookingId: string; otherBookingId: string }): Promise<BookingRow[]> {
  if (input.bookingId === input.otherBookingId) {
    throw new Refusal('VALIDATION_ERROR', 'input.otherBookingId: must be another booking.', { details: { field: 'input.otherBookingId', rule: 'other' } });
  }
  // In one order for all: two swaps of the same pair would wait for each other.
  const locked = new Map<string, BookingRow>();
  for (const id of [input.bookingId, input.otherBookingId].sort()) {
    const row = await lockBooking(tx.orm, id);
    if (row) locked.set(id, row);
  }
  const booking = locked.get(input.bookingId);
  const other = locked.get(input.otherBookingId);
  if (!booking) throw notFound('booking', 'input.bookingId');
  if (!other) throw notFound('booking', 'input.otherBookingId');
  for (const each of [booking, other]) assertConfirmed(each);
  if (booking.vehicleId === other.vehicleId) return [booking, other];
  const into = async (mover: BookingRow, vehicleId: string) => intoVehicle(mover, await requireVehicle(tx, vehicleId, 'input.bookingId'));
  const moves = [await into(booking, other.vehicleId), await into(other, booking.vehicleId)];
  return settle(tx, feed, await moveRanges(tx, moves, 'input.otherBookingId'), {}, 'SWAP');
}
