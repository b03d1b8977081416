import { z } from 'zod';
import { type Consumption, consumption, nothingOn } from '../../platform/consumer.js';
import type { Tx } from '../../platform/postgres.js';
import { changeBookingPrice } from './bookingCharges.js';
import { holdDeposit, settleReturn } from './rentalDeposits.js';
import { atDesk, type Desk, type LedgerTx } from './desk.js';
import { authorisePayment, captureBooking, closePayment } from './paymentCommands.js';
import { PAYMENT_METHODS } from './payment.js';
import { keepDriver, settleTrip } from './tripCommands.js';
import { closeWallet, openCustomerWallet, openDriverWallet } from './wallets.js';

const minor = z
  .string()
  .regex(/^\d+$/)
  .transform((digits) => BigInt(digits));
const uuid = z.uuid();

/** A fare that is still on hold so long after the trip was to begin was forgotten by its trip. */
const TRIP_HOLD_MS = 24 * 3_600_000;

const bookingHeld = z.object({
  bookingId: uuid,
  customerId: uuid,
  totalMinor: minor,
  currency: z.string(),
  paymentMethod: z.enum(['WALLET', 'CARD']),
  paymentToken: z.string().nullish(),
  holdExpiresAt: z.coerce.date(),
});
const bookingConfirmed = z.object({ bookingId: uuid, totalMinor: minor, currency: z.string() });
const bookingChanged = z.object({
  bookingId: uuid,
  deltaMinor: z
    .string()
    .regex(/^-?\d+$/)
    .transform((digits) => BigInt(digits)),
  currency: z.string(),
});
/** Without a deposit, or from before there were any, nothing is set aside. */
const bookingStarted = z.object({ bookingId: uuid, currency: z.string().optional(), depositMinor: minor.optional(), depositUntil: z.coerce.date().optional() });
const bookingReturned = z.object({ bookingId: uuid, chargesMinor: minor, currency: z.string() });
const bookingCancelled = z.object({ bookingId: uuid, feeMinor: minor });
const bookingEnded = z.object({ bookingId: uuid });
const tripRequested = z.object({
  tripId: uuid,
  riderId: uuid,
  vehicleType: z.string(),
  fareMinor: minor,
  currency: z.string(),
  paymentMethod: z.enum(PAYMENT_METHODS),
  paymentToken: z.string().nullish(),
  /** Null and absent mean now. */
  departAt: z.coerce.date().nullish(),
});
const tripCompleted = z.object({
  tripId: uuid,
  riderId: uuid,
  driverUserId: uuid,
  vehicleType: z.string(),
  fareMinor: minor,
  currency: z.string(),
  paymentMethod: z.enum(PAYMENT_METHODS),
});

/** What payments-ledger does on other domains' events. */
export function paymentsConsumes(desk: Desk): readonly Consumption[] {
  const on = <S extends z.ZodType>(type: string, payload: S, apply: (tx: LedgerTx, payload: z.output<S>, eventId: string) => Promise<void>) =>
    consumption({ type, payload, apply: (tx: Tx, event) => apply(atDesk(tx, desk), event.payload, event.id) });

  return [
    on('user.registered', z.object({ userId: uuid }), (tx, { userId }) => openCustomerWallet(tx, userId)),
    on('user.deleted', z.object({ userId: uuid }), (tx, { userId }) => closeWallet(tx, userId)),
    on('driver.registered', z.object({ userId: uuid }), (tx, { userId }) => openDriverWallet(tx, userId)),

    on('booking.held', bookingHeld, (tx, held) =>
      authorisePayment(tx, {
        subject: { type: 'BOOKING', id: held.bookingId },
        payerId: held.customerId,
        method: held.paymentMethod,
        token: held.paymentToken ?? null,
        amountMinor: held.totalMinor,
        currency: held.currency,
        holdUntil: held.holdExpiresAt,
      }),
    ),
    on('booking.confirmed', bookingConfirmed, (tx, { bookingId, totalMinor, currency }) => captureBooking(tx, bookingId, { owedMinor: totalMinor, currency })),
    on('booking.changed', bookingChanged, (tx, { bookingId, deltaMinor, currency }, cause) =>
      changeBookingPrice(tx, bookingId, { deltaMinor, currency, cause }),
    ),
    on('booking.started', bookingStarted, async (tx, { bookingId, currency, depositMinor, depositUntil }) => {
      if (currency && depositMinor && depositUntil) await holdDeposit(tx, { bookingId, amountMinor: depositMinor, currency, until: depositUntil });
    }),
    on('booking.returned', bookingReturned, (tx, returned, cause) => settleReturn(tx, { ...returned, cause })),
    on('booking.noShow', bookingCancelled, (tx, { bookingId, feeMinor }) => closePayment(tx, { type: 'BOOKING', id: bookingId }, feeMinor)),
    on('booking.cancelled', bookingCancelled, (tx, { bookingId, feeMinor }) => closePayment(tx, { type: 'BOOKING', id: bookingId }, feeMinor)),
    on('booking.expired', bookingEnded, (tx, { bookingId }) => closePayment(tx, { type: 'BOOKING', id: bookingId }, 0n)),
    on('booking.released', bookingEnded, (tx, { bookingId }) => closePayment(tx, { type: 'BOOKING', id: bookingId }, 0n)),

    on('trip.requested', tripRequested, (tx, trip) =>
      authorisePayment(tx, {
        subject: { type: 'TRIP', id: trip.tripId },
        payerId: trip.riderId,
        method: trip.paymentMethod,
        token: trip.paymentToken ?? null,
        amountMinor: trip.fareMinor,
        currency: trip.currency,
        vehicleType: trip.vehicleType,
        holdUntil: new Date(Math.max(tx.now.getTime(), trip.departAt?.getTime() ?? 0) + TRIP_HOLD_MS),
      }),
    ),
    on('trip.accepted', z.object({ tripId: uuid, driverUserId: uuid }), (tx, { tripId, driverUserId }) => keepDriver(tx, tripId, driverUserId)),
    on('trip.completed', tripCompleted, (tx, { paymentMethod, ...trip }) => settleTrip(tx, { ...trip, method: paymentMethod })),
    on('trip.cancelled', z.object({ tripId: uuid, feeMinor: minor }), (tx, { tripId, feeMinor }) => closePayment(tx, { type: 'TRIP', id: tripId }, feeMinor)),
    on('trip.noDrivers', z.object({ tripId: uuid }), (tx, { tripId }) => closePayment(tx, { type: 'TRIP', id: tripId }, 0n)),
    ...nothingOn('booking.atRisk', 'driver.approved', 'driver.suspended'),
  ];
}
