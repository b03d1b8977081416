import { ROAD_FACTOR } from './adapters/routing.js';
import { OFFERS_PER_ROUND } from './firstAccept.js';
import { nearness, SHARE_OF_NEARNESS } from './matching.js';
import { BROADCAST_OFFERS, SINGLE_ROUNDS } from './sequential.js';
import { decideTick, type RoundInputs, type RoundOutcome, type TickInputs, type TickWeights } from './tick.js';
import type { VehicleType } from './vehicleType.js';

/** How a day can be run again. ARRIVAL_ORDER gives each rider at once the nearest free driver: what all others are measured against. */
export const REPLAY_STRATEGIES = ['FIRST_ACCEPT', 'SEQUENTIAL', 'BATCHED', 'ARRIVAL_ORDER'] as const;
export type ReplayStrategy = (typeof REPLAY_STRATEGIES)[number];

export interface ReplayOptions {
  strategy: ReplayStrategy;
  /** Of BATCHED. */
  weights: Partial<TickWeights>;
  /** What nearness counts in the score of FIRST_ACCEPT and SEQUENTIAL; the rest of a score stays as it was. */
  nearnessShare?: number;
  /** Between the ticks of BATCHED, where rounds were not recorded as ticks. */
  batchMs: number;
  /** So many trips are named at most. */
  list: number;
}

/** A round as it was recorded. */
export interface RecordedRound {
  at: Date;
  strategy: string;
  inputs: RoundInputs;
  outcome: RoundOutcome;
}

/** What became of a trip in truth. Times in milliseconds. */
export interface TripFacts {
  /** Who had it last; null when nobody. */
  driverId: string | null;
  acceptedAtMs: number | null;
  /** When its driver was free again; null while he is not. */
  freeAgainAtMs: number | null;
  /** From the pickup until the driver is free again, in seconds; what was expected when there was no ride. */
  rideS: number;
  /** Who said no, or nothing. */
  refusedBy: ReadonlySet<string>;
}

/** With whom a trip went, and how long until he was there, in seconds. */
export interface Match {
  driverId: string;
  pickupS: number;
  /** From the request until the round that found the driver. */
  waitedS: number;
}

export interface ChangedTrip {
  tripId: string;
  recorded: Match | null;
  replayed: Match | null;
}

export interface ReplaySummary {
  rounds: number;
  trips: number;
  matched: { recorded: number; replayed: number };
  /** Mean seconds over those who were matched. */
  meanPickupS: { recorded: number; replayed: number };
  meanWaitS: { recorded: number; replayed: number };
  /** Trips with another driver, with none, or with one. */
  tripsChanged: number;
  /** The first of them, by the time of their request. */
  changed: ChangedTrip[];
}

/** Who lost a driver in the replay is asked about again this often, and for so long. */
const AGAIN_MS = 15_000;
const PATIENCE_MS = 5 * 60_000;

interface Option {
  driverId: string;
  vehicleType: VehicleType;
  metres: number;
  merit: number;
}

/** A trip that is being searched for in the replay, as it was last recorded. */
interface Open {
  tripId: string;
  facts: TripFacts;
  vehicleType: VehicleType;
  sinceMs: number;
  radiusM: number;
  round: number;
  speedKmh: number;
  maxPickupS: number;
  weights: TickWeights;
  options: Option[];
  /** Drivers who were being taken by other searches in the round at hand. */
  passedOver: ReadonlySet<string>;
  notBeforeMs: number;
}

/**
 * Runs recorded rounds again, in order, as one day (DP-22b): who has a trip in the replay is gone until that trip ends, so that one other choice changes what
 * comes after it. With the strategy and the weights that were recorded nothing may change: that is the test of the record.
 *
 * What the record knows is a bound on what a replay can know. A driver answers as he did when he was really asked for that trip, and says yes where he was
 * not. A trip ends when it did with the driver that it had; with another one after his way and the same ride. Who loses a driver is asked about again with
 * the drivers last seen around, where they were then. A driver who was busy in truth is in no round, and so cannot be chosen, also where the replay has left
 * him free: other strategies look a little worse than they would have been.
 *
 * @param factsOf asked once for each trip
 */
export async function replayRounds(
  rounds: AsyncIterable<RecordedRound>,
  factsOf: (tripIds: readonly string[]) => Promise<ReadonlyMap<string, TripFacts>>,
  options: ReplayOptions,
): Promise<ReplaySummary> {
  const open = new Map<string, Open>();
  const facts = new Map<string, TripFacts>();
  const recorded = new Map<string, Match>();
  const replayed = new Map<string, Match>();
  const busyUntilMs = new Map<string, number>();
  let count = 0;

  const readFacts = async (round: RecordedRound) => {
    const unknown = (round.inputs.trips ?? []).filter((id) => !facts.has(id));
    if (unknown.length === 0) return;
    for (const [id, found] of await factsOf(unknown)) facts.set(id, found);
  };

  /** Notes what a round saw of each of its trips, and what came of it in truth; answers those that the replay still searches for. */
  const look = ({ at, inputs, outcome }: RecordedRound): Open[] =>
    inputs.riders.flatMap((rider, r): Open[] => {
      const tripId = inputs.trips[r] as string;
      const known = facts.get(tripId);
      if (!known) return [];
      const sinceMs = at.getTime() - rider.waitedS * 1000;
      const won = outcome.pairs.find((pair) => pair.rider === r && inputs.driverIds[pair.driver] === known.driverId);
      if (won && known.driverId) recorded.set(tripId, { driverId: known.driverId, pickupS: won.pickupS, waitedS: rider.waitedS });
      if (replayed.has(tripId)) return [];
      const search: Open = {
        tripId,
        facts: known,
        vehicleType: rider.vehicleType,
        sinceMs,
        radiusM: inputs.radiiM[r] as number,
        round: inputs.rounds[r] as number,
        speedKmh: inputs.speedKmh,
        maxPickupS: inputs.maxPickupS,
        weights: { ...inputs.weights, ...options.weights },
        options: optionsOf(inputs, r),
        passedOver: new Set(outcome.passedOver.filter(([who]) => who === r).map(([, driver]) => inputs.driverIds[driver] as string)),
        notBeforeMs: at.getTime() + AGAIN_MS,
      };
      open.set(tripId, search);
      return [search];
    });

  /** Trips that had a driver by now in truth, so that no more rounds of theirs were recorded, and have none in the replay. */
  const carried = (nowMs: number, present: ReadonlySet<string>): Open[] => {
    const again: Open[] = [];
    for (const search of open.values()) {
      if (search.facts.acceptedAtMs === null || search.facts.acceptedAtMs > nowMs || present.has(search.tripId)) continue;
      if (nowMs - search.sinceMs > PATIENCE_MS) open.delete(search.tripId);
      else if (search.notBeforeMs <= nowMs)
        again.push(Object.assign(search, { notBeforeMs: nowMs + AGAIN_MS, round: search.round + 1, passedOver: new Set() }));
    }
    return again;
  };

  const take = (search: Open, { driverId, metres }: Option, nowMs: number) => {
    const pickupS = pickupSecondsOf(search, metres);
    replayed.set(search.tripId, { driverId, pickupS, waitedS: Math.max(0, Math.round((nowMs - search.sinceMs) / 1000)) });
    open.delete(search.tripId);
    const { facts: known } = search;
    const asInTruth = driverId === known.driverId ? (known.freeAgainAtMs ?? Infinity) : nowMs + (pickupS + known.rideS) * 1000;
    busyUntilMs.set(driverId, asInTruth);
  };

  const decide = (searches: Open[], nowMs: number) => {
    const isFree = ({ driverId }: Option) => (busyUntilMs.get(driverId) ?? -Infinity) <= nowMs;
    const { strategy } = options;
    if (strategy === 'BATCHED' || strategy === 'ARRIVAL_ORDER') {
      for (const [search, chosen] of together(searches, nowMs, isFree, strategy)) if (saysYes(search, chosen)) take(search, chosen, nowMs);
      return;
    }
    for (const search of searches) {
      const asked = askedOf(search, search.options.filter(isFree), options);
      const winner = asked.find(({ driverId }) => driverId === search.facts.driverId) ?? asked.find((option) => saysYes(search, option));
      if (winner) take(search, winner, nowMs);
    }
  };

  /** Rounds that are decided together: a tick as it was, or all that came before one. */
  let group: { atMs: number; rounds: RecordedRound[] } | null = null;
  const flush = () => {
    if (!group) return;
    const { atMs, rounds: together } = group;
    const searches = together.flatMap(look);
    const present = new Set(searches.map(({ tripId }) => tripId));
    decide([...searches, ...carried(atMs, present)], atMs);
    group = null;
  };
  for await (const round of rounds) {
    // Of before trips were named.
    if (!round.inputs.trips) continue;
    await readFacts(round);
    count += 1;
    const ms = round.at.getTime();
    const isTick = options.strategy === 'BATCHED' && round.strategy !== 'BATCHED';
    const atMs = isTick ? Math.ceil(ms / options.batchMs) * options.batchMs : ms;
    if (group && group.atMs !== atMs) flush();
    group ??= { atMs, rounds: [] };
    group.rounds.push(round);
  }
  flush();

  const ids = [...facts.keys()];
  const changed = ids.filter((id) => recorded.get(id)?.driverId !== replayed.get(id)?.driverId);
  const mean = (of: 'pickupS' | 'waitedS') => ({ recorded: meanOf(recorded, of), replayed: meanOf(replayed, of) });
  return {
    rounds: count,
    trips: ids.length,
    matched: { recorded: recorded.size, replayed: replayed.size },
    meanPickupS: mean('pickupS'),
    meanWaitS: mean('waitedS'),
    tripsChanged: changed.length,
    changed: changed.slice(0, options.list).map((tripId) => ({ tripId, recorded: recorded.get(tripId) ?? null, replayed: replayed.get(tripId) ?? null })),
  };
}

const meanOf = (matches: ReadonlyMap<string, Match>, of: 'pickupS' | 'waitedS') =>
  matches.size === 0 ? 0 : Math.round(([...matches.values()].reduce((sum, match) => sum + match[of], 0) / matches.size) * 10) / 10;

const pickupSecondsOf = ({ speedKmh }: Open, metres: number) => Math.round((metres * ROAD_FACTOR) / (speedKmh / 3.6));

const saysYes = (search: Open, { driverId }: Option) => !search.facts.refusedBy.has(driverId);

function optionsOf(inputs: RoundInputs, rider: number): Option[] {
  const flat = inputs.riders[rider]?.options ?? [];
  return (inputs.merits[rider] ?? []).map((merit, i) => {
    const driver = flat[2 * i] as number;
    return { driverId: inputs.driverIds[driver] as string, vehicleType: inputs.drivers[driver] as VehicleType, metres: flat[2 * i + 1] as number, merit };
  });
}

/** Whom a round asks, best first. Candidates were kept in the order of their scores, which decides between equals. */
function askedOf({ radiusM, round, passedOver }: Open, free: Option[], { strategy, nearnessShare = SHARE_OF_NEARNESS }: ReplayOptions): Option[] {
  const score = ({ metres, merit }: Option) => Math.round(1e8 * (nearnessShare * nearness(metres, radiusM) + merit));
  const atMost = strategy === 'FIRST_ACCEPT' ? OFFERS_PER_ROUND : round <= SINGLE_ROUNDS ? 1 : BROADCAST_OFFERS;
  return free
    .filter(({ driverId }) => !passedOver.has(driverId))
    .map((option) => ({ option, score: score(option) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, atMost)
    .map(({ option }) => option);
}

/** One decision for all, as a tick makes it; without whom another search was taking at that moment. */
function together(searches: readonly Open[], nowMs: number, isFree: (option: Option) => boolean, strategy: 'BATCHED' | 'ARRIVAL_ORDER'): [Open, Option][] {
  const [first] = searches;
  if (!first) return [];
  const numbers = new Map<string, number>();
  const drivers: VehicleType[] = [];
  const riders = searches.map((search) => ({
    vehicleType: search.vehicleType,
    waitedS: Math.max(0, Math.round((nowMs - search.sinceMs) / 1000)),
    options: search.options.filter(isFree).flatMap(({ driverId, vehicleType, metres }) => {
      const number = numbers.get(driverId) ?? drivers.push(vehicleType) - 1;
      numbers.set(driverId, number);
      return [number, metres];
    }),
  }));
  const inputs: TickInputs = { riders, drivers, speedKmh: first.speedKmh, maxPickupS: first.maxPickupS, weights: first.weights };
  const ids = [...numbers.keys()];
  return decideTick(inputs, strategy).pairs.flatMap(({ rider, driver }): [Open, Option][] => {
    const search = searches[rider] as Open;
    const chosen = search.options.find(({ driverId }) => driverId === ids[driver]);
    return chosen && !search.passedOver.has(chosen.driverId) ? [[search, chosen]] : [];
  });
}
