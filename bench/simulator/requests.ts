import { type Random, seeded } from './random.js';
import { anyCorner, cornerAt, type Spot, streetM } from './streets.js';

export const CLASSES = ['ECONOMY', 'COMFORT', 'PREMIUM', 'XL'] as const;
export type RideClass = (typeof CLASSES)[number];

/** Somebody who will want a ride. */
export interface PlannedRequest {
  /** Since the beginning of the simulation. */
  atMs: number;
  pickup: Spot;
  destination: Spot;
  vehicleType: RideClass;
  /** How long the rider looks at the search before giving up. */
  patienceMs: number;
}

type Rush = 'MORNING' | 'EVENING' | 'NIGHT';

/**
 * Where people come from and go to: some squares and quarters, in metres from the middle; half of them come from anywhere. People leave where they live in
 * the morning, where they work in the evening, and where they go out at night.
 */
const HOT_SPOTS: readonly (Spot & { spreadM: number; left: Rush })[] = [
  { x: 0, y: 0, spreadM: 900, left: 'EVENING' },
  { x: -1_600, y: 1_900, spreadM: 700, left: 'NIGHT' },
  { x: 6_200, y: 2_300, spreadM: 1_500, left: 'MORNING' },
  { x: 7_000, y: 5_400, spreadM: 1_200, left: 'MORNING' },
  { x: 1_900, y: -7_000, spreadM: 1_200, left: 'EVENING' },
  { x: -3_600, y: -500, spreadM: 800, left: 'NIGHT' },
];
const FROM_HOT_SPOT = 0.55;
/** How many times as many leave a hot spot when it is its time. */
const AT_ITS_TIME = 4;
const MIN_TRIP_M = 1_000;
const MAX_TRIP_M = 9_000;

const WEEK_MINUTES = 7 * 24 * 60;
/** Requests of each hour against the mean of the week, Sunday to Thursday and then Friday and Saturday, as a city of two rushes and late weekends has them. */
const WORKING_DAY = [0.3, 0.2, 0.1, 0.1, 0.2, 0.4, 0.9, 1.8, 2.0, 1.2, 0.8, 0.8, 1.0, 1.0, 0.9, 1.1, 1.6, 2.1, 2.0, 1.5, 1.2, 1.0, 0.8, 0.5] as const;
const WEEKEND_DAY = [1.0, 0.8, 0.4, 0.2, 0.1, 0.1, 0.2, 0.4, 0.5, 0.7, 0.8, 0.9, 1.2, 1.1, 1.0, 1.1, 1.2, 1.4, 1.6, 1.9, 2.2, 2.3, 2.0, 1.5] as const;
const BUSIEST = Math.max(...WORKING_DAY, ...WEEKEND_DAY);

const hourOf = (minute: number) => Math.floor(minute / 60) % 24;
const isWeekend = (minute: number) => Math.floor(minute / (24 * 60)) >= 5;
function busyness(minute: number): number {
  return (isWeekend(minute) ? WEEKEND_DAY : WORKING_DAY)[hourOf(minute)] as number;
}
function rushAt(minute: number): Rush | null {
  const hour = hourOf(minute);
  if (hour >= 19 || hour < 3) return isWeekend(minute) || hour >= 21 || hour < 3 ? 'NIGHT' : 'EVENING';
  if (isWeekend(minute)) return null;
  return hour >= 6 && hour < 10 ? 'MORNING' : hour >= 15 ? 'EVENING' : null;
}

export interface RequestPlan {
  seed: number;
  /** On average over the week when `from` is given, at all times otherwise. */
  ridersPerMinute: number;
  minutes: number;
  /** Minute of the city's week, from Sunday 0:00, that the simulation begins in: then rates and places follow the hours. Not given: they stay as they are. */
  from?: number;
}

/** All requests of a simulation: the same seed gives the same ones, whatever the system makes of them. */
export function planRequests({ seed, ridersPerMinute, minutes, from }: RequestPlan): PlannedRequest[] {
  const random = seeded(seed);
  const planned: PlannedRequest[] = [];
  // As many as at the busiest hour, thinned out to what each hour has.
  const gapMs = 60_000 / (ridersPerMinute * (from === undefined ? 1 : BUSIEST));
  for (let atMs = random.exponential(gapMs); atMs < minutes * 60_000; atMs += random.exponential(gapMs)) {
    const minute = from === undefined ? null : (from + atMs / 60_000) % WEEK_MINUTES;
    if (minute !== null && random.next() * BUSIEST > busyness(minute)) continue;
    const rush = minute === null ? null : rushAt(minute);
    const pickup = place(random, rush);
    planned.push({
      atMs: Math.round(atMs),
      pickup,
      destination: farEnough(random, pickup),
      vehicleType: classOf(random.next()),
      patienceMs: Math.round(120_000 + random.exponential(90_000)),
    });
  }
  return planned;
}

function place(random: Random, rush: Rush | null): Spot {
  if (random.next() > FROM_HOT_SPOT) return anyCorner(random);
  const { x, y, spreadM } = rush ? pickWeighted(random, rush) : random.pick(HOT_SPOTS);
  return cornerAt({ x: x + random.normal() * spreadM, y: y + random.normal() * spreadM });
}

function pickWeighted(random: Random, rush: Rush) {
  const weights = HOT_SPOTS.map(({ left }) => (left === rush ? AT_ITS_TIME : 1));
  let rest = random.next() * weights.reduce((sum, weight) => sum + weight, 0);
  return HOT_SPOTS.find((_, i) => (rest -= weights[i] as number) < 0) ?? (HOT_SPOTS[0] as (typeof HOT_SPOTS)[number]);
}

function farEnough(random: Random, pickup: Spot): Spot {
  for (let attempt = 0; attempt < 30; attempt += 1) {
    const destination = place(random, null);
    const meters = streetM(pickup, destination);
    if (meters >= MIN_TRIP_M && meters <= MAX_TRIP_M) return destination;
  }
  return cornerAt({ x: pickup.x + (pickup.x > 0 ? -1 : 1) * 2_000, y: pickup.y });
}

function classOf(die: number): RideClass {
  if (die < 0.8) return 'ECONOMY';
  if (die < 0.92) return 'COMFORT';
  return die < 0.96 ? 'PREMIUM' : 'XL';
}
