import type { LiveFeed } from '../../platform/livefeed.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { awaitedUntil, noShowFeeMinor } from './charges.js';
import { bookingNoShow, bookingReminderDue } from './events.js';
import { type BookingRow, lockBooking, rentalUnderway, vehiclesByIds } from './queries.js';
import { moveBooking } from './transition.js';

const HOUR_MS = 3_600_000;
/** How long before pick-up a customer is reminded (BK-10). */
export const REMINDER_HOURS = [24, 2] as const;

export const REMINDER = 'bookingReminder';
export const NO_SHOW = 'noShow';

/**
 * The timers of a pick-up. The time is part of each key: when it changes, new timers are set and the old ones find nothing to do. Moving one that a sweeper
 * fires at this moment could deadlock with it.
 */
export async function setPickupTimers(tx: Tx, booking: BookingRow): Promise<void> {
  const pickupMs = booking.pickupAt.getTime();
  for (const hours of REMINDER_HOURS) {
    const dueAt = new Date(pickupMs - hours * HOUR_MS);
    if (dueAt > tx.now) await setTimer(tx, { kind: REMINDER, key: `${booking.id}:${pickupMs}:${hours}`, dueAt });
  }
  await setTimer(tx, { kind: NO_SHOW, key: `${booking.id}:${pickupMs}`, dueAt: awaitedUntil(booking) });
}

/** The booking of a timer, locked, if its pick-up is still the one that the timer was set for and nobody has come for it. */
async function awaitedBooking(tx: Tx, key: string): Promise<BookingRow | null> {
  const [id = '', pickupMs] = key.split(':');
  const booking = await lockBooking(tx.orm, id);
  return booking?.status === 'CONFIRMED' && String(booking.pickupAt.getTime()) === pickupMs ? booking : null;
}

/** Tells that a pick-up is near; the inbox writes to the customer. Harmless for a booking that was changed or has ended. */
export async function remind(tx: Tx, key: string): Promise<void> {
  const booking = await awaitedBooking(tx, key);
  if (!booking || booking.pickupAt <= tx.now) return;
  const [vehicle] = await vehiclesByIds(tx.orm, [booking.vehicleId]);
  await appendEvent(tx, bookingReminderDue, booking.id, {
    bookingId: booking.id,
    customerId: booking.customerId,
    vehicleId: booking.vehicleId,
    vehicleTitle: vehicle?.title ?? '',
    pickupAt: booking.pickupAt.toISOString(),
    hoursBefore: Number(key.split(':')[2]),
  });
}

/**
 * Ends a booking whose customer did not come, and frees the vehicle (BK-10). One whose car is not back waits on, and one whose car came back late has as long
 * as anybody to come for it: it is not the customer's fault.
 */
export async function endNoShow(tx: Tx, feed: LiveFeed, key: string): Promise<void> {
  const booking = await awaitedBooking(tx, key);
  if (!booking) return;
  const until = awaitedUntil(booking);
  // Nobody waits for a car that is elsewhere when the time to have it is over.
  const overElsewhere = booking.atRiskWhy === 'ELSEWHERE' && booking.returnAt <= tx.now;
  const carIsOut = (booking.atRiskSince !== null && !overElsewhere) || (await rentalUnderway(tx.orm, booking.vehicleId));
  if (carIsOut || until > tx.now) {
    await setTimer(tx, { kind: NO_SHOW, key, dueAt: carIsOut ? new Date(tx.now.getTime() + HOUR_MS) : until });
    return;
  }
  const feeMinor = noShowFeeMinor(booking);
  await moveBooking(tx, feed, booking, 'NO_SHOW', { feeMinor }, 'NO_SHOW');
  await appendEvent(tx, bookingNoShow, booking.id, {
    bookingId: booking.id,
    customerId: booking.customerId,
    vehicleId: booking.vehicleId,
    feeMinor: feeMinor.toString(),
    currency: booking.currency,
  });
}
