import { eq } from 'drizzle-orm';
import { newUuid } from '../../platform/ids.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import type { Dispatch } from './context.js';
import { moveDrivers } from './driverMoves.js';
import { tripNoDrivers } from './events.js';
import { earningsOf } from './fare.js';
import { CANDIDATES_PER_ROUND, OFFERS_PER_ROUND, ranked, ROUND_RADII_KM } from './matching.js';
import { closeOffers, ROUND_TIMER } from './offerCommands.js';
import { candidatesFor, claimDrivers, freeDriversInBox } from './offerQueries.js';
import { distanceM, type Place } from './point.js';
import { tellOffers } from './signals.js';
import { offers, trips } from './tables.js';
import { pickupOf, type TripRow } from './trip.js';
import { lockTrip } from './tripQueries.js';
import { stepTrip } from './tripSteps.js';
import { SERVED_BY, type VehicleType } from './vehicleType.js';

/** How old a position in Postgres may be: 60 s as in Redis (DP-20), and the 5 s that it may wait to be written. */
const KEPT_FRESH_MS = 65_000;

/**
 * One round of the search for a driver (DP-22, FIRST_ACCEPT), run by the trip's timer as SYSTEM: open offers of the round before are over, the next
 * drivers are asked, and the timer is set for the end of this round. After the last round nobody comes, and the rider is told so.
 */
export async function runRound(tx: Tx, dispatch: Dispatch, tripId: string): Promise<void> {
  const trip = await lockTrip(tx.orm, tripId);
  if (trip?.status !== 'SEARCHING') return;
  await closeOffers(tx, dispatch, trip.id, 'EXPIRED');
  const round = trip.searchRound + 1;
  const radiusKm = ROUND_RADII_KM[round - 1];
  if (radiusKm === undefined) return giveUp(tx, dispatch, trip);
  await tx.orm.update(trips).set({ searchRound: round }).where(eq(trips.id, trip.id));
  const asked = await askDrivers(tx, dispatch, trip, round, radiusKm);
  if (asked === 0 && round === ROUND_RADII_KM.length) return giveUp(tx, dispatch, trip);
  const { offerMs, emptyRoundMs } = dispatch.config;
  await setTimer(tx, { kind: ROUND_TIMER, key: trip.id, dueAt: new Date(tx.now.getTime() + (asked > 0 ? offerMs : emptyRoundMs)) });
}

/** Offers the trip to the best drivers around; answers how many there were. */
async function askDrivers(tx: Tx, dispatch: Dispatch, trip: TripRow, round: number, radiusKm: number): Promise<number> {
  const vehicleType = trip.vehicleType as VehicleType;
  const distances = await distancesAround(tx, dispatch, pickupOf(trip), radiusKm, SERVED_BY[vehicleType]);
  const facts = await candidatesFor(tx.orm, trip, [...distances.keys()]);
  const candidates = facts.map((candidate) => ({ ...candidate, distanceM: distances.get(candidate.driverId) ?? 0 }));
  const best = ranked(candidates, { vehicleType, radiusKm });
  const claimed = new Set(
    await claimDrivers(
      tx.orm,
      best.map((candidate) => candidate.driverId),
      OFFERS_PER_ROUND,
    ),
  );
  const chosen = best.filter((candidate) => claimed.has(candidate.driverId));
  if (chosen.length === 0) return 0;
  await moveDrivers(tx, dispatch, [...claimed], 'OFFERED', { count: { offeredCount: 1 } });
  await tx.orm.insert(offers).values(
    chosen.map((candidate) => ({
      id: newUuid(tx.now),
      tripId: trip.id,
      driverId: candidate.driverId,
      driverUserId: candidate.userId,
      status: 'PENDING',
      round,
      pickupDistanceM: candidate.distanceM,
      earningsMinor: earningsOf(trip.quotedFareMinor, vehicleType),
      currency: trip.currency,
      createdAt: tx.now,
      expiresAt: new Date(tx.now.getTime() + dispatch.config.offerMs),
    })),
  );
  for (const candidate of chosen) tellOffers(tx, dispatch, candidate.userId);
  return chosen.length;
}

/** Metres to the free drivers around. While Redis does not answer, from the positions in Postgres, which are some seconds older (DP-25). */
async function distancesAround(tx: Tx, dispatch: Dispatch, pickup: Place, radiusKm: number, types: readonly VehicleType[]): Promise<Map<string, number>> {
  try {
    const nearby = await dispatch.positions.nearby(pickup, radiusKm, types, CANDIDATES_PER_ROUND);
    return new Map(nearby.map((driver) => [driver.driverId, driver.distanceM]));
  } catch (error) {
    tx.log.warn({ err: error }, 'matching from positions in Postgres');
    const known = await freeDriversInBox(tx.orm, pickup, radiusKm, types, new Date(tx.now.getTime() - KEPT_FRESH_MS));
    const near = known.map((driver) => ({ ...driver, awayM: Math.round(distanceM(pickup, driver)) })).filter(({ awayM }) => awayM <= radiusKm * 1000);
    return new Map(
      near
        .sort((a, b) => a.awayM - b.awayM)
        .slice(0, CANDIDATES_PER_ROUND)
        .map((driver) => [driver.id, driver.awayM]),
    );
  }
}

async function giveUp(tx: Tx, dispatch: Dispatch, trip: TripRow): Promise<void> {
  await stepTrip(tx, dispatch, trip, 'NO_DRIVERS', 'SYSTEM');
  await appendEvent(tx, tripNoDrivers, trip.id, { tripId: trip.id, riderId: trip.riderId });
}
