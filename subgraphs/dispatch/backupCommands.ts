import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import type { Dispatch } from './context.js';
import { moveDrivers } from './driverMoves.js';
import { asSystem } from './elevation.js';
import { assignDriver, ROUND_TIMER, withdrawOffers } from './offerCommands.js';
import { claimDrivers, freshPlaceInPostgres, mayStepIn, type OfferRow, standbyOfferOf } from './offerQueries.js';
import { distanceM } from './point.js';
import { FRESH_MS } from './ringSearch.js';
import { MAX_BACKUP_KM } from './scheduled.js';
import { pickupOf, type TripRow } from './trip.js';
import { stepTrip } from './tripSteps.js';

/**
 * The driver of a trip for later has cancelled before it began: whoever stands by and is still free has the trip at once, else the search goes on with
 * those who have not been asked (DP-22). Either way the rider sees each step, and the driver who left sees nothing more.
 */
export async function replaceDriver(tx: Tx, dispatch: Dispatch, trip: TripRow): Promise<TripRow> {
  const nobody = { driverId: null, driverUserId: null, acceptedAt: null, arrivedAt: null, searchRound: 0 };
  const searching = await stepTrip(tx, dispatch, trip, 'SEARCHING', 'DRIVER', nobody);
  if (trip.driverId) await moveDrivers(tx, dispatch, [trip.driverId], 'AVAILABLE', { from: ['BUSY'], count: { cancelledCount: 1 } });
  const standby = await asSystem(tx, () => standbyOfferOf(tx.orm, trip.id));
  const claimed = standby && (await canStepIn(tx, dispatch, trip, standby)) ? await asSystem(tx, () => claimDrivers(tx.orm, [standby.driverId], 1)) : [];
  if (standby && claimed.length > 0) {
    await moveDrivers(tx, dispatch, claimed, 'OFFERED');
    return assignDriver(tx, dispatch, searching, standby, 'SYSTEM');
  }
  await withdrawOffers(tx, dispatch, trip.id);
  await setTimer(tx, { kind: ROUND_TIMER, key: trip.id, dueAt: tx.now });
  return searching;
}

/**
 * Who said an hour ago that he would stand by may have gone home since, or lost his standing: he has to be as near and as present as whoever is asked
 * (DP-20). Redis says where he is; while it does not answer, Postgres does, some seconds late.
 */
async function canStepIn(tx: Tx, dispatch: Dispatch, trip: TripRow, { driverId }: OfferRow): Promise<boolean> {
  const seen = await dispatch.positions.lastSeen(driverId);
  return asSystem(tx, async () => {
    const isSeen = seen !== null && seen.at.getTime() >= tx.now.getTime() - FRESH_MS;
    const place = isSeen ? seen.place : await freshPlaceInPostgres(tx.orm, driverId, tx.now);
    if (!place || distanceM(place, pickupOf(trip)) > MAX_BACKUP_KM * 1000) return false;
    return mayStepIn(tx.orm, trip, driverId);
  });
}
