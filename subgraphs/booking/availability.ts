import { Refusal } from '../../platform/errors.js';
import type { vehicles } from './tables.js';

export type VehicleFacts = typeof vehicles.$inferSelect;

/** A stretch of time in which a vehicle is taken, preparation included; the end is not part of it. */
export interface BusyRange {
  from: Date;
  to: Date;
}

/** The end of what has none that anybody knows, such as an overdue rental's: later than any rental may be. */
export const OPEN_END = new Date('9999-12-31T00:00:00Z');

const HOUR_MS = 3_600_000;
const DEFAULT_PREPARATION_HOURS = 2;
/** Hours to clean and check a car after its return (BK-01), where a class takes longer than the default. */
const PREPARATION_HOURS: Readonly<Record<string, number>> = { LUXURY: 3, SPORTS: 3 };

/** Time that a vehicle of this class stays blocked after a return, in milliseconds. */
export function preparationMs(category: string | undefined): number {
  return (PREPARATION_HOURS[category ?? ''] ?? DEFAULT_PREPARATION_HOURS) * HOUR_MS;
}

/** What a rental takes of its vehicle: until the return, and then as long as preparation lasts. */
export function blockedRange(from: Date, to: Date, category: string | undefined): BusyRange {
  return { from, to: new Date(to.getTime() + preparationMs(category)) };
}

const meets = (a: BusyRange, b: BusyRange) => a.from < b.to && b.from < a.to;

/** Whether one of the ranges has any moment of the wanted one. */
export function isTaken(busy: readonly BusyRange[], wanted: BusyRange): boolean {
  return busy.some((range) => meets(range, wanted));
}

/** What is left free from one moment to another, in order. */
export function gapsAfter(busy: readonly BusyRange[], from: Date, to: Date): BusyRange[] {
  const gaps: BusyRange[] = [];
  let free = from;
  for (const range of [...busy].sort((a, b) => a.from.getTime() - b.from.getTime())) {
    if (range.from >= to) break;
    if (range.from > free) gaps.push({ from: free, to: range.from });
    if (range.to > free) free = range.to;
  }
  if (free < to) gaps.push({ from: free, to });
  return gaps;
}

/**
 * The first moment, not before `wanted.from`, from which nothing is in the way for as long as `wanted` lasts; null when nobody knows, because a rental is
 * overdue.
 */
export function nextFreeFrom(busy: readonly BusyRange[], wanted: BusyRange): Date | null {
  const lengthMs = wanted.to.getTime() - wanted.from.getTime();
  let candidate = wanted.from;
  for (const range of [...busy].sort((a, b) => a.from.getTime() - b.from.getTime())) {
    if (range.to <= candidate) continue;
    if (range.from.getTime() - candidate.getTime() >= lengthMs) break;
    candidate = range.to;
  }
  return candidate < OPEN_END ? candidate : null;
}

/** Whether the fleet rents it out at present. */
export function isRentable(vehicle: Pick<VehicleFacts, 'use' | 'status'>): boolean {
  return vehicle.use === 'RENTAL' && vehicle.status === 'ACTIVE';
}

/** @throws Refusal VEHICLE_NOT_RENTABLE for a driver's own car, and for one in maintenance or retired */
export function assertRentable(vehicle: Pick<VehicleFacts, 'use' | 'status'>): void {
  if (isRentable(vehicle)) return;
  throw new Refusal('VEHICLE_NOT_RENTABLE', 'This vehicle is not rented out at present. Choose another one.', {
    details: { use: vehicle.use, status: vehicle.status },
  });
}

export function vehicleUnavailable(field: string, busy: readonly BusyRange[], wanted: BusyRange): Refusal {
  return new Refusal('VEHICLE_UNAVAILABLE', 'This vehicle is taken at that time. Choose another time from `nextFreeFrom` on, or another vehicle.', {
    details: { field, nextFreeFrom: nextFreeFrom(busy, wanted)?.toISOString() ?? null },
  });
}

/**
 * What a client is told of a window: free means that a rental of exactly this window could be booked, so the preparation after it counts too. A
 * vehicle that fleet has not told us of yet has no bookings; one that is not rented out is never free.
 */
export function availabilityOf(vehicle: VehicleFacts | undefined, busy: readonly BusyRange[], from: Date, to: Date) {
  const wanted = blockedRange(from, to, vehicle?.category);
  const inTheWay = busy.filter((range) => meets(range, wanted));
  const rentable = !vehicle || isRentable(vehicle);
  return { free: rentable && inTheWay.length === 0, busy: inTheWay, nextFreeFrom: rentable ? nextFreeFrom(busy, wanted) : null };
}
