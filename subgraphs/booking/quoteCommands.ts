import { type Actor, userIdOf } from '../../platform/actor.js';
import { notFound, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import { assertRentable, blockedRange, type BusyRange, isTaken, type VehicleFacts, vehicleUnavailable } from './availability.js';
import { depositMinor } from './deposit.js';
import { type Extra, MIN_DRIVER_AGE, type Promotion, priceRental, YOUNG_DRIVER_BELOW } from './price.js';
import { assertReturnFits, type Whereabouts } from './whereabouts.js';
import { timeZoneOf, whereaboutsAt } from './whereaboutsQueries.js';
import { bookingsByIds, busyRangesAfter, dropUnusedQuotes, promotionByCode, type QuoteRow, stationIsKnown, vehiclesByIds } from './queries.js';
import { assertPeriod, type Period, rentalDays } from './rentalPeriod.js';
import { quotes } from './tables.js';

/** How long a price stands (BK-03). */
const QUOTE_VALID_MS = 10 * 60_000;
/** Quotes that were not taken are kept this long after they expired, so that a late client is told QUOTE_EXPIRED and not NOT_FOUND. */
const QUOTE_KEPT_MS = 24 * 3_600_000;

/** The person who books. @throws Refusal FORBIDDEN for jobs and services: a booking is somebody's */
export function requireCustomer(actor: Actor): string {
  const customerId = userIdOf(actor);
  if (customerId === null) throw new Refusal('FORBIDDEN', 'Only a person can book. Sign in as a user.');
  return customerId;
}

/** @throws Refusal NOT_FOUND */
export async function requireVehicle(tx: Tx, vehicleId: string, field: string): Promise<VehicleFacts> {
  const [vehicle] = await vehiclesByIds(tx.orm, [vehicleId]);
  if (!vehicle) throw notFound('vehicle', field);
  return vehicle;
}

/** @throws Refusal VEHICLE_UNAVAILABLE with `nextFreeFrom` when any of the range is taken by another than `holder` */
export async function assertFree(tx: Tx, vehicleId: string, wanted: BusyRange, field: string, holder?: string | null): Promise<void> {
  const busy = await busyRangesAfter(tx.orm, vehicleId, wanted.from, holder);
  if (isTaken(busy, wanted)) throw vehicleUnavailable(field, busy, wanted);
}

export interface RentalWish extends Period {
  vehicleId: string;
  extras: readonly Extra[];
  promoCode?: string | null;
  driverAge?: number | null;
  returnStationId?: string | null;
  /** The booking whose dates or car this is to change: its own range is not in the way. */
  changesBooking?: string | null;
}

/** @throws Refusal PROMOTION_NOT_VALID for a code that nobody gave out, or that is not valid now */
async function requirePromotion(tx: Tx, code: string): Promise<Promotion> {
  const promotion = await promotionByCode(tx.orm, code.trim().toUpperCase());
  if (promotion && promotion.validFrom <= tx.now && tx.now < promotion.validTo) return promotion;
  throw new Refusal('PROMOTION_NOT_VALID', 'This code is not valid, or not any more. Leave it out or use another one.', {
    details: { field: 'input.promoCode' },
  });
}

/**
 * Whether a driver costs the fee for young ones. No age says: 25 or older, as most are; the desk sees the licence at pick-up, and charges the fee then.
 * @throws Refusal VALIDATION_ERROR for a driver who is too young to rent
 */
export function isYoung(age: number | null | undefined): boolean {
  if (age == null) return false;
  if (!Number.isInteger(age) || age < MIN_DRIVER_AGE || age > 120) {
    throw new Refusal('VALIDATION_ERROR', `input.driverAge: a driver must be ${MIN_DRIVER_AGE} to 120 years old.`, {
      details: { field: 'input.driverAge', rule: 'age', min: MIN_DRIVER_AGE },
    });
  }
  return age < YOUNG_DRIVER_BELOW;
}

/** @throws Refusal NOT_FOUND, BOOKING_NOT_CHANGEABLE */
async function assertChangeable(tx: Tx, bookingId: string, customerId: string): Promise<void> {
  const [booking] = await bookingsByIds(tx.orm, [bookingId]);
  if (!booking || booking.customerId !== customerId) throw notFound('booking', 'input.changesBookingId');
  if (booking.status !== 'CONFIRMED') throw notChangeable(booking.status);
}

export function notChangeable(status: string): Refusal {
  return new Refusal('BOOKING_NOT_CHANGEABLE', `Only a CONFIRMED booking can be changed, and this one is ${status}.`, { details: { status } });
}

/** Where the car will be at pick-up, who has it after that, and what clock its days go by: that of the station, as the cars that are there now tell it. */
async function placeOfPickup(tx: Tx, vehicle: VehicleFacts, { pickupAt, changesBooking }: RentalWish): Promise<Whereabouts & { timeZone: string }> {
  const whereabouts = await whereaboutsAt(tx.orm, vehicle.vehicleId, pickupAt, changesBooking ? [changesBooking] : []);
  const { stationId } = whereabouts;
  const clock = stationId === null || stationId === vehicle.stationId ? undefined : await timeZoneOf(tx.orm, stationId);
  return { ...whereabouts, timeZone: clock ?? vehicle.timeZone };
}

/**
 * Offers a price, if the vehicle is free at that time now, and says where it will be then. It is not held: `createBooking` does that.
 * @throws Refusal NOT_FOUND (vehicle, station, booking), VEHICLE_NOT_RENTABLE, VALIDATION_ERROR, VEHICLE_UNAVAILABLE, PROMOTION_NOT_VALID,
 * ONE_WAY_NOT_POSSIBLE, BOOKING_NOT_CHANGEABLE, FORBIDDEN
 */
export async function quoteRental(tx: Tx, input: RentalWish): Promise<QuoteRow> {
  const customerId = requireCustomer(tx.actor);
  const vehicle = await requireVehicle(tx, input.vehicleId, 'input.vehicleId');
  assertRentable(vehicle);
  const { timeZone, ...whereabouts } = await placeOfPickup(tx, vehicle, input);
  const pickupStationId = whereabouts.stationId;
  assertPeriod(input, timeZone, tx.now);
  if (input.changesBooking) await assertChangeable(tx, input.changesBooking, customerId);
  const elsewhere = input.returnStationId && input.returnStationId !== pickupStationId ? input.returnStationId : null;
  if (elsewhere && !(await stationIsKnown(tx.orm, elsewhere))) throw notFound('station', 'input.returnStationId');
  const youngDriver = isYoung(input.driverAge);
  const promotion = input.promoCode ? await requirePromotion(tx, input.promoCode) : null;
  await assertFree(tx, vehicle.vehicleId, blockedRange(input.pickupAt, input.returnAt, vehicle.category), 'input.vehicleId', input.changesBooking);
  assertReturnFits(elsewhere, whereabouts, 'input.returnStationId');
  const days = rentalDays(input.pickupAt, input.returnAt, timeZone);
  const dailyRate = { amountMinor: vehicle.dailyRateMinor, currency: vehicle.currency };
  const price = priceRental({ dailyRate, days, extras: input.extras, promotion, youngDriver, oneWay: elsewhere !== null });
  await dropUnusedQuotes(tx.orm, customerId, new Date(tx.now.getTime() - QUOTE_KEPT_MS));
  const [row] = await tx.orm
    .insert(quotes)
    .values({
      id: newUuid(tx.now),
      customerId,
      vehicleId: vehicle.vehicleId,
      pickupAt: input.pickupAt,
      returnAt: input.returnAt,
      days,
      dailyRateMinor: vehicle.dailyRateMinor,
      lines: price.lines,
      totalMinor: price.total.amountMinor,
      depositMinor: depositMinor(vehicle.category, vehicle.currency),
      youngDriver,
      currency: price.total.currency,
      pickupStationId,
      returnStationId: elsewhere,
      changesBooking: input.changesBooking ?? null,
      expiresAt: new Date(tx.now.getTime() + QUOTE_VALID_MS),
      createdAt: tx.now,
    })
    .returning();
  if (!row) throw new Error('the quote was not inserted');
  return row;
}
