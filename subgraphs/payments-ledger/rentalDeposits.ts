import { changeBookingPrice } from './bookingCharges.js';
import type { LedgerTx } from './desk.js';
import type { PaymentRow } from './payment.js';
import { authorisePayment, closePayment } from './paymentCommands.js';
import { failed, lockPayment, type Subject } from './paymentRows.js';

const depositOf = (bookingId: string): Subject => ({ type: 'RENTAL_DEPOSIT', id: bookingId });

/**
 * Sets a rental's deposit aside when the car is handed over (BK-07): held in the wallet, or authorised on the card that paid for the booking. It is a payment
 * of its own, whose answer booking hears of as of any other.
 */
export async function holdDeposit(tx: LedgerTx, deposit: { bookingId: string; amountMinor: bigint; currency: string; until: Date }): Promise<void> {
  const booking = await lockPayment(tx, { type: 'BOOKING', id: deposit.bookingId });
  if (!booking) throw new Error(`booking ${deposit.bookingId} began without a payment`);
  await authorisePayment(tx, {
    subject: depositOf(deposit.bookingId),
    payerId: booking.payerId,
    method: booking.method as PaymentRow['method'] & ('WALLET' | 'CARD'),
    token: booking.token,
    amountMinor: deposit.amountMinor,
    currency: deposit.currency,
    holdUntil: deposit.until,
  });
}

/**
 * Settles a return: what it costs beyond the price comes out of the deposit as far as that reaches, the rest of the deposit is released, and the rest of the
 * charges is taken as every later charge of a booking is. A deposit that was refused, or that nobody has answered for yet, pays for nothing.
 */
export async function settleReturn(tx: LedgerTx, rental: { bookingId: string; chargesMinor: bigint; currency: string; cause: string }): Promise<void> {
  const { bookingId, chargesMinor, currency, cause } = rental;
  const deposit = await lockPayment(tx, depositOf(bookingId));
  const heldMinor = deposit?.status === 'AUTHORISED' && deposit.wanted === 'AUTHORISE' && deposit.currency === currency ? deposit.amountMinor : 0n;
  const takenMinor = chargesMinor < heldMinor ? chargesMinor : heldMinor;
  if (deposit) await closePayment(tx, depositOf(bookingId), takenMinor);
  await changeBookingPrice(tx, bookingId, { deltaMinor: chargesMinor - takenMinor, currency, cause });
}

/** The card does not give what it promised as a deposit: the booking costs that much more after all, and is charged or owed like everything else. */
export async function depositNotTaken(tx: LedgerTx, deposit: PaymentRow, amountMinor: bigint, cause: string): Promise<void> {
  await failed(tx, deposit, 'CARD_DECLINED', amountMinor);
  await changeBookingPrice(tx, deposit.subjectId, { deltaMinor: amountMinor, currency: deposit.currency, cause });
}
