import type { LiveFeed } from '../../platform/livefeed.js';
import type { Money } from '../../platform/money.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { beginAgreement } from './agreementCommands.js';
import { setPickupTimers } from './bookingTimers.js';
import { cancelUnpaid } from './bookingCommands.js';
import { bookingConfirmed, bookingReleased } from './events.js';
import { lockBooking, vehiclesByIds } from './queries.js';
import { moveBooking } from './transition.js';

/** Words for the customer; a code that is not here still gets a sentence. */
const FAILURE_MESSAGES: Readonly<Record<string, string>> = {
  INSUFFICIENT_FUNDS: 'The wallet does not hold enough for this booking. Top it up, or pay by card, and book again.',
  CARD_DECLINED: 'The card was declined. Try another card or pay from the wallet, and book again.',
  HOLD_EXPIRED: 'The money that was set aside for this booking was not asked for in time, and is free again. Nothing was charged. Book again.',
  PAYMENT_TIMEOUT: 'The payment was not answered in time. Nothing was charged. Try again.',
};
const OTHER_FAILURE = 'The payment did not go through. Nothing was charged. Try again, or pay another way.';

/**
 * Payment has authorised an amount for a booking: it is confirmed if it still holds its vehicle, whatever its clock says, because the constraint
 * then still keeps the vehicle for it. If not, the authorisation is released, so that nobody pays without a booking (BK-04).
 */
export async function acceptAuthorisation(tx: Tx, feed: LiveFeed, payment: { bookingId: string; amount: Money }): Promise<void> {
  const { bookingId, amount } = payment;
  const booking = await lockBooking(tx.orm, bookingId);
  if (booking?.status === 'HELD' && (amount.amountMinor < booking.totalMinor || amount.currency !== booking.currency)) {
    await cancelUnpaid(tx, feed, booking, { code: 'UNDERFUNDED', message: OTHER_FAILURE });
    await appendEvent(tx, bookingReleased, bookingId, { bookingId });
    return;
  }
  if (booking?.status === 'HELD') {
    const confirmed = await moveBooking(tx, feed, booking, 'CONFIRMED');
    await setPickupTimers(tx, confirmed);
    await beginAgreement(tx, bookingId);
    const [vehicle] = await vehiclesByIds(tx.orm, [booking.vehicleId]);
    await appendEvent(tx, bookingConfirmed, bookingId, {
      bookingId,
      customerId: confirmed.customerId,
      vehicleId: confirmed.vehicleId,
      vehicleTitle: vehicle?.title ?? '',
      pickupAt: confirmed.pickupAt.toISOString(),
      returnAt: confirmed.returnAt.toISOString(),
      totalMinor: confirmed.totalMinor.toString(),
      currency: confirmed.currency,
    });
    return;
  }
  const late = !booking || booking.status === 'CANCELLED' || booking.status === 'EXPIRED';
  if (late) await appendEvent(tx, bookingReleased, bookingId, { bookingId });
}

/** The money cannot be had: the booking is cancelled and its vehicle free at once. Harmless for one that has ended or begun already. */
export async function acceptPaymentFailure(tx: Tx, feed: LiveFeed, payment: { bookingId: string; code: string }): Promise<void> {
  const booking = await lockBooking(tx.orm, payment.bookingId);
  if (booking?.status !== 'HELD' && booking?.status !== 'CONFIRMED') return;
  await cancelUnpaid(tx, feed, booking, { code: payment.code, message: FAILURE_MESSAGES[payment.code] ?? OTHER_FAILURE });
}
