import { divideHalfUp } from '../../platform/money.js';

const HOUR_MS = 3_600_000;
/** Whoever brings the car back this late is not charged for it. */
const GRACE_MS = 30 * 60_000;
/** A late hour costs this part of a day's rate; a late day never more than one and a half. */
const HOURS_PER_DAY_RATE = 6n;
const MAX_LATE_HOURS_PER_DAY = 9n;

/** Refuelling, per percent of the tank that is missing, in minor units of the booking's currency; free where we have no price. */
const FUEL_PERCENT_MINOR: Readonly<Record<string, bigint>> = { EGP: 10_00n, USD: 60n, EUR: 60n };

/** How long after pick-up a customer may still come, in milliseconds. */
export const NO_SHOW_AFTER_MS = 4 * HOUR_MS;

/** What is known of whether the car was there when its customer was to have it. */
export interface Waiting {
  pickupAt: Date;
  atRiskSince: Date | null;
  atRiskUntil: Date | null;
}

/** Until when a customer may come (BK-10): four hours after the pick-up, or after the car came back if that was later. */
export function awaitedUntil({ pickupAt, atRiskUntil }: Waiting): Date {
  return new Date(Math.max(pickupAt.getTime(), atRiskUntil?.getTime() ?? 0) + NO_SHOW_AFTER_MS);
}

/** Whether the car is not there, or was not when the customer was to have it: then it is not the customer who broke the agreement. */
export function keptWaiting({ pickupAt, atRiskSince, atRiskUntil }: Waiting): boolean {
  return atRiskSince !== null || (atRiskUntil !== null && atRiskUntil > pickupAt);
}

/**
 * What a customer who does not come owes (BK-10), in minor units: one day's rate, never more than the booking's total, and nothing when the car was not
 * there.
 */
export function noShowFeeMinor(booking: Waiting & { dailyRateMinor: bigint; totalMinor: bigint }): bigint {
  if (keptWaiting(booking)) return 0n;
  return booking.dailyRateMinor < booking.totalMinor ? booking.dailyRateMinor : booking.totalMinor;
}

/**
 * What a late return costs (BK-07), in minor units: nothing within 30 minutes, then a sixth of a day's rate per hour begun after the agreed return, and
 * of each 24 hours never more than nine such hours.
 */
export function lateFeeMinor(booking: { returnAt: Date; dailyRateMinor: bigint }, returnedAt: Date): bigint {
  const lateMs = returnedAt.getTime() - booking.returnAt.getTime();
  if (lateMs <= GRACE_MS) return 0n;
  const hours = BigInt(Math.ceil(lateMs / HOUR_MS));
  const days = hours / 24n;
  const rest = hours % 24n;
  const charged = days * MAX_LATE_HOURS_PER_DAY + (rest > MAX_LATE_HOURS_PER_DAY ? MAX_LATE_HOURS_PER_DAY : rest);
  return divideHalfUp(booking.dailyRateMinor * charged, HOURS_PER_DAY_RATE);
}

/** What it costs to fill up what is missing of the fuel that the car went out with, in minor units (BK-07). */
export function fuelFeeMinor(startPercent: number, returnPercent: number, currency: string): bigint {
  const missing = Math.max(0, startPercent - returnPercent);
  return BigInt(missing) * (FUEL_PERCENT_MINOR[currency] ?? 0n);
}
