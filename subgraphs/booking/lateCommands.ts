import { and, asc, eq, inArray, lt, or, sql } from 'drizzle-orm';
import { notFound, Refusal } from '../../platform/errors.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { OPEN_END, preparationMs } from './availability.js';
import { availabilityChanged, BEHIND_VEHICLE, fillGaps, lockVehicles } from './claimQueries.js';
import { bookingAtRisk, bookingOverdue } from './events.js';
import { endangered, expectedBackAt, type Place } from './lateness.js';
import { type BookingRow, lockBooking, vehiclesByIds } from './queries.js';
import { LATEST } from './rentalPeriod.js';
import { bookings, stations, vehicleClaims, vehiclePositions } from './tables.js';
import { bookingTopic, logTransition } from './transition.js';
import type { Risk } from './whereabouts.js';
import { awaitingVehicle } from './whereaboutsQueries.js';

/** So many bookings behind a late rental are looked at, the next ones. */
const MAX_BEHIND = 50;
/** As long as a rental is late, whoever is behind it is looked at this often: the later it gets, the more of them it reaches. */
const LOOK_AGAIN_MS = 10 * 60_000;

/**
 * The end of a rental has come and the car is not back (BK-06b): it takes every gap until it is, so that nobody books a car that is not there, and the next
 * booking is at risk. Harmless for a rental that has ended, and when repeated.
 */
export async function markOverdue(tx: Tx, feed: LiveFeed, bookingId: string): Promise<void> {
  const booking = await lockBooking(tx.orm, bookingId);
  if (booking?.status !== 'ACTIVE' || booking.returnAt > tx.now) return;
  const overdue = { ...booking, overdueSince: booking.overdueSince ?? booking.returnAt };
  if (!booking.overdueSince) {
    await tx.orm.update(bookings).set({ overdueSince: overdue.overdueSince, updatedAt: tx.now }).where(eq(bookings.id, booking.id));
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
  await lookBehind(tx, feed, booking.vehicleId, overdue);
}

/** The rental that a vehicle is out on, locked; for jobs and admins, who see all. */
export async function lockRental(tx: Tx, vehicleId: string): Promise<BookingRow | null> {
  const [out] = await tx.orm
    .select()
    .from(bookings)
    .where(and(eq(bookings.vehicleId, vehicleId), eq(bookings.status, 'ACTIVE')))
    .for('update');
  return out ?? null;
}

/** The job of `BEHIND_VEHICLE`: looks at who is behind whatever a vehicle is out on now. */
export async function lookBehindVehicle(tx: Tx, feed: LiveFeed, key: string): Promise<void> {
  const [vehicleId = ''] = key.split(':');
  await lookBehind(tx, feed, vehicleId, await lockRental(tx, vehicleId));
}

/**
 * Looks at who has a vehicle after the rental that it is out on, which is locked, or null once it is back: whoever may not get it in time, or would wait for it at
 * a station where it will not be, is told, once, and who was told and is not in danger any more is told that. Closes the gaps of a vehicle that is overdue.
 * Rental, bookings behind it, vehicle: everybody who needs these locks takes them in this order.
 */
export async function lookBehind(tx: Tx, feed: LiveFeed, vehicleId: string, rental: BookingRow | null): Promise<void> {
  const behind = await lockBehind(tx, vehicleId);
  const [vehicle] = await vehiclesByIds(tx.orm, [vehicleId]);
  await lockVehicles(tx.orm, [vehicleId]);
  const late = new Set(endangered(rental, behind, preparationMs(vehicle?.category), tx.now));
  const elsewhere = new Set((await awaitingVehicle(tx.orm, vehicleId)).filter((each) => each.elsewhere).map(({ bookingId }) => bookingId));
  for (const booking of behind) {
    const why = elsewhere.has(booking.id) ? 'ELSEWHERE' : late.has(booking) ? 'LATE' : null;
    if (why === booking.atRiskWhy) continue;
    if (why) await tell(tx, feed, booking, why, rental);
    else await reassure(tx, feed, booking);
  }
  if (!(rental?.overdueSince || rental?.expectedBackAt)) return;
  if (rental.overdueSince) {
    availabilityChanged(tx, [vehicleId]);
    const [own] = await tx.orm
      .select({ blockedTo: sql<string>`upper(${vehicleClaims.during})` })
      .from(vehicleClaims)
      .where(and(eq(vehicleClaims.holderId, rental.id), eq(vehicleClaims.kind, 'BOOKING')));
    if (!own) throw new Error('a running rental has no claim');
    const closed = await fillGaps(tx, vehicleId, { bookingId: rental.id, blockedTo: new Date(own.blockedTo) });
    if (!closed) throw new Error('gaps behind an overdue rental were booked faster than they could be closed');
  }
  // The time is part of the key, and always ahead: a timer that a sweeper fires at this moment is never moved. What was booked while we looked is seen then.
  const next = (Math.floor(tx.now.getTime() / LOOK_AGAIN_MS) + 1) * LOOK_AGAIN_MS;
  await setTimer(tx, { kind: BEHIND_VEHICLE, key: `${vehicleId}:${next}`, dueAt: new Date(next) });
}

/**
 * Bookings of a vehicle that wait for it, by pick-up: the next ones, and those that have to be told of its station. Locked in the order of their ids, as a swap
 * locks them.
 */
async function lockBehind(tx: Tx, vehicleId: string): Promise<BookingRow[]> {
  const waiting = and(eq(bookings.vehicleId, vehicleId), inArray(bookings.status, ['HELD', 'CONFIRMED']));
  const next = tx.orm.select({ id: bookings.id }).from(bookings).where(waiting).orderBy(asc(bookings.pickupAt)).limit(MAX_BEHIND);
  const untold = sql`select booking_id from bookings_awaiting_vehicle(${vehicleId}::uuid) where elsewhere <> told limit ${MAX_BEHIND}`;
  const rows = await tx.orm
    .select()
    .from(bookings)
    .where(and(or(inArray(bookings.id, next), sql`${bookings.id} in (${untold})`), waiting))
    .orderBy(asc(bookings.id))
    .for('update');
  return rows.sort((a, b) => a.pickupAt.getTime() - b.pickupAt.getTime());
}

async function tell(tx: Tx, feed: LiveFeed, booking: BookingRow, why: Risk, rental: BookingRow | null): Promise<void> {
  const atRiskBy = why === 'LATE' ? (rental?.id ?? null) : null;
  await tx.orm
    .update(bookings)
    .set({ atRiskSince: booking.atRiskSince ?? tx.now, atRiskWhy: why, atRiskBy, updatedAt: tx.now })
    .where(eq(bookings.id, booking.id));
  const reason = why === 'LATE' ? 'AT_RISK' : 'CAR_ELSEWHERE';
  await logTransition(tx, feed, { bookingId: booking.id, stationId: booking.stationId, from: booking.status, to: booking.status, reason });
  await appendEvent(tx, bookingAtRisk, booking.id, {
    bookingId: booking.id,
    customerId: booking.customerId,
    vehicleId: booking.vehicleId,
    pickupAt: booking.pickupAt.toISOString(),
    reason: why,
  });
}

async function reassure(tx: Tx, feed: LiveFeed, booking: BookingRow): Promise<void> {
  await tx.orm
    .update(bookings)
    .set({ atRiskSince: null, atRiskWhy: null, atRiskBy: null, atRiskUntil: tx.now, updatedAt: tx.now })
    .where(eq(bookings.id, booking.id));
  await logTransition(tx, feed, { bookingId: booking.id, stationId: booking.stationId, from: booking.status, to: booking.status, reason: 'RISK_OVER' });
}

/**
 * Somebody knows when a running rental will be back: customers whose pick-ups that endangers are told now (BK-06b), and those that it does not endanger any
 * more are told too. The last word counts.
 * @throws Refusal NOT_FOUND, RENTAL_NOT_RUNNING, VALIDATION_ERROR for a time that is not of this century
 */
export async function expectLateReturn(tx: Tx, feed: LiveFeed, input: { bookingId: string; expectedAt: Date }): Promise<BookingRow> {
  const booking = await lockBooking(tx.orm, input.bookingId);
  if (!booking) throw notFound('booking', 'input.bookingId');
  if (booking.status !== 'ACTIVE') {
    throw new Refusal('RENTAL_NOT_RUNNING', `Only a running rental can be late, and this booking is ${booking.status}.`, {
      details: { status: booking.status },
    });
  }
  if (input.expectedAt >= LATEST) {
    throw new Refusal('VALIDATION_ERROR', `input.expectedAt: must be before ${LATEST.getUTCFullYear()}.`, {
      details: { field: 'input.expectedAt', rule: 'too_late' },
    });
  }
  return keepExpectation(tx, feed, booking, input.expectedAt > booking.returnAt ? input.expectedAt : null);
}

async function keepExpectation(tx: Tx, feed: LiveFeed, booking: BookingRow, backAt: Date | null): Promise<BookingRow> {
  const [expected] = await tx.orm.update(bookings).set({ expectedBackAt: backAt, updatedAt: tx.now }).where(eq(bookings.id, booking.id)).returning();
  if (!expected) throw new Error('the locked booking vanished');
  await lookBehind(tx, feed, booking.vehicleId, expected);
  tx.afterCommit(() => feed.publish(bookingTopic(booking.id)));
  return expected;
}

/** News of where a car is that are older than this say nothing of when it will be back. */
const FRESH_MS = 15 * 60_000;

/**
 * A car was seen somewhere: kept, and when it is out with a customer and too far from where it is to be brought to be back in time, those behind it are told
 * (BK-06b). A position never takes back what people or earlier positions said: danger that comes and goes helps nobody. Old news, as in a replay, are only kept.
 */
export async function keepPosition(tx: Tx, feed: LiveFeed, seen: Place & { vehicleId: string; at: Date }): Promise<void> {
  const { vehicleId, lat, lng, at } = seen;
  await tx.orm
    .insert(vehiclePositions)
    .values({ vehicleId, lat, lng, at })
    .onConflictDoUpdate({ target: vehiclePositions.vehicleId, set: { lat, lng, at }, setWhere: lt(vehiclePositions.at, sql`excluded.at`) });
  if (tx.now.getTime() - at.getTime() > FRESH_MS) return;
  const booking = await lockRental(tx, vehicleId);
  const goal = booking && (booking.returnStationId ?? booking.stationId);
  if (!goal) return;
  const [station] = await tx.orm.select({ lat: stations.lat, lng: stations.lng }).from(stations).where(eq(stations.stationId, goal));
  if (!station) return;
  const backAt = expectedBackAt(booking, { place: seen, at }, station);
  if (backAt > (booking.expectedBackAt ?? booking.returnAt)) await keepExpectation(tx, feed, booking, backAt);
}
