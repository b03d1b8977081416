import type { Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import type { DriverRow, DriverState } from './driver.js';
import type { Seen } from './positionValues.js';
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

/** Where a trip's driver is, and who that is: a trip may have had another one, whose last points are still on their way. */
export interface HeardPosition extends Seen {
  driverId: string;
}

/** A position as it travels on a trip's feed: the only message there that is not a mere hint. */
export function encodePosition({ place, heading, at, driverId }: HeardPosition): string {
  return JSON.stringify([place.lat, place.lng, heading, at.getTime(), driverId]);
}

/** The position in a message, or null for a hint. */
export function decodePosition(message: string): HeardPosition | null {
  if (message === '') return null;
  const [lat, lng, heading, at, driverId] = JSON.parse(message) as [number, number, number | null, number, string];
  return { place: { lat, lng }, heading, at: new Date(at), driverId };
}
