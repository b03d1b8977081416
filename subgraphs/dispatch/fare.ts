import { Refusal } from '../../platform/errors.js';
import { divideHalfUp } from '../../platform/money.js';
import type { Leg } from './adapters/routing.js';
import type { CityTime } from './cityClock.js';
import { distanceM, type Place } from './point.js';
import type { fareRates } from './tables.js';
import { COMMISSION_PERCENT, type VehicleType } from './vehicleType.js';

export type FareRates = typeof fareRates.$inferSelect;

export interface FareLine {
  label: string;
  amountMinor: bigint;
}

/** Prices are multiples of this, in minor units: 0.50 (DP-11). */
const ROUND_TO_MINOR = 50n;
/** What all multipliers together may come to, in thousandths: surge alone is bounded by 3.0 (DP-11). */
const MAX_MULTIPLIER_PERMILLE = 3_500n;
/** Surge alone is never above this, whatever asked for it (DP-11). */
export const MAX_SURGE_PERMILLE = 3_000n;
/** Waiting that is charged at most. */
const MAX_WAITING_S = 30 * 60;
/** A quote is good for this long (DP-14). */
export const QUOTE_LIFETIME_MS = 10 * 60_000;
/** Nearer than this, pickup and destination are the same place. */
export const SAME_PLACE_M = 50;
const FRIDAY = 5;

/** The multiplier of the hour in thousandths, by the city's clock (DP-11): Friday evening goes before the daily rules. */
export function hourPermille({ weekday, hour }: CityTime): bigint {
  if (weekday === FRIDAY && hour >= 20 && hour < 23) return 1_400n;
  if (hour >= 7 && hour < 9) return 1_200n;
  if (hour >= 17 && hour < 20) return 1_300n;
  if (hour >= 23 || hour < 5) return 1_100n;
  return 1_000n;
}

/** What multiplies a price, in thousandths. What is not given is 1.0. */
export interface Factors {
  hourPermille: bigint;
  /** Beyond the usual traffic of the hour, which is in the minutes and in the hour's own multiplier already. */
  trafficPermille?: bigint;
  /** Of an event around the pickup. */
  eventPermille?: bigint;
  surgePermille: bigint;
}

/**
 * The price of a trip with its lines, which add up to it exactly:
 * max((base + distance + time) × min(hour × traffic × event × surge, cap), minimum) + booking fee, rounded to 0.50 half up. All in minor units. The cap is
 * `maxPermille`: what comes later in that order gives way, surge first of all.
 *
 * Products are kept whole, and only sums of money are rounded, each once. So the price never falls when a multiplier or the way grows: rounding each
 * multiplier to what the cap left of it would let a higher one cost less.
 */
export function priceOf(rates: FareRates, leg: Leg, factors: Factors, maxPermille = MAX_MULTIPLIER_PERMILLE): { fareMinor: bigint; lines: FareLine[] } {
  const lines: FareLine[] = [];
  const add = (label: string, amountMinor: bigint) => {
    if (amountMinor !== 0n) lines.push({ label, amountMinor });
    return amountMinor;
  };
  let sum = add('Base fare', BigInt(rates.baseMinor));
  sum += add(`Distance, ${(leg.distanceM / 1000).toFixed(1)} km`, divideHalfUp(BigInt(leg.distanceM) * BigInt(rates.perKmMinor), 1_000n));
  sum += add(`Time, ${Math.round(leg.durationS / 60)} min`, divideHalfUp(BigInt(leg.durationS) * BigInt(rates.perMinuteMinor), 60n));
  const plainMinor = sum;
  const bounded = boundedFactors(factors);
  const shown = cappedFactors(factors, maxPermille);
  /** The product so far and the cap, both with as many thousandths as there were multipliers. */
  let [product, cap, unit] = [1n, maxPermille, 1n];
  const multiply = (label: string, permille: bigint) => {
    [product, unit] = [product * permille, unit * 1_000n];
    if (product > cap) product = cap;
    cap *= 1_000n;
    sum += add(label, divideHalfUp(plainMinor * product, unit) - sum);
  };
  multiply('Time of day', bounded.hourPermille);
  multiply(`Heavy traffic, ${times(shown.trafficPermille)}`, bounded.trafficPermille);
  multiply(`Event nearby, ${times(shown.eventPermille)}`, bounded.eventPermille);
  multiply(`High demand, ${times(shown.surgePermille)}`, bounded.surgePermille);
  if (sum < BigInt(rates.minimumMinor)) sum += add('Up to the minimum fare', BigInt(rates.minimumMinor) - sum);
  sum += add('Booking fee', BigInt(rates.bookingFeeMinor));
  const fareMinor = divideHalfUp(sum, ROUND_TO_MINOR) * ROUND_TO_MINOR;
  add('Rounding', fareMinor - sum);
  return { fareMinor, lines };
}

/** `×1.5`, `×1.25`: as many digits as there are, and one at least. */
function times(permille: bigint): string {
  const value = Number(permille) / 1000;
  return `×${value.toFixed(2).replace(/0$/, '')}`;
}

/** Each multiplier within its own bounds: none lowers a price, and surge is never above 3.0. */
function boundedFactors({ hourPermille, trafficPermille = 1_000n, eventPermille = 1_000n, surgePermille }: Factors): Required<Factors> {
  const atLeastOne = (permille: bigint) => (permille < 1_000n ? 1_000n : permille);
  return {
    hourPermille: atLeastOne(hourPermille),
    trafficPermille: atLeastOne(trafficPermille),
    eventPermille: atLeastOne(eventPermille),
    surgePermille: surgePermille > MAX_SURGE_PERMILLE ? MAX_SURGE_PERMILLE : atLeastOne(surgePermille),
  };
}

/**
 * The multipliers as they are shown and kept: what the cap left of each, when each gets what those before it have left (DP-11). Whole thousandths, rounded
 * down, so that their product never is above the cap.
 */
export function cappedFactors(factors: Factors, maxPermille = MAX_MULTIPLIER_PERMILLE): Required<Factors> {
  const bounded = boundedFactors(factors);
  let room = maxPermille;
  const take = (wanted: bigint) => {
    const given = wanted > room ? room : wanted;
    room = (room * 1_000n) / given;
    if (room < 1_000n) room = 1_000n;
    return given;
  };
  return {
    hourPermille: take(bounded.hourPermille),
    trafficPermille: take(bounded.trafficPermille),
    eventPermille: take(bounded.eventPermille),
    surgePermille: take(bounded.surgePermille),
  };
}

/**
 * What the rider owes for letting the driver wait (DP-16): nothing for the published free time, then for every begun minute, rounded up to 0.50, and for
 * half an hour at most. In minor units.
 */
export function waitingFee(rates: FareRates, arrivedAt: Date | null, startedAt: Date | null): bigint {
  if (!arrivedAt || !startedAt) return 0n;
  const waitedS = Math.min(MAX_WAITING_S, (startedAt.getTime() - arrivedAt.getTime()) / 1000 - rates.waitingFreeS);
  if (waitedS <= 0) return 0n;
  const fee = BigInt(Math.ceil(waitedS / 60)) * BigInt(rates.waitingPerMinuteMinor);
  return ((fee + ROUND_TO_MINOR - 1n) / ROUND_TO_MINOR) * ROUND_TO_MINOR;
}

/**
 * Whether surge has risen so much since the quote that the rider has to see the new price first (DP-14). Both as they are charged: what the cap took from
 * surge was in neither price.
 */
export function hasSurgeJumped(quotedPermille: number, nowPermille: number): boolean {
  return nowPermille > quotedPermille * 1.5;
}

/** What the driver gets of a fare: the fare less commission by class (DP-16). */
export function earningsOf(fareMinor: bigint, vehicleType: VehicleType): bigint {
  return fareMinor - divideHalfUp(fareMinor * COMMISSION_PERCENT[vehicleType], 100n);
}

/** @throws Refusal VALIDATION_ERROR when both are the same place: such a trip is a slip of the finger */
export function assertApart(pickup: Place, destination: Place, field = 'input.destination'): void {
  if (distanceM(pickup, destination) >= SAME_PLACE_M) return;
  throw new Refusal('VALIDATION_ERROR', `${field}: must be at least ${SAME_PLACE_M} m from the pickup. Choose another destination.`, {
    details: { field, rule: 'same_place' },
  });
}
