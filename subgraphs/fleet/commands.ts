import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { brokenConstraint, notFound, parseInput, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Money } from '../../platform/money.js';
import { appendEvent } from '../../platform/outbox.js';
import { type Changed, entitiesChanged, type Tx } from '../../platform/postgres.js';
import { vehicleCreated, vehicleRetired, vehicleUpdated } from './events.js';
import { lockVehicle, stationsByIds } from './queries.js';
import { busyRanges, pastRentals, stations, vehicles } from './tables.js';
import { assertNotRetired, assertVersion, newVehicleSchema, slugFor, vehicleChangesSchema, type VehicleRow } from './vehicle.js';

/** What caches keep under a vehicle's id. */
export const VEHICLE = 'vehicle';
/** What caches keep of lists: all of them are forgotten when any car changes. */
export const LISTINGS = 'listings';
export const ALL_LISTINGS = 'all';

/** Which cars are free at which times: kept as part of whole answers alone (GW-30). */
export const timesChanged: readonly Changed[] = [{ kind: 'times', ids: ['all'] }];

/** What caches keep of a vehicle: itself, and all lists. */
export const cachedOf = (vehicleId: string): Changed[] => [
  { kind: VEHICLE, ids: [vehicleId] },
  { kind: LISTINGS, ids: [ALL_LISTINGS] },
];

/** Nobody is shown the old state of a car once the change has been answered (GW-30). */
export function vehicleChanged(tx: Tx, vehicleId: string): void {
  for (const { kind, ids } of cachedOf(vehicleId)) entitiesChanged(tx, kind, ids);
}

/** Days are counted by this clock for a car without a station, such as a driver's own. */
const DEFAULT_TIME_ZONE = 'Africa/Cairo';

export interface NewVehicle extends z.input<typeof newVehicleSchema> {
  dailyRate: Money;
  stationId: string;
  /** Only seeds bring their own id. */
  id?: string;
}

/** One car has one plate: of two that are entered at the same moment Postgres takes one. */
function plateTaken(error: unknown): never {
  if (brokenConstraint(error) !== 'vehicles_plate_in_use') throw error;
  throw new Refusal('CONFLICT', 'A car of the fleet has this plate already. Look it up, or retire it first.', {
    details: { field: 'input.plate', rule: 'taken' },
  });
}

/** Adds a car to the rental fleet. @throws Refusal VALIDATION_ERROR, NOT_FOUND (station), CONFLICT (plate) */
export async function createVehicle(tx: Tx, input: NewVehicle): Promise<VehicleRow> {
  const parsed = parseInput(newVehicleSchema, input);
  const [station] = await stationsByIds(tx.orm, [input.stationId]);
  if (!station) throw notFound('station', 'input.stationId');
  const id = input.id ?? newUuid(tx.now);
  const [row] = await tx.orm
    .insert(vehicles)
    .values({
      ...parsed,
      id,
      slug: slugFor(parsed, id),
      dailyRateMinor: input.dailyRate.amountMinor,
      currency: input.dailyRate.currency,
      status: 'ACTIVE',
      use: 'RENTAL',
      stationId: station.id,
      lat: parsed.position?.lat ?? station.lat,
      lng: parsed.position?.lng ?? station.lng,
      images: [],
      version: 1,
      createdAt: tx.now,
      updatedAt: tx.now,
    })
    .returning()
    .catch(plateTaken);
  if (!row) throw new Error('the vehicle was not inserted');
  vehicleChanged(tx, id);
  await appendEvent(tx, vehicleCreated, id, await factsOf(tx, row));
  return row;
}

export interface VehicleChanges extends z.input<typeof vehicleChangesSchema> {
  id: string;
  version: number;
  dailyRate?: Money;
  stationId?: string;
}

/** Changes a vehicle that the writer has read at `version`. @throws Refusal NOT_FOUND, CONFLICT, VEHICLE_RETIRED, VALIDATION_ERROR */
export async function updateVehicle(tx: Tx, input: VehicleChanges): Promise<VehicleRow> {
  const { position, ...changes } = parseInput(vehicleChangesSchema, input);
  const current = await lockVehicle(tx.orm, input.id);
  if (!current) throw notFound('vehicle', 'input.id');
  assertNotRetired(current);
  assertVersion(current, input.version);
  const [station] = input.stationId ? await stationsByIds(tx.orm, [input.stationId]) : [];
  if (input.stationId && !station) throw notFound('station', 'input.stationId');
  // A car that goes to another station is parked there: it is found near that one, and not near the old one.
  const place = position ?? (station && station.id !== current.stationId ? station : null);
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value != null));
  const [row] = await tx.orm
    .update(vehicles)
    .set({
      ...given,
      ...(place && { lat: place.lat, lng: place.lng }),
      ...(input.dailyRate && { dailyRateMinor: input.dailyRate.amountMinor, currency: input.dailyRate.currency }),
      ...(input.stationId && { stationId: input.stationId }),
      version: current.version + 1,
      updatedAt: tx.now,
    })
    .where(eq(vehicles.id, current.id))
    .returning()
    .catch(plateTaken);
  if (!row) throw new Error('the locked vehicle vanished');
  vehicleChanged(tx, row.id);
  await appendEvent(tx, vehicleUpdated, row.id, await factsOf(tx, row));
  return row;
}

/** A customer left a car at another station: it belongs there now, and is found there (one-way rentals). A station that is gone changes nothing. */
export async function moveToStation(tx: Tx, left: { vehicleId: string; stationId: string }): Promise<void> {
  const current = await lockVehicle(tx.orm, left.vehicleId);
  const [station] = await stationsByIds(tx.orm, [left.stationId]);
  if (!current || !station || current.stationId === station.id) return;
  const [row] = await tx.orm
    .update(vehicles)
    .set({ stationId: station.id, lat: station.lat, lng: station.lng, version: current.version + 1, updatedAt: tx.now })
    .where(eq(vehicles.id, current.id))
    .returning();
  if (!row) throw new Error('the locked vehicle vanished');
  vehicleChanged(tx, row.id);
  await appendEvent(tx, vehicleUpdated, row.id, await factsOf(tx, row));
}

/** Takes a vehicle out of search and quotes for good; old bookings still show it. Repeating it changes nothing. @throws Refusal NOT_FOUND */
export async function retireVehicle(tx: Tx, id: string): Promise<VehicleRow> {
  const current = await lockVehicle(tx.orm, id);
  if (!current) throw notFound('vehicle');
  if (current.status === 'RETIRED') return current;
  const [row] = await tx.orm
    .update(vehicles)
    .set({ status: 'RETIRED', version: current.version + 1, updatedAt: tx.now })
    .where(eq(vehicles.id, id))
    .returning();
  if (!row) throw new Error('the locked vehicle vanished');
  vehicleChanged(tx, id);
  await appendEvent(tx, vehicleRetired, id, await factsOf(tx, row));
  return row;
}

/** Keeps a driver's own car (DP-01b): it is shown with trips, and is in no search and no quote. Its id was chosen by dispatch. */
export async function keepRideVehicle(
  tx: Tx,
  car: { vehicleId: string; make: string; model: string; year: number; category: string; seats: number; plate: string },
): Promise<void> {
  await tx.orm
    .insert(vehicles)
    .values({
      id: car.vehicleId,
      slug: slugFor(car, car.vehicleId),
      make: car.make,
      model: car.model,
      year: car.year,
      category: car.category,
      fuelType: 'PETROL',
      transmission: 'MANUAL',
      seats: car.seats,
      features: [],
      dailyRateMinor: 0n,
      currency: 'EGP',
      plate: car.plate,
      status: 'ACTIVE',
      use: 'RIDE',
      images: [],
      version: 1,
      createdAt: tx.now,
      updatedAt: tx.now,
    })
    .onConflictDoNothing();
}

/** Keeps fleet's copy of what blocks a vehicle: the range of a live booking, or nothing. */
export async function keepBusyRange(
  tx: Tx,
  booking:
    | { bookingId: string; vehicleId: string; from: Date; to: Date; returnAt?: Date | null; kind?: 'BOOKING' | 'BLOCK' }
    | { bookingId: string; free: true },
): Promise<void> {
  if ('free' in booking) {
    await tx.orm.delete(busyRanges).where(eq(busyRanges.bookingId, booking.bookingId));
    return;
  }
  const range = { vehicleId: booking.vehicleId, fromAt: booking.from, toAt: booking.to, returnAt: booking.returnAt ?? null, kind: booking.kind ?? 'BOOKING' };
  await tx.orm
    .insert(busyRanges)
    .values({ bookingId: booking.bookingId, ...range })
    .onConflictDoUpdate({ target: busyRanges.bookingId, set: range });
}

/** A rental is over: its car is free, and the time that it was out is remembered (FL-08). */
export async function keepPastRental(tx: Tx, rental: { bookingId: string; vehicleId: string; returnedAt: Date }): Promise<void> {
  const [busy] = await tx.orm.delete(busyRanges).where(eq(busyRanges.bookingId, rental.bookingId)).returning();
  if (!busy || busy.fromAt >= rental.returnedAt) return;
  const { bookingId, vehicleId, returnedAt } = rental;
  await tx.orm.insert(pastRentals).values({ bookingId, vehicleId, fromAt: busy.fromAt, toAt: returnedAt }).onConflictDoNothing();
}

export async function addStation(tx: Tx, station: typeof stations.$inferInsert): Promise<void> {
  await tx.orm.insert(stations).values(station).onConflictDoNothing();
}

/** What other domains keep of a vehicle. */
export async function factsOf(tx: Tx, row: VehicleRow) {
  const [station] = row.stationId ? await stationsByIds(tx.orm, [row.stationId]) : [];
  if (row.use !== 'RENTAL' && row.use !== 'RIDE') throw new Refusal('CONFLICT', 'This vehicle has no known use.');
  return {
    vehicleId: row.id,
    use: row.use,
    status: row.status as 'ACTIVE' | 'MAINTENANCE' | 'RETIRED',
    category: row.category,
    dailyRateMinor: row.dailyRateMinor.toString(),
    currency: row.currency,
    stationId: row.stationId,
    timeZone: station?.timeZone ?? DEFAULT_TIME_ZONE,
    stationPosition: station ? { lat: station.lat, lng: station.lng } : null,
    title: `${row.make} ${row.model} ${row.year}`,
  } as const;
}
