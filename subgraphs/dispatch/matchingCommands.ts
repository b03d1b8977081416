import { Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Cause, Tx } from '../../platform/postgres.js';
import { type FiredTimer, setTimer, setTimers, type TimerSetting } from '../../platform/timers.js';
import { nextInQueue } from './airportQueue.js';
import type { Dispatch } from './context.js';
import { moveDrivers } from './driverMoves.js';
import { tripNoDrivers } from './events.js';
import { earningsOf } from './fare.js';
import { isOverload, OVERLOAD_FACTOR, searchLoad, switchMode } from './matchingModes.js';
import { BACKUP_TIMER, closeExpiredOffers, ROUND_TIMER } from './offerCommands.js';
import {
  candidatesFor,
  claimDrivers,
  type Eligible,
  freeDriversInBox,
  insertOffers,
  KEPT_FRESH_MS,
  type OfferRow,
  standbyOfferOf,
  waitingSearches,
} from './offerQueries.js';
import { distanceM, type Place } from './point.js';
import { shareDrivers } from './shareDrivers.js';
import { tellOffers } from './signals.js';
import { afterRound, type MatchingRequest, type MatchingStrategy, type Plan, type Search, STRATEGY_NAMES, type StrategyName } from './strategy.js';
import { recordRounds } from './tickCommands.js';
import { destinationOf, fareOf, pickupOf, type TripRow } from './trip.js';
import { lockFreeTrips, lockTrip } from './tripQueries.js';
import { stepTrip } from './tripSteps.js';
import { SERVED_BY, type VehicleType } from './vehicleType.js';
import { airportAt } from './zone.js';

/** Timer of the next decision of a strategy that decides for many trips at once; its key is the strategy's name. */
export const TICK_TIMER = 'matching.tick';

/** Drivers that a round takes from the index to choose from. */
const CANDIDATES_PER_ROUND = 60;
/** Searches that one tick decides for; the others wait for the next. */
const SEARCHES_PER_TICK = 500;

/**
 * A trip's turn in its search for a driver, run by the trip's timer as SYSTEM. Offers whose time is over are closed; while others are still open, as
 * bids are that the rider may choose from, nothing happens until they are over too. Then the next round is made, here or in its strategy's next tick.
 */
export async function runRound(tx: Tx, dispatch: Dispatch, tripId: string): Promise<void> {
  const trip = await lockTrip(tx.orm, tripId);
  if (trip) await continueSearches(tx, dispatch, [{ trip, cause: tx.cause }]);
}

/**
 * The turns of many trips, decided one by one and carried out together. Answers the keys of those whose trip somebody else holds: whoever accepts for one
 * of them must not keep the others waiting, nor wait for them.
 */
export async function runRounds(tx: Tx, dispatch: Dispatch, timers: readonly FiredTimer[]): Promise<string[]> {
  const causes = new Map(timers.map(({ key, cause }) => [key, cause]));
  const found = await lockFreeTrips(tx.orm, [...causes.keys()]);
  await continueSearches(
    tx,
    dispatch,
    found.map((trip) => ({ trip, cause: causes.get(trip.id) ?? tx.cause })),
  );
  const taken = new Set(found.map(({ id }) => id));
  return [...causes.keys()].filter((key) => !taken.has(key));
}

/** A locked trip, and what its turn is a consequence of. */
interface Turn {
  trip: TripRow;
  cause: Cause;
}

async function continueSearches(tx: Tx, dispatch: Dispatch, turns: readonly Turn[]): Promise<void> {
  const searching: Turn[] = [];
  for (const { trip: found, cause } of turns) {
    // One for later: its time has come.
    const trip = found.status === 'REQUESTED' ? await stepTrip(tx, dispatch, found, 'SEARCHING', 'SYSTEM') : found;
    if (trip.status === 'SEARCHING') searching.push({ trip, cause });
  }
  const open = await closeExpiredOffers(
    tx,
    dispatch,
    searching.map(({ trip }) => trip.id),
  );
  const endsAt = (trip: TripRow) => endOf(open.filter(({ tripId }) => tripId === trip.id));
  const waiting = searching.flatMap(({ trip, cause }) => {
    const dueAt = endsAt(trip);
    return dueAt ? [roundTimer(SEARCHING, { trip, cause }, dueAt)] : [];
  });
  await setTimers(tx, waiting);
  const bound = new Set(waiting.map(({ key }) => key));
  const ready = searching.filter(({ trip }) => !bound.has(trip.id));
  for (const name of new Set(ready.map(({ trip }) => trip.strategy as StrategyName))) {
    const strategy = dispatch.strategies[name];
    const ofIt = ready.filter(({ trip }) => trip.strategy === name);
    if (strategy.tickMs === undefined) await makeRounds(tx, dispatch, strategy, ofIt, SEARCHING);
    else await setTick(tx, name, strategy.tickMs);
  }
}

/** One decision for all searches that wait for their strategy's tick. Those for whom nobody was found are in the next one again. */
export async function runTick(tx: Tx, dispatch: Dispatch, name: string): Promise<void> {
  const strategy = STRATEGY_NAMES.includes(name as StrategyName) ? dispatch.strategies[name as StrategyName] : undefined;
  if (strategy?.tickMs === undefined) return;
  const waiting = await waitingSearches(tx.orm, name, SEARCHES_PER_TICK);
  const turns = waiting.map((trip) => ({ trip, cause: tx.cause }));
  await makeRounds(tx, dispatch, strategy, turns, SEARCHING);
  if (waiting.length > 0) await setTick(tx, name as StrategyName, strategy.tickMs);
}

/**
 * At the next multiple of the strategy's interval, so that all searches come together there. One that is due already stays due: were it moved, searches that
 * come one after the other would put it off again and again.
 */
async function setTick(tx: Tx, name: StrategyName, tickMs: number): Promise<void> {
  const dueAt = new Date((Math.floor(tx.now.getTime() / tickMs) + 1) * tickMs);
  await setTimer(tx, { kind: TICK_TIMER, key: name, dueAt, neverLater: true });
}

/**
 * The search for a driver who stands by, once the trip has one; run by a timer of its own as SYSTEM. It ends without a word: a trip can do without.
 */
export async function runBackupRound(tx: Tx, dispatch: Dispatch, tripId: string): Promise<void> {
  const trip = await lockTrip(tx.orm, tripId);
  const backup = trip && strategyOf(dispatch, trip).backup;
  if (!trip || !backup || trip.status !== 'ACCEPTED') return;
  const turn = { trip, cause: tx.cause };
  const until = endOf(await closeExpiredOffers(tx, dispatch, [trip.id]));
  if (await standbyOfferOf(tx.orm, trip.id)) return;
  if (until) return setTimers(tx, [roundTimer(STANDING_BY, turn, until)]);
  await makeRounds(tx, dispatch, backup, [turn], STANDING_BY);
}

/** What rounds are made for: which timer begins the next one, and what it means that there is none. */
interface Course {
  timer: string;
  over: (tx: Tx, dispatch: Dispatch, trip: TripRow) => Promise<void>;
}

const SEARCHING: Course = { timer: ROUND_TIMER, over: giveUp };
const STANDING_BY: Course = { timer: BACKUP_TIMER, over: async () => {} };

const roundTimer = ({ timer }: Course, { trip, cause }: Turn, dueAt: Date): TimerSetting => ({ kind: timer, key: trip.id, dueAt, cause });

const endOf = (open: readonly OfferRow[]) => (open.length > 0 ? new Date(Math.max(...open.map((offer) => offer.expiresAt.getTime()))) : null);

export function strategyOf(dispatch: Dispatch, trip: TripRow): MatchingStrategy {
  return dispatch.strategies[trip.strategy as StrategyName];
}

/** A trip that somebody is looked for, with those who may be asked. */
interface Asking {
  turn: Turn;
  trip: TripRow;
  request: MatchingRequest;
  users: ReadonlyMap<string, Asked>;
}

/** The next round of each of these locked trips, carried out together: what a round reads and writes, it does for all of them at once. */
async function makeRounds(tx: Tx, dispatch: Dispatch, strategy: MatchingStrategy, turns: readonly Turn[], course: Course): Promise<void> {
  const looking: { turn: Turn; trip: TripRow; search: Search; radiusKm: number; isLast: boolean }[] = [];
  for (const turn of turns) {
    const { trip } = turn;
    const search = searchOf(trip, trip.searchRound + 1);
    const radiusKm = strategy.lookAround(search);
    if (radiusKm === null) await course.over(causedBy(tx, turn), dispatch, trip);
    else looking.push({ turn, trip, search, radiusKm, isLast: strategy.lookAround({ ...search, round: search.round + 1 }) === null });
  }
  if (looking.length === 0) return;
  const around = await candidatesOf(tx, dispatch, looking);
  const [, slowness] = await Promise.all([
    countRounds(
      tx,
      looking.map(({ trip }) => trip.id),
    ),
    slownessNow(tx, dispatch),
  ]);
  const asking = looking.map(({ turn, trip, search, radiusKm }, i): Asking => {
    const { candidates, inLine } = around[i] as Around;
    const asked = candidates.map(({ driverId, userId, distanceM: pickupDistanceM }) => [driverId, { driverId, userId, pickupDistanceM, inLine }] as const);
    return { turn, trip, request: { search, radiusKm, candidates }, users: new Map(asked) };
  });
  const requests = asking.map(({ request }) => request);
  const decisions = strategy.tickMs === undefined ? requests.map((request) => decide(strategy, [request], tx.now)) : [decide(strategy, requests, tx.now)];
  const plans = decisions.flatMap((decision) => decision.plans).map((plan) => ({ ...plan, answerMs: plan.answerMs * slowness }));
  const asked = await makeOffers(tx, dispatch, asking, plans, strategy.tickMs === undefined ? 'SHARED' : 'ASSIGNED');
  const next: TimerSetting[] = [];
  for (const [i, { turn, trip, request }] of asking.entries()) {
    const count = asked[i]?.length ?? 0;
    if (count === 0 && strategy.tickMs !== undefined) continue;
    const waitMs = afterRound(strategy, request.search, count, { answerMs: plans[i]?.answerMs ?? 0, emptyRoundMs: dispatch.config.emptyRoundMs * slowness });
    if (waitMs === 'OVER') await course.over(causedBy(tx, turn), dispatch, trip);
    else next.push(roundTimer(course, turn, new Date(tx.now.getTime() + waitMs)));
  }
  // After the offers: a driver whom another search has taken meanwhile was passed over.
  const name = (turns[0] as Turn).trip.strategy as StrategyName;
  let first = 0;
  const rounds = decisions.map((decision) => {
    const mine = asked.slice(first, (first += decision.requests.length));
    return { strategy, name, ...decision, asked: mine };
  });
  await Promise.all([setTimers(tx, next), recordRounds(tx, rounds)]);
}

/** Events of a turn name what has led to it, whichever others are carried out with it. */
const causedBy = (tx: Tx, { cause }: Turn): Tx => ({ ...tx, cause });

function decide(strategy: MatchingStrategy, requests: readonly MatchingRequest[], now: Date) {
  const began = performance.now();
  const plans = strategy.decide(requests, now);
  if (plans.length !== requests.length) throw new Error('a strategy has to answer with a plan for each request');
  return { requests, plans, tookMs: performance.now() - began };
}

async function countRounds(tx: Tx, tripIds: readonly string[]): Promise<void> {
  await tx.prepared('update trips set search_round = search_round + 1 where id = any($1::uuid[])', [`{${tripIds.join(',')}}`]);
}

/** How many times as long as usual rounds last: longer while there is an overload, so that fewer are made and more of them find somebody (DP-25). */
async function slownessNow(tx: Tx, dispatch: Dispatch): Promise<number> {
  const limit = dispatch.config.overloadSearches;
  const { searching, isOverloaded } = await searchLoad(tx.orm, limit + 1);
  const now = isOverload(searching, limit, isOverloaded);
  if (now !== isOverloaded) await switchMode(tx, 'OVERLOAD', now, `${searching > limit ? 'more than ' : ''}${Math.min(searching, limit)} searches at once`);
  return now ? OVERLOAD_FACTOR : 1;
}

function searchOf(trip: TripRow, round: number): Search {
  const { id: tripId, requestedAt, departAt } = trip;
  const vehicleType = trip.vehicleType as VehicleType;
  return { tripId, vehicleType, pickup: pickupOf(trip), destination: destinationOf(trip), fareMinor: fareOf(trip), requestedAt, departAt, round };
}

interface Asked {
  driverId: string;
  userId: string;
  pickupDistanceM: number;
  /** Because he was the first in an airport's line. */
  inLine: boolean;
}

type AtDistance = Eligible & { distanceM: number };

/** Who may be asked for a trip, with what a strategy knows of them. */
interface Around {
  candidates: AtDistance[];
  /** It is the first of an airport's line. */
  inLine: boolean;
}

/** Who may be asked, for each trip: the first in an airport's line, or else who is around. */
async function candidatesOf(tx: Tx, dispatch: Dispatch, looking: readonly { trip: TripRow; radiusKm: number; isLast: boolean }[]): Promise<Around[]> {
  const found = new Map<string, Around>();
  const taken = new Set<string>();
  for (const { trip, isLast } of looking) {
    const inLine = isLast ? [] : await firstInLine(tx, dispatch, trip, taken);
    for (const { driverId } of inLine) taken.add(driverId);
    if (inLine.length > 0) found.set(trip.id, { candidates: inLine, inLine: true });
  }
  const others = looking.filter(({ trip }) => !found.has(trip.id));
  const distances = await distancesAround(tx, dispatch, others);
  const considered = others.map(({ trip }, i) => ({ trip, driverIds: [...(distances[i]?.keys() ?? [])] }));
  const eligible = await candidatesFor(tx.orm, considered, tx.now);
  for (const [i, { trip }] of others.entries()) {
    const candidates = (eligible[i] ?? []).map((each) => ({ ...each, distanceM: distances[i]?.get(each.driverId) ?? 0 }));
    found.set(trip.id, { candidates, inLine: false });
  }
  return looking.map(({ trip }) => found.get(trip.id) as Around);
}

/**
 * Offers each trip to the first drivers of its plan that are still free; answers who they were. Of plans that were made for each other (ASSIGNED) each has
 * its best alone to choose from; those that know nothing of each other share the drivers (SHARED).
 */
async function makeOffers(tx: Tx, dispatch: Dispatch, asking: readonly Asking[], plans: readonly Plan[], manner: 'ASSIGNED' | 'SHARED'): Promise<string[][]> {
  const isFree = (ids: readonly string[]) => claimDrivers(tx.orm, ids, ids.length);
  const single = plans.length === 1 ? plans[0] : undefined;
  const chosenIds = single
    ? [await claimDrivers(tx.orm, single.ranked, single.atMost)]
    : manner === 'ASSIGNED'
      ? await shareDrivers(
          plans.map(({ ranked, atMost }) => ({ ranked: ranked.slice(0, atMost), atMost })),
          isFree,
        )
      : await shareDrivers(plans, isFree);
  const chosen = asking.map(({ users }, i) => {
    const ids = new Set(chosenIds[i]);
    return (plans[i]?.ranked ?? []).flatMap((driverId) => (ids.delete(driverId) ? (users.get(driverId) ?? []) : []));
  });
  const all = chosen.flat().map(({ driverId }) => driverId);
  if (all.length === 0) return plans.map(() => []);
  const rows = asking.flatMap(({ trip, request }, i) =>
    (chosen[i] ?? []).map((driver) => ({
      id: newUuid(tx.now),
      tripId: trip.id,
      driverId: driver.driverId,
      driverUserId: driver.userId,
      revision: trip.revision,
      round: request.search.round,
      terms: plans[i]?.terms ?? 'TAKE',
      pickupDistanceM: driver.pickupDistanceM,
      inLine: driver.inLine,
      earningsMinor: earningsOf(fareOf(trip), trip.vehicleType as VehicleType),
      currency: trip.currency,
      expiresAt: new Date(tx.now.getTime() + (plans[i]?.answerMs ?? 0)),
    })),
  );
  await Promise.all([insertOffers(tx, rows), moveDrivers(tx, dispatch, all, 'OFFERED', { count: { offeredCount: 1 } })]);
  // The best of each first: who waits for a driver waits for the first who is told.
  const most = Math.max(...chosen.map(({ length }) => length));
  for (let rank = 0; rank < most; rank += 1) for (const { userId } of chosen.flatMap((drivers) => drivers[rank] ?? [])) tellOffers(tx, dispatch, userId);
  return chosen.map((drivers) => drivers.map(({ driverId }) => driverId));
}

/**
 * At an airport the first in line who has not been asked is asked alone (DP-07): asked together, the quickest would win and not the one who waited longest.
 * Empty elsewhere, and when the line is; the last round of a search asks everybody around, in line or not. `taken` are for others at this moment.
 */
async function firstInLine(tx: Tx, dispatch: Dispatch, trip: TripRow, taken: ReadonlySet<string>) {
  const zone = airportAt(dispatch.zones.all() ?? [], pickupOf(trip));
  if (!zone) return [];
  const line = await nextInQueue(tx, zone.id, SERVED_BY[trip.vehicleType as VehicleType], pickupOf(trip), CANDIDATES_PER_ROUND);
  const [eligible = []] = await candidatesFor(tx.orm, [{ trip, driverIds: line.map(({ driverId }) => driverId) }], tx.now);
  const facts = new Map(eligible.map((candidate) => [candidate.driverId, candidate]));
  const first = line.find(({ driverId }) => facts.has(driverId) && !taken.has(driverId));
  const candidate = first && facts.get(first.driverId);
  return candidate ? [{ ...candidate, distanceM: first.distanceM }] : [];
}

/**
 * Metres to the free drivers around each trip, the nearest first. While Redis does not answer, from the positions in Postgres, which are some seconds
 * older (DP-25).
 */
async function distancesAround(tx: Tx, dispatch: Dispatch, looking: readonly { trip: TripRow; radiusKm: number }[]): Promise<Map<string, number>[]> {
  if (looking.length === 0) return [];
  const typesOf = (trip: TripRow) => SERVED_BY[trip.vehicleType as VehicleType];
  try {
    const searches = looking.map(({ trip, radiusKm }) => ({ place: pickupOf(trip), radiusKm, types: typesOf(trip) }));
    const found = await dispatch.positions.nearbyEach(searches, CANDIDATES_PER_ROUND);
    await switchMode(tx, 'POSITIONS_FROM_POSTGRES', false, 'positions in Redis answer');
    return found.map((nearby) => new Map(nearby.map((driver) => [driver.driverId, driver.distanceM])));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await switchMode(tx, 'POSITIONS_FROM_POSTGRES', true, 'positions in Redis do not answer');
    const found: Map<string, number>[] = [];
    for (const { trip, radiusKm } of looking) found.push(await distancesInPostgres(tx, pickupOf(trip), radiusKm, typesOf(trip)));
    return found;
  }
}

async function distancesInPostgres(tx: Tx, pickup: Place, radiusKm: number, types: readonly VehicleType[]): Promise<Map<string, number>> {
  const known = await freeDriversInBox(tx.orm, pickup, radiusKm, types, new Date(tx.now.getTime() - KEPT_FRESH_MS));
  const near = known.map((driver) => ({ ...driver, awayM: Math.round(distanceM(pickup, driver)) })).filter(({ awayM }) => awayM <= radiusKm * 1000);
  return new Map(
    near
      .sort((a, b) => a.awayM - b.awayM)
      .slice(0, CANDIDATES_PER_ROUND)
      .map((driver) => [driver.id, driver.awayM]),
  );
}

async function giveUp(tx: Tx, dispatch: Dispatch, trip: TripRow): Promise<void> {
  await stepTrip(tx, dispatch, trip, 'NO_DRIVERS', 'SYSTEM');
  await appendEvent(tx, tripNoDrivers, trip.id, { tripId: trip.id, riderId: trip.riderId });
}
