import type { Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import type { DriverRow, DriverState } from './driver.js';
import type { Seen } from './positions.js';
import type { VehicleType } from './vehicleType.js';

/** Where hints about a trip and the positions of its driver are published. */
export const tripTopic = (tripId: string) => `trip:${tripId}`;
/** Where a driver hears that there may be an offer. */
export const offersTopic = (userId: string) => `offers:${userId}`;

/** Tells whoever watches the trip to look again. */
export function tellTrip(tx: Tx, dispatch: Dispatch, tripId: string): void {
  tx.afterCommit(() => dispatch.feed.publish(tripTopic(tripId)));
}

/** Tells the driver's devices to look for offers. */
export function tellOffers(tx: Tx, dispatch: Dispatch, userId: string): void {
  tx.afterCommit(() => dispatch.feed.publish(offersTopic(userId)));
}

/** Puts a driver's new standing where the way of positions reads it. */
export function tellStanding(tx: Tx, dispatch: Dispatch, driver: DriverRow, tripId: string | null): void {
  tx.afterCommit(() => void dispatch.positions.keepStanding(standingOf(driver, tripId)));
}

export function standingOf(driver: DriverRow, tripId: string | null) {
  return {
    driverId: driver.id,
    userId: driver.userId,
    vehicleType: driver.vehicleType as VehicleType,
    state: driver.state as DriverState,
    tripId,
    version: driver.version,
  };
}

/** A position as it travels on a trip's feed: the only message there that is not a mere hint. */
export function encodePosition(seen: Seen): string {
  return JSON.stringify([seen.place.lat, seen.place.lng, seen.heading, seen.at.getTime()]);
}

/** The position in a message, or null for a hint. */
export function decodePosition(message: string): Seen | null {
  if (message === '') return null;
  const [lat, lng, heading, at] = JSON.parse(message) as [number, number, number | null, number];
  return { place: { lat, lng }, heading, at: new Date(at) };
}
