import { and, desc, eq, ne, sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import { tripReasons } from './cityTables.js';
import { asSystem } from './elevation.js';
import { SINGLE_ROUNDS } from './sequential.js';
import type { StrategyName } from './strategy.js';
import { offers, tripQuotes } from './tables.js';
import type { TripRow } from './trip.js';

/** Why a trip went to its driver, and why it was priced as it was (DP-22b). */
export interface Reasons {
  surge: number;
  surgeReason: string | null;
  /** In words; null while no driver has accepted. */
  match: string | null;
  /** Offers made before one was accepted, that one included. */
  driversAsked: number;
  pickupDistanceM: number | null;
  /** Riders and free drivers that were looked at together, when the trip was matched in a batch. */
  batch: { riders: number; drivers: number; pickupSeconds: number; nearestSeconds: number } | null;
}

/** For a party of the trip, which the caller has made sure of: others' offers are counted, not shown. */
export async function reasonsOf(tx: Tx, trip: TripRow): Promise<Reasons> {
  return asSystem(tx, async () => {
    const [quote] = await tx.orm
      .select({ surgePermille: tripQuotes.surgePermille, surgeReason: tripQuotes.surgeReason })
      .from(tripQuotes)
      .where(eq(tripQuotes.id, trip.quoteId));
    const [won] = await tx.orm
      .select({ round: offers.round, pickupDistanceM: offers.pickupDistanceM, terms: offers.terms, inLine: offers.inLine })
      .from(offers)
      .where(and(eq(offers.tripId, trip.id), eq(offers.status, 'ACCEPTED')))
      .orderBy(desc(offers.answeredAt))
      .limit(1);
    // Who was asked to stand by was asked for something else.
    const others = won?.terms === 'STAND_BY' ? eq(offers.terms, 'STAND_BY') : ne(offers.terms, 'STAND_BY');
    const [asked] = await tx.orm
      .select({
        inAll: sql<number>`count(*)::int`,
        inRound: sql<number>`(count(*) filter (where ${offers.round} = ${won?.round ?? 0}))::int`,
        bids: sql<number>`count(${offers.bidMinor})::int`,
      })
      .from(offers)
      .where(and(eq(offers.tripId, trip.id), others));
    const [batch] = await tx.orm.select().from(tripReasons).where(eq(tripReasons.tripId, trip.id));
    const counts = asked ?? { inAll: 0, inRound: 0, bids: 0 };
    return {
      surge: (quote?.surgePermille ?? 1_000) / 1000,
      surgeReason: quote?.surgeReason ?? null,
      match: trip.driverId && won ? inWords(trip.strategy as StrategyName, won, counts, batch) : null,
      driversAsked: counts.inAll,
      pickupDistanceM: won?.pickupDistanceM ?? null,
      batch: batch ? { riders: batch.riders, drivers: batch.drivers, pickupSeconds: batch.pickupSeconds, nearestSeconds: batch.nearestSeconds } : null,
    };
  });
}

type Batch = typeof tripReasons.$inferSelect;

interface Won {
  round: number;
  pickupDistanceM: number;
  terms: string;
  inLine: boolean;
}

/** Offers of the same kind: of the whole search, of the round that was won, and of those how many were bid on. */
interface Counts {
  inAll: number;
  inRound: number;
  bids: number;
}

const RANKED = 'the best by distance, rating and reliability';

/** The same words for the rider and the driver. Others are counted, never named. */
function inWords(strategy: StrategyName, won: Won, asked: Counts, batch: Batch | undefined): string {
  const away = `this one, ${won.pickupDistanceM} m away,`;
  if (won.terms === 'STAND_BY') return 'This driver stood by for the one who had the trip before, and took over when that one could not come.';
  if (won.inLine) return `At an airport drivers wait in line; ${away} had waited longest of all who fit, and accepted. ${inAll(asked)}`;
  switch (strategy) {
    case 'BATCHED':
      return inABatch(batch);
    case 'BROADCAST_BID': {
      const bids = asked.bids === 1 ? 'one named it' : `${asked.bids} named it`;
      return `${drivers(asked.inAll)} asked for a price, and ${bids}; the rider chose ${away} by the bid.`;
    }
    case 'SEQUENTIAL':
      if (won.round <= SINGLE_ROUNDS) return `Drivers were asked one after the other, ${RANKED} first; ${away} was number ${asked.inAll} and accepted.`;
      return `After ${SINGLE_ROUNDS} rounds of one driver each, ${atOnce(won, asked, away)}`;
    case 'SCHEDULED':
      return `A quarter of an hour before the departure, ${atOnce(won, asked, away)}`;
    case 'FIRST_ACCEPT':
      return sentence(atOnce(won, asked, away));
  }
}

const drivers = (count: number) => (count === 1 ? 'One driver was' : `${count} drivers were`);
const inAll = ({ inAll: count }: Counts) => (count === 1 ? 'Nobody else was asked.' : `${drivers(count)} asked in all.`);
const sentence = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);

function atOnce(won: Won, asked: Counts, away: string): string {
  const which = won.round === 1 ? 'in the first round' : `in round ${won.round}`;
  if (asked.inRound === 1) return `${which} one driver was asked, ${RANKED}: ${away} accepted. ${inAll(asked)}`;
  return `${which} ${asked.inRound} drivers were asked at once, ${RANKED}; ${away} accepted first. ${inAll(asked)}`;
}

/** Numbers of a batch are kept for 14 days. */
function inABatch(batch: Batch | undefined): string {
  if (!batch) return 'Riders and free drivers were matched together, for the least waiting in all.';
  const people = `${batch.riders === 1 ? 'One rider' : `${batch.riders} riders`} and ${batch.drivers === 1 ? 'one free driver' : `${batch.drivers} free drivers`}`;
  const together = `${people} were matched together, for the least waiting in all.`;
  if (batch.pickupSeconds <= batch.nearestSeconds) return `${together} This driver was the nearest.`;
  return `${together} A driver ${batch.pickupSeconds - batch.nearestSeconds} s nearer was better placed for somebody else.`;
}
