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

/**
 * The price of a trip with its lines, which add up to it exactly:
 * max((base + distance + time) × hour × surge, minimum) + booking fee, rounded to 0.50 half up. All in minor units.
 */
export function priceOf(rates: FareRates, leg: Leg, factors: { hourPermille: bigint; surgePermille: bigint }): { fareMinor: bigint; lines: FareLine[] } {
  const lines: FareLine[] = [];
  const add = (label: string, amountMinor: bigint) => {
    if (amountMinor !== 0n) lines.push({ label, amountMinor });
    return amountMinor;
  };
  let sum = add('Base fare', BigInt(rates.baseMinor));
  sum += add(`Distance, ${(leg.distanceM / 1000).toFixed(1)} km`, divideHalfUp(BigInt(leg.distanceM) * BigInt(rates.perKmMinor), 1_000n));
  sum += add(`Time, ${Math.round(leg.durationS / 60)} min`, divideHalfUp(BigInt(leg.durationS) * BigInt(rates.perMinuteMinor), 60n));
  sum += add('Time of day', divideHalfUp(sum * (factors.hourPermille - 1_000n), 1_000n));
  const surgePermille = cappedSurge(factors);
  sum += add(`High demand, ×${(Number(surgePermille) / 1000).toFixed(1)}`, divideHalfUp(sum * (surgePermille - 1_000n), 1_000n));
  if (sum < BigInt(rates.minimumMinor)) sum += add('Up to the minimum fare', BigInt(rates.minimumMinor) - sum);
  sum += add('Booking fee', BigInt(rates.bookingFeeMinor));
  const fareMinor = divideHalfUp(sum, ROUND_TO_MINOR) * ROUND_TO_MINOR;
  add('Rounding', fareMinor - sum);
  return { fareMinor, lines };
}

/** Surge, lowered as far as the cap on the product of all multipliers asks for. */
function cappedSurge({ hourPermille: hour, surgePermille: surge }: { hourPermille: bigint; surgePermille: bigint }): bigint {
  const most = (MAX_MULTIPLIER_PERMILLE * 1_000n) / hour;
  return surge > most ? most : surge;
}

/** What the driver gets of a fare: the fare less commission by class (DP-16). */
export function earningsOf(fareMinor: bigint, vehicleType: VehicleType): bigint {
  return fareMinor - divideHalfUp(fareMinor * COMMISSION_PERCENT[vehicleType], 100n);
}

/** @throws Refusal VALIDATION_ERROR when both are the same place: such a trip is a slip of the finger */
export function assertApart(pickup: Place, destination: Place): void {
  if (distanceM(pickup, destination) >= SAME_PLACE_M) return;
  throw new Refusal('VALIDATION_ERROR', `input.destination: must be at least ${SAME_PLACE_M} m from the pickup.`, {
    details: { field: 'input.destination', rule: 'same_place' },
  });
}
