import { ROAD_FACTOR } from './adapters/routing.js';
import { solveAssignment } from './assignment.js';
import type { VehicleType } from './vehicleType.js';

/** Somebody who waits, as a tick sees him: neither who nor where he is, only how far which drivers are. */
export interface TickRider {
  vehicleType: VehicleType;
  waitedS: number;
  /** Numbers of the drivers in the tick's list who may be asked for him, and their metres to the pickup as the crow flies, in turn. */
  options: number[];
}

/** What a tick of batched matching weighs, in seconds of pickup time. */
export interface TickWeights {
  /** What a second of waiting so far is worth: who has waited longer gets a driver first when there are too few. */
  waiting: number;
  /** What it costs to send a better car than was ordered. */
  betterCar: number;
}

/** Everything that a tick decides from: the same inputs give the same outcome, on any machine (DP-22b). */
export interface TickInputs {
  riders: TickRider[];
  /** Class of car of each driver. */
  drivers: VehicleType[];
  /** Speed of cars at that hour. */
  speedKmh: number;
  /** Pickups that would take longer are not made. */
  maxPickupS: number;
  weights: TickWeights;
}

export interface TickPair {
  rider: number;
  driver: number;
  pickupS: number;
}

export interface TickOutcome {
  pairs: TickPair[];
}

/**
 * Everything that a round of matching was decided from, kept so that it can be decided again (DP-22b): of a tick all its searches, else one. Trips and
 * drivers are named, because a replay of a day has to know who is gone; no person and no place is in it.
 */
export interface RoundInputs extends TickInputs {
  /** The trip of each rider. */
  trips: string[];
  /** The id of each driver. */
  driverIds: string[];
  /** How far each search looked, in metres, and which round it was of that search. */
  radiiM: number[];
  rounds: number[];
  /** For each rider and each of his options in turn: what the driver's score and fairness are without nearness (DP-21). */
  merits: number[][];
}

/** What a round came to: whom of the drivers each rider's trip was offered to, best first. */
export interface RoundOutcome extends TickOutcome {
  /** Who would have been asked, and was being taken by another search at that moment: numbers of rider and driver. */
  passedOver: [rider: number, driver: number][];
}

/** How a tick can be decided. ARRIVAL_ORDER gives each rider in turn the nearest driver: what batches are measured against. */
export type TickStrategy = 'BATCHED' | 'ARRIVAL_ORDER';

export const DEFAULT_WEIGHTS: TickWeights = { waiting: 0.5, betterCar: 45 };
/** Nobody is sent a car that needs longer than this. */
export const MAX_PICKUP_S = 35 * 60;

/** Seconds from every driver to every rider, row by row; Infinity where the pair must not be. */
export function pickupSeconds({ riders, drivers, speedKmh, maxPickupS }: TickInputs): Float64Array {
  const seconds = new Float64Array(riders.length * drivers.length).fill(Infinity);
  const perMetre = ROAD_FACTOR / (speedKmh / 3.6);
  for (const [r, { options }] of riders.entries()) {
    for (let k = 0; k < options.length; k += 2) {
      const takes = Math.round((options[k + 1] as number) * perMetre);
      if (takes <= maxPickupS) seconds[r * drivers.length + (options[k] as number)] = takes;
    }
  }
  return seconds;
}

/** Decides a tick (DP-22): as many riders as possible get a driver, at the least total of pickup time and weights. Pure and deterministic. */
export function decideTick(inputs: TickInputs, strategy: TickStrategy = 'BATCHED'): TickOutcome {
  const seconds = pickupSeconds(inputs);
  const columns = inputs.drivers.length;
  const driverOf = strategy === 'BATCHED' ? solveAssignment(weighted(seconds, inputs), inputs.riders.length, columns) : inArrivalOrder(seconds, inputs);
  const pairs: TickPair[] = [];
  for (const [rider, driver] of driverOf.entries()) {
    if (driver >= 0) pairs.push({ rider, driver, pickupS: seconds[rider * columns + driver] as number });
  }
  return { pairs };
}

/** Tenths of seconds, whole and not negative as the solver likes them. */
function weighted(seconds: Float64Array, { riders, drivers, weights }: TickInputs): Float64Array {
  const longest = riders.reduce((most, rider) => Math.max(most, rider.waitedS), 0);
  const costs = new Float64Array(seconds.length);
  for (const [r, rider] of riders.entries()) {
    // The same for all drivers of a rider: it decides who goes without when there are too few, and not who goes with whom.
    const patience = weights.waiting * (longest - rider.waitedS);
    const base = r * drivers.length;
    for (let d = 0; d < drivers.length; d += 1) {
      const extra = drivers[d] === rider.vehicleType ? 0 : weights.betterCar;
      costs[base + d] = Math.round(10 * ((seconds[base + d] as number) + patience + extra));
    }
  }
  return costs;
}

function inArrivalOrder(seconds: Float64Array, { riders, drivers }: TickInputs): Int32Array {
  const driverOf = new Int32Array(riders.length).fill(-1);
  const taken = new Uint8Array(drivers.length);
  const order = riders.map((_, index) => index).sort((a, b) => (riders[b] as TickRider).waitedS - (riders[a] as TickRider).waitedS || a - b);
  for (const rider of order) {
    let best = -1;
    for (let d = 0; d < drivers.length; d += 1) {
      const takes = seconds[rider * drivers.length + d] as number;
      if (!taken[d] && takes !== Infinity && (best < 0 || takes < (seconds[rider * drivers.length + best] as number))) best = d;
    }
    if (best < 0) continue;
    taken[best] = 1;
    driverOf[rider] = best;
  }
  return driverOf;
}
