import DataLoader from 'dataloader';
import { type Actor, isSelfOrPrivileged } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import { availabilityOf, type BusyRange } from './availability.js';
import { type BookingRow, bookingsByIds, busyRangesAfter, vehiclesByIds } from './queries.js';

export interface AvailabilityKey {
  vehicleId: string;
  from: Date;
  to: Date;
}
export type Availability = ReturnType<typeof availabilityOf>;

export interface BookingLoaders {
  booking: DataLoader<string, BookingRow | null>;
  availability: DataLoader<AvailabilityKey, Availability>;
}

/**
 * Loaders of one request. Row-level security hides what the actor may not see. Availability is batched but not remembered: a request may book a
 * car between two looks, and must not be told then that it is free.
 */
export function bookingLoaders(run: Context['run']): BookingLoaders {
  return {
    booking: new DataLoader(async (ids) => {
      const rows = new Map((await run((tx) => bookingsByIds(tx.orm, ids))).map((row) => [row.id, row]));
      return ids.map((id) => rows.get(id) ?? null);
    }),
    availability: new DataLoader((keys) => loadAvailability(run, keys), { cache: false }),
  };
}

/** The actor's own booking, or any for admins and jobs; null for one that does not exist and for somebody else's (BK-13). */
export async function visibleBooking(ctx: { actor: Actor; loaders: BookingLoaders }, bookingId: string | null): Promise<BookingRow | null> {
  const row = bookingId === null ? null : await ctx.loaders.booking.load(bookingId);
  return row && isSelfOrPrivileged(ctx.actor, row.customerId) ? row : null;
}

/** One query for the vehicles, and one for what is taken per different beginning, whatever the number of vehicles (BK-08). */
async function loadAvailability(run: Context['run'], keys: readonly AvailabilityKey[]): Promise<Availability[]> {
  return run(async (tx) => {
    const vehicles = new Map((await vehiclesByIds(tx.orm, vehicleIdsOf(keys))).map((row) => [row.vehicleId, row]));
    const busyAfter = new Map<number, Map<string, BusyRange[]>>();
    for (const beginning of new Set(keys.map(({ from }) => from.getTime()))) {
      const asked = keys.filter(({ from }) => from.getTime() === beginning);
      busyAfter.set(beginning, await busyRangesAfter(tx.orm, vehicleIdsOf(asked), new Date(beginning)));
    }
    return keys.map(({ vehicleId, from, to }) => availabilityOf(vehicles.get(vehicleId), busyAfter.get(from.getTime())?.get(vehicleId) ?? [], from, to));
  });
}

function vehicleIdsOf(keys: readonly AvailabilityKey[]): string[] {
  return [...new Set(keys.map((key) => key.vehicleId))];
}
