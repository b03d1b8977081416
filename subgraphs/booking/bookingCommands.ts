import { eq } from 'drizzle-orm';
import { describeActor, isPrivileged } from '../../platform/actor.js';
import { notFound, Refusal } from '../../platform/errors.js';
import { once } from '../../platform/idempotency.js';
import { newUuid, publicId } from '../../platform/ids.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { assertRentable, blockedRange, vehicleUnavailable } from './availability.js';
import { bookingCancelled, bookingExpired, bookingHeld } from './events.js';
import { availabilityChanged, claimVehicle, lockVehicles, lockWhereabouts, lookBehindSoon } from './claimQueries.js';
import { cancellationFeeMinor } from './price.js';
import { type BookingRow, bookingsByIds, busyRangesAfter, countLiveBookings, lockBooking, lockCustomer, lockQuote, type QuoteRow } from './queries.js';
import { requireCustomer, requireVehicle } from './quoteCommands.js';
import { type Guest, quotes } from './tables.js';
import { logTransition, moveBooking } from './transition.js';
import { assertPickupStation, assertReturnFits } from './whereabouts.js';
import { heedStations, whereaboutsAt } from './whereaboutsQueries.js';

/** How long a vehicle is held for a payment (BK-02). */
const HOLD_MS = 15 * 60_000;
/** Of one customer, or of one guest of a partner (BK-05). */
export const MAX_LIVE_BOOKINGS = 10;
/** Of all guests of one partner. */
export const MAX_PARTNER_BOOKINGS = 500;
export const HOLD_EXPIRY = 'holdExpiry';

export interface NewBooking {
  quoteId: string;
  paymentMethod: 'WALLET' | 'CARD';
  /** What the payment gateway gave the client for a card; nothing else of the card ever reaches us. */
  paymentToken: string | null;
  /** For whom a partner books; null for oneself. */
  guest?: Guest | null;
  idempotencyKey: string;
}

/**
 * Makes a booking of a quote and holds its vehicle; payment follows by event. Repeated with the same key it answers with the first call's booking.
 * @throws Refusal NOT_FOUND, QUOTE_USED, QUOTE_EXPIRED, PICKUP_PASSED, VEHICLE_NOT_RENTABLE, TOO_MANY_BOOKINGS, VEHICLE_UNAVAILABLE (with
 * `nextFreeFrom`), PICKUP_STATION_CHANGED, ONE_WAY_NOT_POSSIBLE, IDEMPOTENCY_KEY_REUSED, FORBIDDEN
 */
export async function createBooking(tx: Tx, feed: LiveFeed, { idempotencyKey, ...input }: NewBooking): Promise<BookingRow> {
  const customerId = requireCustomer(tx.actor);
  const { entityId } = await once(tx, { mutation: 'createBooking', key: idempotencyKey, input }, () => holdVehicle(tx, feed, customerId, input));
  const [row] = await bookingsByIds(tx.orm, [entityId]);
  if (!row) throw new Error('the booking of an idempotency key is not there');
  return row;
}

async function holdVehicle(tx: Tx, feed: LiveFeed, customerId: string, input: Omit<NewBooking, 'idempotencyKey'>): Promise<string> {
  await lockCustomer(tx.orm, customerId);
  const quote = await lockQuote(tx.orm, input.quoteId);
  if (!quote || quote.customerId !== customerId) throw notFound('quote', 'input.quoteId');
  assertUsable(quote, tx.now);
  if (quote.changesBooking) {
    throw new Refusal('QUOTE_CHANGES_BOOKING', 'This quote is for changing a booking. Pass it to `changeBooking`, or ask for one without `changesBookingId`.', {
      details: { field: 'input.quoteId', bookingId: publicId('bkg', quote.changesBooking) },
    });
  }
  const vehicle = await requireVehicle(tx, quote.vehicleId, 'input.quoteId');
  assertRentable(vehicle);
  const id = newUuid(tx.now);
  const blocked = blockedRange(quote.pickupAt, quote.returnAt, vehicle.category);
  availabilityChanged(tx, [quote.vehicleId]);
  const movesCar = quote.returnStationId !== null;
  const lock = movesCar ? lockVehicles(tx.orm, [quote.vehicleId]) : lockWhereabouts(tx.orm, quote.vehicleId);
  // Not one after the other: both go on one connection, and rivals wait one round trip less for each other.
  await Promise.all([lock, assertFewBookings(tx, customerId, input.guest ?? null)]);
  const holdExpiresAt = new Date(tx.now.getTime() + HOLD_MS);
  const booking = await claimVehicle(tx.orm, {
    id,
    customerId,
    vehicleId: quote.vehicleId,
    quoteId: quote.id,
    status: 'HELD',
    pickupAt: quote.pickupAt,
    returnAt: quote.returnAt,
    during: blocked,
    dailyRateMinor: quote.dailyRateMinor,
    totalMinor: quote.totalMinor,
    depositMinor: quote.depositMinor,
    currency: quote.currency,
    paymentMethod: input.paymentMethod,
    holdExpiresAt,
    stationId: quote.pickupStationId,
    returnStationId: quote.returnStationId,
    guest: input.guest ?? null,
    createdAt: tx.now,
    updatedAt: tx.now,
  });
  if (!booking) {
    const busy = await busyRangesAfter(tx.orm, quote.vehicleId, blocked.from);
    throw vehicleUnavailable('input.quoteId', busy, blocked);
  }
  // Not before the claim: who is too late for the car is told that, and not where it would have been.
  const whereabouts = await whereaboutsAt(tx.orm, quote.vehicleId, quote.pickupAt, [id]);
  assertPickupStation(quote.pickupStationId, whereabouts);
  assertReturnFits(quote.returnStationId, whereabouts, 'input.quoteId');
  if (movesCar) await heedStations(tx, [quote.vehicleId]);
  await tx.orm.update(quotes).set({ usedByBooking: id }).where(eq(quotes.id, quote.id));
  await lookBehindSoon(tx, quote.vehicleId);
  await logTransition(tx, feed, { bookingId: id, stationId: booking.stationId, from: null, to: 'HELD' });
  await setTimer(tx, { kind: HOLD_EXPIRY, key: id, dueAt: holdExpiresAt });
  await appendEvent(tx, bookingHeld, id, {
    bookingId: id,
    customerId,
    vehicleId: booking.vehicleId,
    blockedFrom: blocked.from.toISOString(),
    blockedTo: blocked.to.toISOString(),
    pickupAt: booking.pickupAt.toISOString(),
    returnAt: booking.returnAt.toISOString(),
    totalMinor: booking.totalMinor.toString(),
    currency: booking.currency,
    paymentMethod: input.paymentMethod,
    paymentToken: input.paymentMethod === 'CARD' ? input.paymentToken : null,
    holdExpiresAt: holdExpiresAt.toISOString(),
  });
  return id;
}

/** @throws Refusal TOO_MANY_BOOKINGS for a customer, or a partner's guest, with ten live ones, and for a partner with five hundred */
async function assertFewBookings(tx: Tx, customerId: string, guest: Guest | null): Promise<void> {
  const live = await countLiveBookings(tx.orm, customerId, guest);
  const refuse = (whose: string, limit: number) =>
    new Refusal('TOO_MANY_BOOKINGS', `${whose} ${limit} live bookings, which is the most. Finish or cancel one first.`, { details: { limit } });
  if (live.same >= MAX_LIVE_BOOKINGS) throw refuse(guest ? 'This guest has' : 'You have', MAX_LIVE_BOOKINGS);
  if (guest && live.guests >= MAX_PARTNER_BOOKINGS) throw refuse('Your guests have', MAX_PARTNER_BOOKINGS);
}

/** @throws Refusal QUOTE_USED, QUOTE_EXPIRED, PICKUP_PASSED */
export function assertUsable(quote: QuoteRow, now: Date): void {
  if (quote.usedByBooking) {
    throw new Refusal('QUOTE_USED', 'A booking was made of this quote already. Ask for a new quote to make another.', {
      details: { field: 'input.quoteId', bookingId: publicId('bkg', quote.usedByBooking) },
    });
  }
  const expired = quote.expiresAt <= now;
  if (expired)
    throw new Refusal('QUOTE_EXPIRED', 'This price does not stand any more. Ask for a new quote.', {
      details: { field: 'input.quoteId', expiredAt: quote.expiresAt.toISOString() },
    });
  if (quote.pickupAt <= now)
    throw new Refusal('PICKUP_PASSED', 'The pick-up time of this quote has passed. Ask for a quote with a later one.', { details: { field: 'input.quoteId' } });
}

/**
 * Cancels a booking that has not begun, for its customer or an admin. Whoever cancelled it may repeat that, and gets the present state.
 * @throws Refusal NOT_FOUND, INVALID_TRANSITION
 */
export async function cancelBooking(tx: Tx, feed: LiveFeed, input: { bookingId: string; reason: string | null }): Promise<BookingRow> {
  const booking = await lockBooking(tx.orm, input.bookingId);
  const actor = describeActor(tx.actor);
  if (!booking || !(isPrivileged(tx.actor) || actor === `user:${booking.customerId}`)) throw notFound('booking', 'input.bookingId');
  if (booking.status === 'CANCELLED' && booking.cancelledBy === actor) return booking;
  const by = actor === `user:${booking.customerId}` ? 'CUSTOMER' : tx.actor.kind === 'SYSTEM' ? 'SYSTEM' : 'ADMIN';
  return endBooking(tx, feed, booking, { by, cause: 'REQUESTED', feeMinor: cancellationFeeMinor(booking, by, tx.now), reason: input.reason });
}

/** Cancels a locked booking because its payment cannot be had: the vehicle is free again at once (BK-04). @throws Refusal INVALID_TRANSITION */
export async function cancelUnpaid(tx: Tx, feed: LiveFeed, booking: BookingRow, failure: { code: string; message: string }): Promise<BookingRow> {
  return endBooking(tx, feed, booking, { by: 'SYSTEM', cause: 'PAYMENT_FAILED', feeMinor: 0n, reason: null, failure });
}

interface Cancellation {
  by: 'CUSTOMER' | 'ADMIN' | 'SYSTEM';
  cause: 'REQUESTED' | 'PAYMENT_FAILED';
  feeMinor: bigint;
  reason: string | null;
  failure?: { code: string; message: string };
}

async function endBooking(tx: Tx, feed: LiveFeed, booking: BookingRow, { by, cause, feeMinor, reason, failure }: Cancellation): Promise<BookingRow> {
  const outcome = {
    cancelledBy: describeActor(tx.actor),
    cancelReason: reason,
    feeMinor,
    failureCode: failure?.code ?? null,
    failureMessage: failure?.message ?? null,
  };
  // The hold's timer stays: it finds nothing left to do. Taking it back here, with the booking locked, could deadlock with the sweeper that fires it.
  const cancelled = await moveBooking(tx, feed, booking, 'CANCELLED', outcome, failure?.code ?? reason);
  await appendEvent(tx, bookingCancelled, booking.id, {
    bookingId: booking.id,
    customerId: booking.customerId,
    vehicleId: booking.vehicleId,
    by,
    cause,
    failureCode: failure?.code ?? null,
    feeMinor: feeMinor.toString(),
    currency: booking.currency,
  });
  return cancelled;
}

/** Ends a hold whose payment did not come in time (BK-10). Harmless for a booking that went on, and when repeated. */
export async function expireHold(tx: Tx, feed: LiveFeed, bookingId: string): Promise<void> {
  const booking = await lockBooking(tx.orm, bookingId);
  if (booking?.status !== 'HELD' || booking.holdExpiresAt > tx.now) return;
  await moveBooking(tx, feed, booking, 'EXPIRED', {}, 'HOLD_EXPIRED');
  await appendEvent(tx, bookingExpired, booking.id, { bookingId: booking.id, customerId: booking.customerId, vehicleId: booking.vehicleId });
}
