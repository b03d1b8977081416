import { z } from 'zod';
import { Refusal } from '../../platform/errors.js';
import type { Place } from './point.js';
import type { trips, tripStates } from './tables.js';

export const TRIP_STATUSES = ['REQUESTED', 'SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED', 'STARTED', 'COMPLETED', 'CANCELLED', 'NO_DRIVERS'] as const;
export type TripStatus = (typeof TRIP_STATUSES)[number];
export const PARTIES = ['RIDER', 'DRIVER', 'ADMIN', 'SYSTEM'] as const;
/** Whose doing a change is. */
export type Party = (typeof PARTIES)[number];
export const PAYMENT_METHODS = ['WALLET', 'CASH', 'CARD'] as const;
export type PaymentMethod = (typeof PAYMENT_METHODS)[number];

/** What a message about a trip is: the present state, a change of it, or where the driver is. */
export const UPDATE_KINDS = ['SNAPSHOT', 'STATE', 'POSITION'] as const;
export type UpdateKind = (typeof UPDATE_KINDS)[number];

export type TripRow = typeof trips.$inferSelect;
export type TripStateRow = typeof tripStates.$inferSelect;

/** Which status may follow which (DP-30); back to SEARCHING when the driver of a trip for later cancels (DP-22). The database has the same rows in `trip_transitions` and refuses anything else. */
export const TRIP_TRANSITIONS: Readonly<Record<TripStatus, readonly TripStatus[]>> = {
  REQUESTED: ['SEARCHING', 'CANCELLED'],
  SEARCHING: ['ACCEPTED', 'NO_DRIVERS', 'CANCELLED'],
  ACCEPTED: ['DRIVER_ARRIVED', 'CANCELLED', 'SEARCHING'],
  DRIVER_ARRIVED: ['STARTED', 'CANCELLED', 'SEARCHING'],
  STARTED: ['COMPLETED', 'CANCELLED'],
  COMPLETED: [],
  CANCELLED: [],
  NO_DRIVERS: [],
};

/** From then on a driver is on the trip, and his position is the rider's business. */
const WITH_DRIVER: readonly string[] = ['ACCEPTED', 'DRIVER_ARRIVED', 'STARTED'];
/** Statuses of a trip that is not over. */
const LIVE: readonly string[] = ['REQUESTED', 'SEARCHING', ...WITH_DRIVER];

/** A driver is on his way to the rider, or waits for him. */
export const isBeforeStart = (status: string): boolean => status === 'ACCEPTED' || status === 'DRIVER_ARRIVED';
export const hasDriverOnIt = (status: string): boolean => WITH_DRIVER.includes(status);
export const isTerminal = (status: string): boolean => !LIVE.includes(status);

/** A rider may think better of it for this long after a driver accepted; then the cancellation fee is due. */
const FREE_CANCELLATION_MS = 2 * 60_000;
const MAX_TEXT = 500;

export const reasonSchema = z.string().trim().max(MAX_TEXT).nullish();
export const ratingSchema = z.object({
  stars: z.int('must be a whole number').min(1, 'must be 1 to 5').max(5, 'must be 1 to 5'),
  comment: z.string().trim().max(MAX_TEXT).nullish(),
});

/** @throws Refusal INVALID_TRANSITION with `from` and `to` */
export function assertTransition(trip: Pick<TripRow, 'status'>, to: TripStatus): void {
  if (TRIP_TRANSITIONS[trip.status as TripStatus].includes(to)) return;
  throw invalidTransition(trip.status, to);
}

export function invalidTransition(from: string, to: string): Refusal {
  return new Refusal('INVALID_TRANSITION', `A trip that is ${from} cannot become ${to}. Read the trip again.`, {
    details: { field: 'tripId', rule: 'transition', from, to },
  });
}

/** @throws Refusal INVALID_TRANSITION when a passenger is in the car: then only an admin ends the trip without completing it */
export function assertMayCancel(trip: TripRow, by: Party): void {
  assertTransition(trip, 'CANCELLED');
  if (trip.status === 'STARTED' && by !== 'ADMIN') throw invalidTransition(trip.status, 'CANCELLED');
}

/** What the rider owes for cancelling, in minor units: nothing before and shortly after a driver accepted, and nothing when others cancel. */
export function cancellationFee(trip: TripRow, by: Party, feeMinor: bigint, now: Date): bigint {
  if (by !== 'RIDER' || trip.acceptedAt === null) return 0n;
  return now.getTime() - trip.acceptedAt.getTime() > FREE_CANCELLATION_MS ? feeMinor : 0n;
}

export const pickupOf = (row: { pickupLat: number; pickupLng: number }): Place => ({ lat: row.pickupLat, lng: row.pickupLng });
export const destinationOf = (row: { destinationLat: number; destinationLng: number }): Place => ({ lat: row.destinationLat, lng: row.destinationLng });

/** What the trip costs when it is completed, in minor units: the quote, unless the rider agreed to another price. */
export const fareOf = (trip: TripRow): bigint => trip.agreedFareMinor ?? trip.quotedFareMinor;

/** Where the driver of a live trip is heading: to the pickup, and then to the destination. */
export function nextStop(trip: TripRow): Place {
  return trip.status === 'STARTED' ? destinationOf(trip) : pickupOf(trip);
}
