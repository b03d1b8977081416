import { z } from 'zod';
import { parseInput } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import type { Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import { assertApart, hourPermille, priceOf, QUOTE_LIFETIME_MS } from './fare.js';
import { assertServed, type Place, pointSchema } from './point.js';
import type { NearbyDriver } from './positions.js';
import { cellOf, DEMAND_WINDOW_MS, surgePermille } from './surge.js';
import { tripQuotes } from './tables.js';
import { type QuoteRow, ratesAt, requestsPerCell } from './tripQueries.js';
import { SERVED_BY, VEHICLE_TYPES, type VehicleType } from './vehicleType.js';

/** How far ahead a trip can be quoted. */
const MAX_AHEAD_MS = 7 * 24 * 3_600_000;
/** A departure this near is now: nobody waits for it. */
const NOW_MS = 60_000;
/** Where drivers count for a quote's pickup time and surge. */
const SUPPLY_RADIUS_KM = 5;
const MAX_SUPPLY = 200;

export const quoteSchema = z.object({
  pickup: pointSchema,
  destination: pointSchema,
  vehicleTypes: z
    .array(z.enum(VEHICLE_TYPES))
    .min(1, 'must name one type at least')
    .max(VEHICLE_TYPES.length, 'must not name more types than there are')
    .refine((types) => new Set(types).size === types.length, 'must not name a type twice')
    .nullish(),
  departAt: z.date().nullish(),
});

export interface Quoted {
  quote: QuoteRow;
  /** Seconds until the nearest driver would be there; null when none is around. */
  pickupEtaSeconds: number | null;
}

/** Drivers around a pickup; null when positions do not answer: then a quote is without pickup time and without surge. */
export async function supplyAround(dispatch: Dispatch, pickup: Place): Promise<NearbyDriver[] | null> {
  return dispatch.positions.nearby(pickup, SUPPLY_RADIUS_KM, VEHICLE_TYPES, MAX_SUPPLY).catch(() => null);
}

/**
 * Prices a trip for each type, and keeps each price for ten minutes (DP-13, DP-14).
 * @throws Refusal VALIDATION_ERROR, OUTSIDE_SERVICE_AREA
 */
export async function quoteTrip(
  tx: Tx,
  dispatch: Dispatch,
  ownerId: string,
  input: z.input<typeof quoteSchema>,
  supply: NearbyDriver[] | null,
): Promise<Quoted[]> {
  const { pickup, destination, vehicleTypes, departAt } = parseInput(
    quoteSchema.refine((value) => isAhead(value.departAt, tx.now), { path: ['departAt'], message: 'must be within the next seven days' }),
    input,
  );
  assertServed(dispatch.config.serviceArea, pickup, 'input.pickup');
  assertServed(dispatch.config.serviceArea, destination, 'input.destination');
  assertApart(pickup, destination);
  const isLater = departAt != null && departAt.getTime() > tx.now.getTime() + NOW_MS;
  const at = isLater ? departAt : tx.now;
  const leg = dispatch.routing.leg(pickup, destination, at);
  // How many will want to go next Tuesday nobody knows: a later departure has no surge.
  const surge = supply === null || isLater ? 1_000n : await surgeAt(tx, pickup, supply);
  const rates = await ratesAt(tx.orm, at);
  const quotes = (vehicleTypes ?? VEHICLE_TYPES).map((vehicleType) => {
    const rate = rates.get(vehicleType);
    if (!rate) throw new Error(`there are no rates for ${vehicleType}`);
    const { fareMinor, lines } = priceOf(rate, leg, { hourPermille: hourPermille(dispatch.cityTime(at)), surgePermille: surge });
    return {
      id: newUuid(tx.now),
      ownerId,
      vehicleType,
      pickupLat: pickup.lat,
      pickupLng: pickup.lng,
      destinationLat: destination.lat,
      destinationLng: destination.lng,
      distanceM: leg.distanceM,
      durationS: leg.durationS,
      fareMinor,
      currency: DEFAULT_CURRENCY,
      items: lines.map((line) => ({ label: line.label, amountMinor: line.amountMinor.toString() })),
      surgePermille: Number(surge),
      departAt: isLater ? departAt : null,
      expiresAt: new Date(tx.now.getTime() + QUOTE_LIFETIME_MS),
      createdAt: tx.now,
    };
  });
  const rows = await tx.orm.insert(tripQuotes).values(quotes).returning();
  return rows.map((quote) => ({ quote, pickupEtaSeconds: pickupEta(tx, dispatch, pickup, supply, quote.vehicleType as VehicleType) }));
}

const isAhead = (at: Date | null | undefined, now: Date) =>
  at == null || (at.getTime() >= now.getTime() - NOW_MS && at.getTime() <= now.getTime() + MAX_AHEAD_MS);

async function surgeAt(tx: Tx, pickup: Place, supply: readonly NearbyDriver[]): Promise<bigint> {
  const cell = cellOf(pickup);
  const requests = await requestsPerCell(tx.orm, [cell], new Date(tx.now.getTime() - DEMAND_WINDOW_MS));
  return surgePermille(requests.get(cell) ?? 0, supply.filter((driver) => cellOf(driver.place) === cell).length);
}

function pickupEta(tx: Tx, dispatch: Dispatch, pickup: Place, supply: readonly NearbyDriver[] | null, vehicleType: VehicleType): number | null {
  const nearest = supply?.find((driver) => SERVED_BY[vehicleType].includes(driver.vehicleType));
  return nearest ? dispatch.routing.leg(nearest.place, pickup, tx.now).durationS : null;
}
