import { Refusal } from '../../platform/errors.js';
import { publicId } from '../../platform/ids.js';

/** Why a customer may not get the car: LATE, it may not be back in time; ELSEWHERE, it will be at another station than where the customer comes for it. */
export const RISKS = ['LATE', 'ELSEWHERE'] as const;
export type Risk = (typeof RISKS)[number];

/** Where a car will be at a moment, and who has it next, as the bookings that keep it say. Stations are null for a car that has none. */
export interface Whereabouts {
  stationId: string | null;
  /** The first booking that begins at that moment or later, if there is one. */
  next: { pickupAt: Date; stationId: string | null } | null;
}

const stationIdOf = (uuid: string | null) => uuid && publicId('stn', uuid);

/**
 * A quote said where the car is to be picked up, and customers go there. @throws Refusal PICKUP_STATION_CHANGED with `pickupStationId`, where it will be now
 */
export function assertPickupStation(quoted: string | null, { stationId }: Whereabouts): void {
  if (quoted === stationId) return;
  throw new Refusal('PICKUP_STATION_CHANGED', 'This car will be at another station by then than was quoted. Ask for a new quote: it says where.', {
    details: { field: 'input.quoteId', pickupStationId: stationIdOf(stationId) },
  });
}

/**
 * A rental that ends at another station than it begins must not take the car from the customer after it.
 * @throws Refusal ONE_WAY_NOT_POSSIBLE with `nextPickupAt` and `requiredReturnStationId`, where the next customer comes for it
 */
export function assertReturnFits(returnStationId: string | null, { stationId, next }: Whereabouts, field: string): void {
  const moves = returnStationId !== null && returnStationId !== stationId;
  if (!moves || !next || next.stationId === null || next.stationId === returnStationId) return;
  throw new Refusal(
    'ONE_WAY_NOT_POSSIBLE',
    'The next customer comes for this car at another station than it would be returned to. Return it at `requiredReturnStationId`, or choose another car.',
    { details: { field, nextPickupAt: next.pickupAt.toISOString(), requiredReturnStationId: stationIdOf(next.stationId) } },
  );
}
