import { eq, sql } from 'drizzle-orm';
import { describeActor } from '../../platform/actor.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import type { Tx } from '../../platform/postgres.js';
import { assertTransition, type BookingStatus, isBlocking } from './bookingStatus.js';
import { availabilityChanged, heedLateRental, lockVehicles, releaseClaims } from './claimQueries.js';
import type { BookingRow } from './queries.js';
import { bookings, bookingTransitions } from './tables.js';
import { heedStations } from './whereaboutsQueries.js';

/** Where hints go that a booking has changed (BK-12). */
export const bookingTopic = (bookingId: string): string => `booking:${bookingId}`;

/** Where hints go that any booking of a station has changed. */
export const stationTopic = (stationId: string): string => `station:${stationId}`;

/** The part of a booking that a transition may change beside its status. */
export type Outcome = Partial<Omit<BookingRow, 'id' | 'status' | 'vehicleId' | 'during' | 'createdAt' | 'updatedAt'>>;

/** Writes down that a booking came into a status, and tells its watchers once that is committed. The booking's row must be locked or new. */
export async function logTransition(
  tx: Tx,
  feed: LiveFeed,
  entry: { bookingId: string; stationId: string | null; from: BookingStatus | null; to: BookingStatus; reason?: string | null },
): Promise<void> {
  const { bookingId, stationId } = entry;
  const [written] = await tx.orm
    .insert(bookingTransitions)
    .values({
      bookingId,
      sequence: sql`(select coalesce(max(sequence), 0) + 1 from booking_transitions where booking_id = ${bookingId}::uuid)`,
      fromStatus: entry.from,
      toStatus: entry.to,
      actor: describeActor(tx.actor),
      reason: entry.reason ?? null,
      at: tx.now,
      // A booking that has left a station is the business of both.
      stationIds: sql`array(select distinct s from bookings b, unnest(array[${stationId}::uuid, b.station_id, b.return_station_id]) s
      where b.id = ${bookingId}::uuid and s is not null)`,
    })
    .returning({ stationIds: bookingTransitions.stationIds });
  tx.afterCommit(() => {
    feed.publish(bookingTopic(bookingId));
    for (const each of written?.stationIds ?? []) feed.publish(stationTopic(each));
  });
}

/** Moves a locked booking on. One that ends gives its vehicle back in the same moment. @throws Refusal INVALID_TRANSITION */
export async function moveBooking(
  tx: Tx,
  feed: LiveFeed,
  booking: BookingRow,
  to: BookingStatus,
  outcome: Outcome = {},
  reason?: string | null,
): Promise<BookingRow> {
  assertTransition(booking.status, to);
  const [row] = await tx.orm
    .update(bookings)
    .set({ ...outcome, status: to, updatedAt: tx.now })
    .where(eq(bookings.id, booking.id))
    .returning();
  if (!row) throw new Error('the locked booking vanished');
  if (!isBlocking(to)) await giveBack(tx, booking);
  await logTransition(tx, feed, { bookingId: booking.id, stationId: row.stationId, from: booking.status, to, reason });
  return row;
}

/**
 * What a booking gives back goes to the rental that is overdue with the vehicle, if there is one: the car is still not there. The lock comes first: without
 * it a gap could be filled for a rental that returns at the same moment, and that nobody would ever empty again. A booking that was to bring the car elsewhere
 * does not any more, so those behind it may wait at the wrong station.
 */
async function giveBack(tx: Tx, booking: BookingRow): Promise<void> {
  availabilityChanged(tx, [booking.vehicleId]);
  await lockVehicles(tx.orm, [booking.vehicleId]);
  await releaseClaims(tx.orm, [booking.id]);
  await heedLateRental(tx, booking.vehicleId);
  await heedStations(tx, [booking.vehicleId]);
}
