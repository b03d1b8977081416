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

/** Where a booking goes: its vehicle, and what it takes of it. */
interface Move {
  booking: BookingRow;
  vehicle: VehicleFacts;
  during: BusyRange;
}

/**
 * Exchanges what bookings take, all or nothing (BK-06, BK-06b): everything is released, then everything claimed, in the transaction that also changes the
 * bookings. Nobody can take what is released in between, and whoever reads sees the one or the other.
 * @throws Refusal VEHICLE_UNAVAILABLE with `nextFreeFrom`: then nothing has changed
 */
async function moveRanges(tx: Tx, moves: readonly Move[], field: string): Promise<void> {
  const touched = [...new Set(moves.flatMap(({ booking, vehicle }) => [booking.vehicleId, vehicle.vehicleId]))];
  await lockVehicles(tx.orm, touched);
  availabilityChanged(tx, touched);
  await releaseClaims(
    tx.orm,
    moves.map(({ booking }) => booking.id),
  );
  for (const { booking, vehicle, during } of moves) {
    const { vehicleId } = vehicle;
    if (await claimRange(tx.orm, { holderId: booking.id, kind: 'BOOKING', vehicleId, during })) continue;
    const busy = (await busyRangesAfter(tx.orm, [vehicleId], during.from)).get(vehicleId) ?? [];
    throw vehicleUnavailable(field, busy, during);
  }
  for (const vehicleId of touched) await heedLateRental(tx, vehicleId);
}

type Changes = Partial<Omit<BookingRow, 'id' | 'status' | 'during' | 'vehicleId'>>;

/** Writes the booking's new place down and tells everybody. */
async function settle(tx: Tx, feed: LiveFeed, move: Move, changes: Changes, cause: 'REQUESTED' | 'REPLACEMENT' | 'SWAP'): Promise<BookingRow> {
  const { booking, vehicle, during } = move;
  const [row] = await tx.orm
    .update(bookings)
    .set({
      ...changes,
      vehicleId: vehicle.vehicleId,
      stationId: vehicle.stationId,
      during: rangeOf(during),
      // The danger was that of the car. Who keeps it keeps the danger too, until somebody has looked at it again.
      ...(booking.vehicleId !== vehicle.vehicleId && booking.atRiskSince && { atRiskSince: null, atRiskBy: null, atRiskUntil: tx.now }),
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
 * VEHICLE_UNAVAILABLE, IDEMPOTENCY_KEY_REUSED
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
  const move = { booking, vehicle, during: blockedRange(quote.pickupAt, quote.returnAt, vehicle.category) };
  await moveRanges(tx, [move], 'input.quoteId');
  await tx.orm.update(quotes).set({ usedByBooking: booking.id }).where(eq(quotes.id, quote.id));
  const { pickupAt, returnAt, dailyRateMinor, totalMinor, depositMinor, returnStationId } = quote;
  const changed = await settle(
    tx,
    feed,
    move,
    { quoteId: quote.id, pickupAt, returnAt, dailyRateMinor, totalMinor, depositMinor, returnStationId },
    'REQUESTED',
  );
  await setPickupTimers(tx, changed);
  return booking.id;
}

/**
 * Moves a booking whose car may not be back in time to a car like it, at the price of the old one (BK-06b); an admin may do it at any time. Repeated, it
 * answers with the present state.
 * @throws Refusal NOT_FOUND, BOOKING_NOT_CHANGEABLE, NOT_AT_RISK, NOT_ALIKE, VEHICLE_NOT_RENTABLE, VEHICLE_UNAVAILABLE
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
  const move = { booking, vehicle, during: blockedRange(booking.pickupAt, booking.returnAt, vehicle.category) };
  await moveRanges(tx, [move], 'input.vehicleId');
  return settle(tx, feed, move, {}, 'REPLACEMENT');
}

function assertAlike(present: VehicleFacts, other: VehicleFacts): void {
  if (present.category === other.category) return;
  throw new Refusal('NOT_ALIKE', `A ${other.category} does not stand in for a ${present.category}. Choose one of \`Booking.replacements\`.`, {
    details: { field: 'input.vehicleId', category: present.category },
  });
}

/**
 * Two confirmed bookings exchange their cars at unchanged prices, in one transaction. For admins.
 * @throws Refusal NOT_FOUND, BOOKING_NOT_CHANGEABLE, VEHICLE_UNAVAILABLE when one does not fit where the other was, VALIDATION_ERROR for a booking and itself
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
  const into = async (mover: BookingRow, vehicleId: string): Promise<Move> => {
    const vehicle = await requireVehicle(tx, vehicleId, 'input.bookingId');
    return { booking: mover, vehicle, during: blockedRange(mover.pickupAt, mover.returnAt, vehicle.category) };
  };
  const moves = [await into(booking, other.vehicleId), await into(other, booking.vehicleId)];
  await moveRanges(tx, moves, 'input.otherBookingId');
  const swapped: BookingRow[] = [];
  for (const move of moves) swapped.push(await settle(tx, feed, move, {}, 'SWAP'));
  return swapped;
}
