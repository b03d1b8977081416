import { eq, sql } from 'drizzle-orm';
import { describeActor } from '../../platform/actor.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import type { Tx } from '../../platform/postgres.js';
import { assertTransition, type BookingStatus } from './bookingStatus.js';
import type { BookingRow } from './queries.js';
import { bookings, bookingTransitions } from './tables.js';

/** Where hints go that a booking has changed (BK-12). */
export const bookingTopic = (bookingId: string): string => `booking:${bookingId}`;

/** The part of a booking that a transition may change beside its status. */
export type Outcome = Partial<Pick<BookingRow, 'failureCode' | 'failureMessage' | 'cancelReason' | 'cancelledBy' | 'feeMinor'>>;

/** Writes down that a booking came into a status, and tells its watchers once that is committed. The booking's row must be locked or new. */
export async function logTransition(
  tx: Tx,
  feed: LiveFeed,
  entry: { bookingId: string; from: BookingStatus | null; to: BookingStatus; reason?: string | null },
): Promise<void> {
  const { bookingId } = entry;
  await tx.orm.insert(bookingTransitions).values({
    bookingId,
    sequence: sql`(select coalesce(max(sequence), 0) + 1 from booking_transitions where booking_id = ${bookingId}::uuid)`,
    fromStatus: entry.from,
    toStatus: entry.to,
    actor: describeActor(tx.actor),
    reason: entry.reason ?? null,
    at: tx.now,
  });
  tx.afterCommit(() => feed.publish(bookingTopic(bookingId)));
}

/** Moves a locked booking on. @throws Refusal INVALID_TRANSITION */
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
  await logTransition(tx, feed, { bookingId: booking.id, from: booking.status, to, reason });
  return row;
}
