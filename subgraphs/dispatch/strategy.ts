import type { Candidate } from './matching.js';
import type { Place } from './point.js';
import type { RoundInputs } from './tick.js';
import type { VehicleType } from './vehicleType.js';

/** How a search finds its driver (DP-22). A trip keeps the strategy that it was requested under. */
export const STRATEGY_NAMES = ['FIRST_ACCEPT', 'SEQUENTIAL', 'BROADCAST_BID', 'SCHEDULED', 'BATCHED'] as const;
export type StrategyName = (typeof STRATEGY_NAMES)[number];

/**
 * What a driver who is asked may do: TAKE the trip at the quoted price, BID a price of his own, from which the rider chooses, or STAND_BY for the
 * driver who has it.
 */
export const OFFER_TERMS = ['TAKE', 'BID', 'STAND_BY'] as const;
export type OfferTerms = (typeof OFFER_TERMS)[number];

/** A trip that is being searched for, as plain data: all that a strategy may know of it. */
export interface Search {
  tripId: string;
  vehicleType: VehicleType;
  pickup: Place;
  destination: Place;
  fareMinor: bigint;
  requestedAt: Date;
  departAt: Date | null;
  /** The round that is about to be made, from 1. */
  round: number;
}

/** A search with the drivers who may be asked in this round: eligible, free, not asked for it before, within `radiusKm`. At most 60, in no order. */
export interface MatchingRequest {
  search: Search;
  radiusKm: number;
  candidates: readonly Candidate[];
}

/** Whom to ask in a round. */
export interface Plan {
  /** Ids of drivers, best first. One whom another search takes at the same moment is passed over, and the next one is asked in his place. */
  ranked: readonly string[];
  /** How many of them to ask. */
  atMost: number;
  /** How long they have to answer, in milliseconds: the round ends then, or when all have said no. */
  answerMs: number;
  terms: OfferTerms;
}

/**
 * A way of matching. Pure: it looks at nothing but its arguments, and decides; `matchingCommands.ts` carries out what it decides, in one transaction
 * per round, with due rows for everything that has to happen later.
 *
 * To add one: write it in a file of its own (see `firstAccept.ts`), add its name to `STRATEGY_NAMES`, and put it into `strategiesFor` in
 * `strategies.ts`. Tables, settings, timers, offers, atomic assignment, degraded modes and the stop of a search that finds nobody come with the runner.
 *
 * The course of a search: `lookAround` says how far round n looks (null: there is no such round, nobody comes). The runner finds the candidates there
 * and passes them to `decide`, then makes offers to the first `atMost` of `ranked` that are still free. When all have said no, or `answerMs` is over,
 * round n + 1 begins. A round that could ask nobody is followed by the next after `emptyRoundMs` of the configuration, or ends the search if it was
 * the last.
 *
 * One that decides for many trips at once (BATCHED) sets `tickMs`. Then a search whose turn it is waits for the next tick of its strategy (a multiple
 * of `tickMs` on the clock), and `decide` gets all that wait, at most 500, the longest waiting first, in one call; it answers one plan for each, in the
 * same order. An empty `ranked` leaves that search in the pool for the next tick, which is its next round: so `lookAround` has to allow for as many
 * rounds as the rider may wait ticks. Nobody is offered two trips: the first plan that names a driver gets him, so an assignment names each driver once
 * and asks `atMost: 1`. The same pool is read by every process, and a tick is a row: a crash delays it and loses nothing.
 */
export interface MatchingStrategy {
  /** How far round `search.round` looks, in kilometres; null when the rounds are over. */
  lookAround(search: Search): number | null;
  /** Whom to ask, for each request in its order. Without `tickMs` there is exactly one request. */
  decide(requests: readonly MatchingRequest[], now: Date): readonly Plan[];
  /** What a decision is made from, without persons and places: it is recorded with what came of it, so that it can be made again (DP-22b). */
  inputsOf?(requests: readonly MatchingRequest[], now: Date): RoundInputs;
  /** Milliseconds between decisions for all open searches together; when not given, each search is decided for itself, at its own time. */
  tickMs?: number;
  /** For terms BID: how long the rider may choose after the time for bids is over, in milliseconds. */
  choosingMs?: number;
  /** How the trip's driver gets a second one who stands by, once there is a first; none when not given. */
  backup?: MatchingStrategy;
}

/** What comes after a round in which so many were asked: the next one after a pause in milliseconds, or nothing. */
export function afterRound(strategy: MatchingStrategy, search: Search, asked: number, pauses: { answerMs: number; emptyRoundMs: number }): number | 'OVER' {
  if (asked > 0) return pauses.answerMs;
  return strategy.lookAround({ ...search, round: search.round + 1 }) === null ? 'OVER' : pauses.emptyRoundMs;
}
