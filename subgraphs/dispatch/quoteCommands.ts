import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import type { Tx } from '../../platform/postgres.js';
import type { Route } from './adapters/routing.js';
import { priceEventsAt, ratesAt, surgeOf } from './cityQueries.js';
import type { Dispatch } from './context.js';
import { assertApart, cappedFactors, type Factors, hasSurgeJumped, hourPermille, priceOf, QUOTE_LIFETIME_MS } from './fare.js';
import { type Place, pointSchema } from './point.js';
import type { NearbyDriver } from './ringSearch.js';
import { dearestAt } from './priceEvent.js';
import { cellOf, surgeReason } from './surge.js';
import { type PriceFactors, tripQuotes } from './tables.js';
import { isTerminal, pickupOf, type TripRow } from './trip.js';
import type { QuoteRow } from './tripQueries.js';
import { SERVED_BY, VEHICLE_TYPES, type VehicleType } from './vehicleType.js';
import { assertInService, assertPickup } from './zone.js';

/** How far ahead a trip can be quoted (DP-14). */
const MAX_AHEAD_DAYS = 30;
const DAY_MS = 24 * 3_600_000;
/** A departure this near is now: nobody waits for it. */
const NOW_MS = 60_000;
/** Where drivers count for a quote's pickup time. */
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

/** A trip that is to be priced, with what was asked of others about it before the transaction begins. */
export interface TripPlan {
  pickup: Place;
  destination: Place;
  vehicleTypes: readonly VehicleType[];
  /** When it begins; `isLater` says that this is not now. */
  at: Date;
  isLater: boolean;
  route: Route;
  /** Drivers around the pickup; null when positions do not answer: then there is no pickup time. */
  supply: NearbyDriver[] | null;
}

/** Checks a wish and asks for its way and for drivers around. @throws Refusal VALIDATION_ERROR, OUTSIDE_SERVICE_AREA, PICKUP_RESTRICTED, NO_ROUTE */
export async function planTrip(dispatch: Dispatch, input: z.input<typeof quoteSchema>, now: Date): Promise<TripPlan> {
  const { pickup, destination, vehicleTypes, departAt } = parseInput(quoteSchema, input);
  assertDeparture(departAt, now);
  const zones = dispatch.zones.all();
  assertPickup(zones, dispatch.config.serviceArea, pickup, 'input.pickup');
  assertInService(zones, dispatch.config.serviceArea, destination, 'input.destination');
  assertApart(pickup, destination);
  const isLater = departAt != null && departAt.getTime() > now.getTime() + NOW_MS;
  const at = isLater ? departAt : now;
  const [route, supply] = await Promise.all([dispatch.routing.route(pickup, destination, at), supplyAround(dispatch, pickup)]);
  return { pickup, destination, vehicleTypes: vehicleTypes ?? VEHICLE_TYPES, at, isLater, route, supply };
}

/** Drivers around a place; null when positions do not answer. */
async function supplyAround(dispatch: Dispatch, place: Place): Promise<NearbyDriver[] | null> {
  return dispatch.positions.nearby(place, SUPPLY_RADIUS_KM, VEHICLE_TYPES, MAX_SUPPLY).catch(() => null);
}

/** Prices a trip for each type, and keeps each price for ten minutes (DP-13, DP-14). */
export async function quoteTrip(tx: Tx, dispatch: Dispatch, ownerId: string, plan: TripPlan): Promise<Quoted[]> {
  const { pickup, at, isLater, route } = plan;
  const rates = await ratesAt(tx.orm, at);
  const event = dearestAt(await priceEventsAt(tx.orm, at), pickup);
  // How many will want to go next Tuesday nobody knows: a later departure has no surge.
  const surge = isLater ? undefined : (await surgeOf(tx.orm, [cellOf(pickup)])).get(cellOf(pickup));
  const factors: Factors = {
    hourPermille: hourPermille(dispatch.cityTime(at)),
    trafficPermille: BigInt(route.trafficPermille),
    eventPermille: BigInt(event?.multiplierPermille ?? 1_000),
    surgePermille: BigInt(surge?.surgePermille ?? 1_000),
  };
  const reason = surge ? surgeReason(surge) : null;
  const quotes = plan.vehicleTypes.map((vehicleType) => {
    const rate = rates.get(vehicleType);
    if (!rate) throw new Error(`there are no rates for ${vehicleType}`);
    const price = (surgePermille: bigint) => priceOf(rate, route, { ...factors, surgePermille }, dispatch.config.maxMultiplierPermille);
    const { fareMinor, lines } = price(factors.surgePermille);
    return {
      ...quoteRow(tx, ownerId, plan, route),
      vehicleType,
      fareMinor,
      items: lines.map((line) => ({ label: line.label, amountMinor: line.amountMinor.toString() })),
      ...surgeColumns(factors, dispatch.config.maxMultiplierPermille, reason),
      lowMinor: price(1_000n).fareMinor,
      // Beyond this surge the quote is refused anyway.
      highMinor: isLater ? fareMinor : price((factors.surgePermille * 3n) / 2n).fareMinor,
      departAt: isLater ? at : null,
    };
  });
  const rows = await tx.orm.insert(tripQuotes).values(quotes).returning();
  return rows.map((quote) => ({ quote, pickupEtaSeconds: pickupEta(tx, dispatch, plan, quote.vehicleType as VehicleType) }));
}

/** What every quote has, whatever it is for. */
function quoteRow(tx: Tx, ownerId: string, { pickup, destination }: { pickup: Place; destination: Place }, leg: { distanceM: number; durationS: number }) {
  return {
    id: newUuid(tx.now),
    ownerId,
    pickupLat: pickup.lat,
    pickupLng: pickup.lng,
    destinationLat: destination.lat,
    destinationLng: destination.lng,
    distanceM: leg.distanceM,
    durationS: leg.durationS,
    currency: DEFAULT_CURRENCY,
    expiresAt: new Date(tx.now.getTime() + QUOTE_LIFETIME_MS),
    createdAt: tx.now,
  };
}

/** The multipliers as they went into the price: what the cap took from surge was not charged, and is not shown. */
function surgeColumns(factors: Factors, maxPermille: bigint, reason: string | null) {
  const capped = cappedFactors(factors, maxPermille);
  const kept: PriceFactors = {
    hourPermille: Number(capped.hourPermille),
    trafficPermille: Number(capped.trafficPermille),
    eventPermille: Number(capped.eventPermille),
    surgePermille: Number(capped.surgePermille),
  };
  return { surgePermille: kept.surgePermille, factors: kept, surgeReason: kept.surgePermille > 1_000 ? reason : null };
}

/** @throws Refusal VALIDATION_ERROR with rule departure_past or departure_too_far */
function assertDeparture(departAt: Date | null | undefined, now: Date): void {
  if (departAt == null) return;
  const details = { field: 'input.departAt', earliest: now, latest: new Date(now.getTime() + MAX_AHEAD_DAYS * DAY_MS) };
  if (departAt.getTime() < now.getTime() - NOW_MS) {
    throw new Refusal('VALIDATION_ERROR', 'input.departAt: is in the past. Leave it out to go now.', { details: { ...details, rule: 'departure_past' } });
  }
  if (departAt > details.latest) {
    throw new Refusal('VALIDATION_ERROR', `input.departAt: is more than ${MAX_AHEAD_DAYS} days ahead. Ask again nearer to the day.`, {
      details: { ...details, rule: 'departure_too_far' },
    });
  }
}

function pickupEta(tx: Tx, dispatch: Dispatch, { supply, pickup }: TripPlan, vehicleType: VehicleType): number | null {
  const nearest = supply?.find((driver) => SERVED_BY[vehicleType].includes(driver.vehicleType));
  return nearest ? dispatch.routing.leg(nearest.place, pickup, tx.now).durationS : null;
}

/**
 * Nobody takes a trip at the price of half an hour ago when it has become dear since, unless it was fixed for later. What the cap would take from surge now
 * counts as little as what it took from the quote: else a new quote would be refused for the same reason, and nobody could ride from there.
 * @throws Refusal SURGE_CHANGED
 */
export async function assertSurgeSteady(tx: Tx, dispatch: Dispatch, quote: QuoteRow): Promise<void> {
  if (quote.departAt !== null) return;
  const cell = cellOf(pickupOf(quote));
  const now = (await surgeOf(tx.orm, [cell])).get(cell);
  if (!now) return;
  const agreed = agreedFactors(quote.factors);
  const charged = cappedFactors({ ...agreed, surgePermille: BigInt(now.surgePermille) }, dispatch.config.maxMultiplierPermille).surgePermille;
  if (!hasSurgeJumped(quote.surgePermille, Number(charged))) return;
  throw new Refusal('SURGE_CHANGED', 'Many more people want a ride since you asked for the price. Ask for a new quote, and agree to it.', {
    details: { field: 'input.quoteId', rule: 'surge_steady', quotedSurge: quote.surgePermille / 1000, surge: Number(charged) / 1000 },
  });
}

/** The way of a trip on which somebody wants to go elsewhere: as far as the car is, and from there to the new destination. */
export interface ChangePlan {
  trip: TripRow;
  destination: Place;
  distanceM: number;
  durationS: number;
}

/**
 * Checks a new destination, and asks for the way there from where the car is. Before the ride has begun that is the pickup.
 * @throws Refusal VALIDATION_ERROR, OUTSIDE_SERVICE_AREA, NO_ROUTE, TRIP_NOT_CHANGEABLE
 */
export async function planChange(dispatch: Dispatch, trip: TripRow, wanted: Place, now: Date): Promise<ChangePlan> {
  const destination = parseInput(pointSchema, wanted, 'destination');
  assertChangeable(trip);
  assertInService(dispatch.zones.all(), dispatch.config.serviceArea, destination, 'destination');
  const pickup = pickupOf(trip);
  assertApart(pickup, destination, 'destination');
  const seen = trip.status === 'STARTED' && trip.driverId ? await dispatch.positions.lastSeen(trip.driverId) : null;
  if (!seen) return { trip, destination, ...pick(await dispatch.routing.route(pickup, destination, now)) };
  const [soFar, onward] = await Promise.all([dispatch.routing.route(pickup, seen.place, now), dispatch.routing.route(seen.place, destination, now)]);
  return { trip, destination, distanceM: soFar.distanceM + onward.distanceM, durationS: soFar.durationS + onward.durationS };
}

const pick = ({ distanceM, durationS }: Route) => ({ distanceM, durationS });

/** @throws Refusal TRIP_NOT_CHANGEABLE once the trip is over */
export function assertChangeable(trip: TripRow): void {
  if (!isTerminal(trip.status)) return;
  throw new Refusal('TRIP_NOT_CHANGEABLE', 'The trip is over. Ask for a quote of a new one.', {
    details: { field: 'tripId', rule: 'live_trip', status: trip.status },
  });
}

/**
 * What the whole trip costs with another destination (DP-16): at the rates and multipliers that were agreed to, so that only the way makes the difference.
 * The quote is good for this trip alone.
 */
export async function quoteDestinationChange(tx: Tx, dispatch: Dispatch, riderId: string, plan: ChangePlan): Promise<QuoteRow> {
  const { trip, destination } = plan;
  const vehicleType = trip.vehicleType as VehicleType;
  const rate = (await ratesAt(tx.orm, trip.departAt ?? trip.requestedAt)).get(vehicleType);
  if (!rate) throw new Error(`there are no rates for ${vehicleType}`);
  const [agreed] = await tx.orm.select({ factors: tripQuotes.factors }).from(tripQuotes).where(eq(tripQuotes.id, trip.quoteId));
  if (!agreed) throw notFound('trip', 'tripId');
  const factors = agreedFactors(agreed.factors);
  const { fareMinor, lines } = priceOf(rate, plan, factors, dispatch.config.maxMultiplierPermille);
  const [row] = await tx.orm
    .insert(tripQuotes)
    .values({
      ...quoteRow(tx, riderId, { pickup: pickupOf(trip), destination }, plan),
      vehicleType,
      fareMinor,
      items: lines.map((line) => ({ label: line.label, amountMinor: line.amountMinor.toString() })),
      ...surgeColumns(factors, dispatch.config.maxMultiplierPermille, 'Demand was this high when you agreed to the trip.'),
      lowMinor: fareMinor,
      highMinor: fareMinor,
      tripId: trip.id,
      departAt: trip.departAt,
    })
    .returning();
  if (!row) throw new Error('the quote was not written');
  return row;
}

/** Quotes of before this was kept count as without multipliers: the rider is not to pay for our gap. */
function agreedFactors(kept: PriceFactors | null): Factors {
  return {
    hourPermille: BigInt(kept?.hourPermille ?? 1_000),
    trafficPermille: BigInt(kept?.trafficPermille ?? 1_000),
    eventPermille: BigInt(kept?.eventPermille ?? 1_000),
    surgePermille: BigInt(kept?.surgePermille ?? 1_000),
  };
}
