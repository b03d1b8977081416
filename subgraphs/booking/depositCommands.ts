import { eq } from 'drizzle-orm';
import type { LiveFeed } from '../../platform/livefeed.js';
import type { Tx } from '../../platform/postgres.js';
import { lockBooking } from './queries.js';
import { bookings } from './tables.js';
import { logTransition } from './transition.js';

/** What payments says of a rental's deposit. */
export type DepositAnswer = { status: 'HELD' | 'DECLINED' | 'RELEASED' } | { status: 'CAPTURED'; takenMinor: bigint };

/** Keeps what became of a deposit (BK-07), and tells the desk, which waits for it with the keys in hand. */
export async function keepDepositAnswer(tx: Tx, feed: LiveFeed, bookingId: string, answer: DepositAnswer): Promise<void> {
  const booking = await lockBooking(tx.orm, bookingId);
  if (!booking?.depositStatus) return;
  const takenMinor = answer.status === 'CAPTURED' ? answer.takenMinor : booking.depositTakenMinor;
  await tx.orm.update(bookings).set({ depositStatus: answer.status, depositTakenMinor: takenMinor, updatedAt: tx.now }).where(eq(bookings.id, bookingId));
  const { stationId, status } = booking;
  await logTransition(tx, feed, { bookingId, stationId, from: status, to: status, reason: `DEPOSIT_${answer.status}` });
}
