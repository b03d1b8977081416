import { distanceM, type Place } from './point.js';

export const SUSPICIONS = ['IMPOSSIBLE_SPEED', 'TELEPORT', 'MOCKED', 'FROZEN'] as const;
/** Why a point cannot be true (DP-08). */
export type Suspicion = (typeof SUSPICIONS)[number];
export const STANDINGS = ['GOOD', 'POOR'] as const;

/** No car on our roads is faster, in metres per second: 200 km/h. */
export const MAX_SPEED_MPS = 200 / 3.6;
/**
 * Metres that a track may be ahead of that speed altogether: fixes by cell tower and between high houses are off by kilometres now and then. What was
 * used up comes back slowly, so that nobody travels by small jumps.
 */
export const SLACK_M = 3_000;
export const SLACK_BACK_MPS = 5;
/** What a device says of its own accuracy counts up to this. */
const MAX_ACCURACY_M = 500;
/** Further than any slack and speed explain: a jump rather than a race. */
const TELEPORT_M = 50_000;
/** A device that says it moves at least this fast and never leaves the spot, this many points in a row, is played back. */
export const FROZEN_SPEED_KMH = 15;
export const FROZEN_POINTS = 10;
/** Flagged points within a day from which on a driver gets no offers. */
export const POOR_FROM = 5;
export const MEMORY_MS = 24 * 3_600_000;

/** What is remembered of a driver's track: the last place that was believed, and how much of the slack is left. */
export interface Fix extends Place {
  /** Milliseconds since 1970, by the device's clock. */
  at: number;
  slackM: number;
  /** Points in a row at exactly this place while the device said that it moves. */
  still: number;
}

export interface TrackPoint extends Place {
  speedKmh: number | null;
  accuracyM: number | null;
  mocked: boolean;
}

export type Judgement = { suspicion: Suspicion } | { suspicion: null; fix: Fix };

/**
 * Whether the next point of a track, taken at a time of the device's clock in milliseconds, can be true. `last` is null when nothing is known of the driver: then only what the device itself says counts. A
 * flagged point changes nothing, so the next true one is held against the last believed place again.
 */
export function judge(last: Fix | null, point: TrackPoint, at: number): Judgement {
  if (point.mocked) return { suspicion: 'MOCKED' };
  const { lat, lng } = point;
  if (last === null) return { suspicion: null, fix: { lat, lng, at, slackM: SLACK_M, still: 0 } };
  const seconds = Math.max(0, at - last.at) / 1000;
  const wayM = distanceM(last, point);
  const excessM = Math.max(0, wayM - MAX_SPEED_MPS * seconds - Math.min(point.accuracyM ?? 0, MAX_ACCURACY_M));
  const slackM = Math.min(SLACK_M, last.slackM + SLACK_BACK_MPS * seconds) - excessM;
  if (slackM < 0) return { suspicion: wayM > TELEPORT_M ? 'TELEPORT' : 'IMPOSSIBLE_SPEED' };
  const isStill = lat === last.lat && lng === last.lng && (point.speedKmh ?? 0) >= FROZEN_SPEED_KMH;
  const still = isStill ? last.still + 1 : 0;
  if (still >= FROZEN_POINTS) return { suspicion: 'FROZEN' };
  return { suspicion: null, fix: { lat, lng, at, slackM, still } };
}

export const SUSPICION_WORDS: Readonly<Record<Suspicion, string>> = {
  IMPOSSIBLE_SPEED: 'is further from the last one than a car can drive in that time. Check the position and the clock of the device.',
  TELEPORT: 'is in another part of the country than the last one. Check the position and the clock of the device.',
  MOCKED: 'comes from an app that invents positions. Switch it off.',
  FROZEN: 'has not changed for a while, although the device says that it moves. Restart the device.',
};
