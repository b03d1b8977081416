import { inArray, sql } from 'drizzle-orm';
import { Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
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
  KEPT_FRESH_MS,
  type OfferRow,
  pendingOffersOfTrip,
  standbyOfferOf,
  waitingSearches,
} from './offerQueries.js';
import { distanceM, type Place } from './point.js';
import { tellOffers } from './signals.js';
import { afterRound, type MatchingRequest, type MatchingStrategy, type Plan, type Search, STRATEGY_NAMES, type StrategyName } from './strategy.js';
import { offers, trips } from './tables.js';
import { recordRound } from './tickCommands.js';
import { destinationOf, fareOf, pickupOf, type TripRow } from './trip.js';
import { lockTrip } from './tripQueries.js';
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
  const found = await lockTrip(tx.orm, tripId);
  // One for later: its time has come.
  const trip = found?.status === 'REQUESTED' ? await stepTrip(tx, dispatch, found, 'SEARCHING', 'SYSTEM') : found;
  if (trip?.status !== 'SEARCHING') return;
  await closeExpiredOffers(tx, dispatch, trip.id);
  const open = await pendingOffersOfTrip(tx.orm, trip.id);
  if (open.length > 0) return setRound(tx, SEARCHING, trip.id, endOf(open));
  const strategy = strategyOf(dispatch, trip);
  if (strategy.tickMs === undefined) await makeRounds(tx, dispatch, strategy, [trip], SEARCHING);
  else await setTick(tx, trip.strategy as StrategyName, strategy.tickMs);
}

/** One decision for all searches that wait for their strategy's tick. Those for whom nobody was found are in the next one again. */
export async function runTick(tx: Tx, dispatch: Dispatch, name: string): Promise<void> {
  const strategy = STRATEGY_NAMES.includes(name as StrategyName) ? dispatch.strategies[name as StrategyName] : undefined;
  if (strategy?.tickMs === undefined) return;
  const waiting = await waitingSearches(tx.orm, name, SEARCHES_PER_TICK);
  await makeRounds(tx, dispatch, strategy, waiting, SEARCHING);
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
  await closeExpiredOffers(tx, dispatch, trip.id);
  if (await standbyOfferOf(tx.orm, trip.id)) return;
  const open = await pendingOffersOfTrip(tx.orm, trip.id);
  if (open.length > 0) return setRound(tx, STANDING_BY, trip.id, endOf(open));
  await makeRounds(tx, dispatch, backup, [trip], STANDING_BY);
}

/** What rounds are made for: which timer begins the next one, and what it means that there is none. */
interface Course {
  timer: string;
  over: (tx: Tx, dispatch: Dispatch, trip: TripRow) => Promise<void>;
}

const SEARCHING: Course = { timer: ROUND_TIMER, over: giveUp };
const STANDING_BY: Course = { timer: BACKUP_TIMER, over: async () => {} };

async function setRound(tx: Tx, course: Course, tripId: string, dueAt: Date): Promise<void> {
  await setTimer(tx, { kind: course.timer, key: tripId, dueAt });
}

const endOf = (open: readonly OfferRow[]) => new Date(Math.max(...open.map((offer) => offer.expiresAt.getTime())));

export function strategyOf(dispatch: Dispatch, trip: TripRow): MatchingStrategy {
  return dispatch.strategies[trip.strategy as StrategyName];
}

/** A trip that somebody is looked for, with those who may be asked. */
interface Asking {
  trip: TripRow;
  request: MatchingRequest;
  users: ReadonlyMap<string, Asked>;
}

/** The next round of each of these locked trips, decided for and carried out together: what a round reads and writes, it does for all of them at once. */
async function makeRounds(tx: Tx, dispatch: Dispatch, strategy: MatchingStrategy, locked: readonly TripRow[], course: Course): Promise<void> {
  const looking: { trip: TripRow; search: Search; radiusKm: number; isLast: boolean }[] = [];
  for (const trip of locked) {
    const search = searchOf(trip, trip.searchRound + 1);
    const radiusKm = strategy.lookAround(search);
    if (radiusKm === null) await course.over(tx, dispatch, trip);
    else looking.push({ trip, search, radiusKm, isLast: strategy.lookAround({ ...search, round: search.round + 1 }) === null });
  }
  if (looking.length === 0) return;
  await countRounds(
    tx,
    looking.map(({ trip }) => trip.id),
  );
  const around = await candidatesOf(tx, dispatch, looking);
  const asking = looking.map(({ trip, search, radiusKm }, i): Asking => {
    const { candidates, inLine } = around[i] as Around;
    const asked = candidates.map(({ driverId, userId, distanceM: pickupDistanceM }) => [driverId, { driverId, userId, pickupDistanceM, inLine }] as const);
    return { trip, request: { search, radiusKm, candidates }, users: new Map(asked) };
  });
  const slowness = await slownessNow(tx, dispatch);
  const requests = asking.map(({ request }) => request);
  const began = performance.now();
  const decided = strategy.decide(requests, tx.now);
  const tookMs = performance.now() - began;
  if (decided.length !== requests.length) throw new Error('a strategy has to answer with a plan for each request');
  const plans = decided.map((plan) => ({ ...plan, answerMs: plan.answerMs * slowness }));
  const asked = await makeOffers(tx, dispatch, asking, plans);
  for (const [i, { trip, request }] of asking.entries()) {
    const count = asked[i]?.length ?? 0;
    if (count === 0 && strategy.tickMs !== undefined) continue;
    const waitMs = afterRound(strategy, request.search, count, { answerMs: plans[i]?.answerMs ?? 0, emptyRoundMs: dispatch.config.emptyRoundMs * slowness });
    if (waitMs === 'OVER') await course.over(tx, dispatch, trip);
    else await setRound(tx, course, trip.id, new Date(tx.now.getTime() + waitMs));
  }
  // After the offers: a driver whom another search has taken meanwhile was passed over.
  const name = (locked[0] as TripRow).strategy as StrategyName;
  await recordRound(tx, { strategy, name, requests, plans: decided, asked, tookMs });
}

async function countRounds(tx: Tx, tripIds: readonly string[]): Promise<void> {
  await tx.orm
    .update(trips)
    .set({ searchRound: sql`${trips.searchRound} + 1` })
    .where(inArray(trips.id, [...tripIds]));
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
  for (const { trip, isLast } of looking) {
    const inLine = isLast ? [] : await firstInLine(tx, dispatch, trip);
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

/** Offers each trip to the first drivers of its plan that are still free; answers who they were. Of several plans each has its best alone to choose from. */
async function makeOffers(tx: Tx, dispatch: Dispatch, asking: readonly Asking[], plans: readonly Plan[]): Promise<string[][]> {
  const named = plans.map(({ ranked, atMost }) => (plans.length === 1 ? ranked : ranked.slice(0, atMost)));
  const atMost = plans.reduce((sum, plan) => sum + plan.atMost, 0);
  const claimed = new Set(await claimDrivers(tx.orm, named.flat(), atMost));
  if (claimed.size === 0) return plans.map(() => []);
  await moveDrivers(tx, dispatch, [...claimed], 'OFFERED', { count: { offeredCount: 1 } });
  // Whom two plans name, the first of them gets.
  const chosen = asking.map(({ users }, i) => (named[i] ?? []).flatMap((driverId) => (claimed.delete(driverId) ? (users.get(driverId) ?? []) : [])));
  await tx.orm.insert(offers).values(
    asking.flatMap(({ trip, request }, i) =>
      (chosen[i] ?? []).map((driver) => ({
        id: newUuid(tx.now),
        tripId: trip.id,
        driverId: driver.driverId,
        driverUserId: driver.userId,
        status: 'PENDING',
        revision: trip.revision,
        round: request.search.round,
        terms: plans[i]?.terms ?? 'TAKE',
        pickupDistanceM: driver.pickupDistanceM,
        inLine: driver.inLine,
        earningsMinor: earningsOf(fareOf(trip), trip.vehicleType as VehicleType),
        currency: trip.currency,
        createdAt: tx.now,
        expiresAt: new Date(tx.now.getTime() + (plans[i]?.answerMs ?? 0)),
      })),
    ),
  );
  for (const driver of chosen.flat()) tellOffers(tx, dispatch, driver.userId);
  return chosen.map((drivers) => drivers.map(({ driverId }) => driverId));
}

/**
 * At an airport the first in line who has not been asked is asked alone (DP-07): asked together, the quickest would win and not the one who waited longest.
 * Empty elsewhere, and when the line is; the last round of a search asks everybody around, in line or not.
 */
async function firstInLine(tx: Tx, dispatch: Dispatch, trip: TripRow) {
  const zone = airportAt(dispatch.zones.all() ?? [], pickupOf(trip));
  if (!zone) return [];
  const line = await nextInQueue(tx, zone.id, SERVED_BY[trip.vehicleType as VehicleType], pickupOf(trip), CANDIDATES_PER_ROUND);
  const [eligible = []] = await candidatesFor(tx.orm, [{ trip, driverIds: line.map(({ driverId }) => driverId) }], tx.now);
  const facts = new Map(eligible.map((candidate) => [candidate.driverId, candidate]));
  const first = line.find(({ driverId }) => facts.has(driverId));
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
    const found = await Promise.all(
      looking.map(({ trip, radiusKm }) => dispatch.positions.nearby(pickupOf(trip), radiusKm, typesOf(trip), CANDIDATES_PER_ROUND)),
    );
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
