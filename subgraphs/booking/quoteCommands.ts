import { type Actor, userIdOf } from '../../platform/actor.js';
import { notFound, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import { assertRentable, blockedRange, type BusyRange, type VehicleFacts, vehicleUnavailable } from './availability.js';
import { type Extra, priceRental } from './price.js';
import { busyRangesAfter, dropUnusedQuotes, type QuoteRow, vehiclesByIds } from './queries.js';
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

/** @throws Refusal VEHICLE_UNAVAILABLE with `nextFreeFrom` when any of the range is taken */
export async function assertFree(tx: Tx, vehicleId: string, wanted: BusyRange, field: string): Promise<void> {
  const busy = (await busyRangesAfter(tx.orm, [vehicleId], wanted.from)).get(vehicleId) ?? [];
  if (busy.some((range) => range.from < wanted.to)) throw vehicleUnavailable(field, busy, wanted);
}

/**
 * Offers a price, if the vehicle is free at that time now. It is not held: `createBooking` does that.
 * @throws Refusal NOT_FOUND (vehicle), VEHICLE_NOT_RENTABLE, VALIDATION_ERROR, VEHICLE_UNAVAILABLE, FORBIDDEN
 */
export async function quoteRental(tx: Tx, input: Period & { vehicleId: string; extras: readonly Extra[] }): Promise<QuoteRow> {
  const customerId = requireCustomer(tx.actor);
  const vehicle = await requireVehicle(tx, input.vehicleId, 'input.vehicleId');
  assertRentable(vehicle);
  assertPeriod(input, vehicle.timeZone, tx.now);
  await assertFree(tx, vehicle.vehicleId, blockedRange(input.pickupAt, input.returnAt, vehicle.category), 'input.vehicleId');
  const days = rentalDays(input.pickupAt, input.returnAt, vehicle.timeZone);
  const price = priceRental({ dailyRate: { amountMinor: vehicle.dailyRateMinor, currency: vehicle.currency }, days, extras: input.extras });
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
      currency: price.total.currency,
      expiresAt: new Date(tx.now.getTime() + QUOTE_VALID_MS),
      createdAt: tx.now,
    })
    .returning();
  if (!row) throw new Error('the quote was not inserted');
  return row;
}
