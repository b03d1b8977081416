import { and, eq, inArray } from 'drizzle-orm';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { makeBoardingPin } from './boardingPinCommands.js';
import type { Dispatch } from './context.js';
import { moveDrivers } from './driverMoves.js';
import { asSystem } from './elevation.js';
import { tripAccepted } from './events.js';
import { type OfferRow, offerById, pendingOffersOfDriver, pendingOffersOfTrip, pendingOffersOfTrips, standbyOffersOfDriver } from './offerQueries.js';
import { tellOffers } from './signals.js';
import type { StrategyName } from './strategy.js';
import { offers, trips } from './tables.js';
import { isBeforeStart, type Party, reasonSchema, type TripRow } from './trip.js';
import { lockTrip } from './tripQueries.js';
import { stepTrip } from './tripSteps.js';

/**
 * Timer of a trip's next round of offers, which also is the end of the present ones; its key is the trip's id. It is not taken back when the search
 * ends: it then finds nothing to do, while a sweeper that has just taken it would wait for the trip, and the trip's transaction for the sweeper.
 */
export const ROUND_TIMER = 'matching.round';

/** Timer of the search for a driver who stands by for the one who has the trip; its key is the trip's id. */
export const BACKUP_TIMER = 'matching.backup';

/**
 * The driver takes the trip: the first one who does gets it (DP-23). Who is asked to stand by for another driver, does. Repeating it answers the winner
 * with his trip. @throws Refusal NOT_FOUND, OFFER_EXPIRED, TRIP_CANCELLED, TRIP_TAKEN, BID_REQUIRED, ACTIVE_TRIP
 */
export async function acceptOffer(tx: Tx, dispatch: Dispatch, offerId: string): Promise<TripRow> {
  const { offer, trip } = await lockOffer(tx, offerId);
  if (offer.status === 'ACCEPTED' && trip.driverId === offer.driverId) return trip;
  if (offer.terms === 'STAND_BY') return standBy(tx, dispatch, offer, trip);
  assertOpen(offer, trip, tx.now);
  if (offer.terms === 'BID')
    throw new Refusal('BID_REQUIRED', 'The rider chooses among prices. Name yours with `bidOnOffer`.', {
      details: { field: 'offerId', rule: 'bid_wanted' },
    });
  return assignDriver(tx, dispatch, trip, offer, 'DRIVER');
}

/** Gives a trip that is being searched for to the driver of an offer, who must be OFFERED. Under the lock of the trip. */
export async function assignDriver(
  tx: Tx,
  dispatch: Dispatch,
  trip: TripRow,
  offer: OfferRow,
  by: Party,
  agreed: { agreedFareMinor?: bigint } = {},
): Promise<TripRow> {
  const { driverId, driverUserId } = offer;
  // First, because of two trips at once for one driver the second waits here for the first, and finds him busy.
  const [driver] = await moveDrivers(tx, dispatch, [driverId], 'BUSY', { tripId: trip.id, count: { acceptedCount: offer.status === 'STANDBY' ? 0 : 1 } });
  // An open offer means that its driver is OFFERED; were he not, nobody would ever set him free again.
  if (!driver) throw notFree(by);
  const accepted = await stepTrip(tx, dispatch, trip, 'ACCEPTED', by, { ...agreed, driverId, driverUserId, acceptedAt: tx.now, searchRound: 0 });
  await asSystem(tx, async () => {
    await answerOffer(tx, offer, 'ACCEPTED');
    await makeBoardingPin(tx, dispatch, accepted);
  });
  await withdrawOffers(tx, dispatch, trip.id);
  if (dispatch.strategies[trip.strategy as StrategyName].backup) await setTimer(tx, { kind: BACKUP_TIMER, key: trip.id, dueAt: tx.now });
  await appendEvent(tx, tripAccepted, trip.id, { tripId: trip.id, riderId: trip.riderId, driverId, driverUserId });
  return accepted;
}

function notFree(by: Party): Refusal {
  if (by !== 'DRIVER') return new Refusal('CONFLICT', "The driver's state has changed meanwhile. Try again.", { retryAfter: 1 });
  const details = { field: 'offerId', rule: 'one_live_trip' };
  return new Refusal('ACTIVE_TRIP', 'You are not free for this trip any more. Look at `myDriver.state`, and wait for the next offer.', { details });
}

/**
 * The driver leaves the trip to others; when nobody is left to answer, the next round begins at once. Repeating it answers with the offer.
 * @throws Refusal NOT_FOUND, OFFER_EXPIRED, TRIP_CANCELLED, TRIP_TAKEN
 */
export async function declineOffer(tx: Tx, dispatch: Dispatch, offerId: string, reason: string | null | undefined): Promise<OfferRow> {
  const declineReason = parseInput(reasonSchema, reason, 'reason');
  const { offer, trip } = await lockOffer(tx, offerId);
  if (offer.status === 'DECLINED') return offer;
  if (offer.status === 'STANDBY' && isBeforeStart(trip.status)) return stepBack(tx, offer, declineReason);
  if (offer.terms === 'STAND_BY') assertMayStandBy(offer, trip, tx.now);
  else assertOpen(offer, trip, tx.now);
  const declined = await answerOffer(tx, offer, 'DECLINED', declineReason);
  await moveDrivers(tx, dispatch, [offer.driverId], 'AVAILABLE', { from: ['OFFERED'] });
  const open = await asSystem(tx, () => pendingOffersOfTrip(tx.orm, trip.id));
  const kind = offer.terms === 'STAND_BY' ? BACKUP_TIMER : ROUND_TIMER;
  if (open.length === 0) await setTimer(tx, { kind, key: trip.id, dueAt: tx.now });
  return declined;
}

/** Who stands by does so no longer, and somebody else is looked for. */
async function stepBack(tx: Tx, offer: OfferRow, declineReason?: string | null): Promise<OfferRow> {
  const declined = await answerOffer(tx, offer, 'DECLINED', declineReason);
  await asSystem(tx, () => tx.orm.update(trips).set({ searchRound: 0 }).where(eq(trips.id, offer.tripId)));
  await setTimer(tx, { kind: BACKUP_TIMER, key: offer.tripId, dueAt: tx.now });
  return declined;
}

/** For a driver who goes: what he has not answered, he declines, and he stands by for nobody. */
export async function declineOpenOffers(tx: Tx, dispatch: Dispatch, driverId: string, reason: string): Promise<void> {
  for (const offer of await pendingOffersOfDriver(tx.orm, driverId)) {
    if (offer.expiresAt > tx.now) await declineOffer(tx, dispatch, offer.id, reason);
    else await expireOffer(tx, dispatch, offer.id);
  }
  await stepBackFromAll(tx, driverId, reason);
}

async function stepBackFromAll(tx: Tx, driverId: string, reason: string): Promise<void> {
  for (const { id } of await standbyOffersOfDriver(tx.orm, driverId)) {
    const { offer } = await lockOffer(tx, id);
    if (offer.status === 'STANDBY') await stepBack(tx, offer, reason);
  }
}

/** For a driver who is taken off the road: his open offers go to others. The actor is an admin, who sees the offers. */
export async function withdrawOffersOf(tx: Tx, dispatch: Dispatch, driverId: string): Promise<void> {
  for (const { id } of await pendingOffersOfDriver(tx.orm, driverId)) {
    const { offer, trip } = await lockOffer(tx, id);
    if (offer.status !== 'PENDING') continue;
    await answerOffer(tx, offer, 'WITHDRAWN');
    await moveDrivers(tx, dispatch, [driverId], 'AVAILABLE', { from: ['OFFERED'], count: { offeredCount: -1 } });
    tellOffers(tx, dispatch, offer.driverUserId);
    const open = await asSystem(tx, () => pendingOffersOfTrip(tx.orm, trip.id));
    if (open.length === 0 && trip.status === 'SEARCHING') await setTimer(tx, { kind: ROUND_TIMER, key: trip.id, dueAt: tx.now });
  }
  await stepBackFromAll(tx, driverId, 'taken off the road');
}

/** An offer whose time is over, before the timer of its round has seen it. */
async function expireOffer(tx: Tx, dispatch: Dispatch, offerId: string): Promise<void> {
  const { offer } = await lockOffer(tx, offerId);
  if (offer.status !== 'PENDING') return;
  await asSystem(tx, () => close(tx, dispatch, [offer], 'EXPIRED'));
}

/** Ends all open offers of a trip, because it has its driver or is over, and sets their drivers free; nobody stands by any longer. */
export async function withdrawOffers(tx: Tx, dispatch: Dispatch, tripId: string): Promise<void> {
  await asSystem(tx, async () => {
    await close(tx, dispatch, await pendingOffersOfTrip(tx.orm, tripId), 'WITHDRAWN');
    await tx.orm
      .update(offers)
      .set({ status: 'WITHDRAWN', answeredAt: tx.now })
      .where(and(eq(offers.tripId, tripId), eq(offers.status, 'STANDBY')));
  });
}

/** The driver keeps himself ready for the case that the trip loses its driver, and goes on getting offers. @throws Refusal as `acceptOffer` */
async function standBy(tx: Tx, dispatch: Dispatch, offer: OfferRow, trip: TripRow): Promise<TripRow> {
  if (offer.status === 'STANDBY') return trip;
  assertMayStandBy(offer, trip, tx.now);
  return asSystem(tx, async () => {
    // One is enough: whoever else was asked is free again.
    await withdrawOthers(tx, dispatch, offer);
    await answerOffer(tx, offer, 'STANDBY');
    await moveDrivers(tx, dispatch, [offer.driverId], 'AVAILABLE', { from: ['OFFERED'], count: { acceptedCount: 1 } });
    return trip;
  });
}

async function withdrawOthers(tx: Tx, dispatch: Dispatch, offer: OfferRow): Promise<void> {
  const open = await pendingOffersOfTrip(tx.orm, offer.tripId);
  await close(
    tx,
    dispatch,
    open.filter((other) => other.id !== offer.id),
    'WITHDRAWN',
  );
}

/** Ends those open offers of locked trips whose time is over, and sets their drivers free; answers those that are still open. Runs as SYSTEM. */
export async function closeExpiredOffers(tx: Tx, dispatch: Dispatch, tripIds: readonly string[]): Promise<OfferRow[]> {
  if (tripIds.length === 0) return [];
  const open = await pendingOffersOfTrips(tx.orm, tripIds);
  await close(
    tx,
    dispatch,
    open.filter((offer) => offer.expiresAt <= tx.now),
    'EXPIRED',
  );
  return open.filter((offer) => offer.expiresAt > tx.now);
}

async function close(tx: Tx, dispatch: Dispatch, open: readonly OfferRow[], status: 'EXPIRED' | 'WITHDRAWN'): Promise<void> {
  if (open.length === 0) return;
  await tx.orm
    .update(offers)
    .set({ status, answeredAt: tx.now })
    .where(
      inArray(
        offers.id,
        open.map((offer) => offer.id),
      ),
    );
  // Who had no time to answer, because another was quicker or the rider went another way, has not refused; nor has who bid and was not chosen.
  const [unasked, silent] = [
    open.filter((offer) => status === 'WITHDRAWN' || offer.bidMinor !== null),
    open.filter((offer) => status === 'EXPIRED' && offer.bidMinor === null),
  ];
  const free = (set: readonly OfferRow[], count = {}) =>
    moveDrivers(
      tx,
      dispatch,
      set.map((offer) => offer.driverId),
      'AVAILABLE',
      { from: ['OFFERED'], count },
    );
  await free(unasked, { offeredCount: -1 });
  await free(silent);
}

/** The driver's own offer and its trip; the trip is locked first, and the offer read again under that lock. @throws Refusal NOT_FOUND */
export async function lockOffer(tx: Tx, offerId: string): Promise<{ offer: OfferRow; trip: TripRow }> {
  const own = await offerById(tx.orm, offerId);
  if (!own) throw notFound('offer', 'offerId');
  return asSystem(tx, async () => {
    const trip = await lockTrip(tx.orm, own.tripId);
    const offer = await offerById(tx.orm, offerId);
    if (!trip || !offer) throw notFound('offer', 'offerId');
    return { offer, trip };
  });
}

/** Why an offer is over goes before that it is over: a driver wants to know whether he was slow or somebody else quick (DP-23b). */
export function assertOpen(offer: OfferRow, trip: TripRow, now: Date, field = 'offerId'): void {
  if (trip.status === 'CANCELLED') throw tripCancelled(field);
  if (trip.driverId !== null) throw tripTaken('Another driver was faster.', field);
  if (offer.status !== 'PENDING' || offer.expiresAt <= now || trip.status !== 'SEARCHING') throw offerExpired(offer, field);
}

function tripCancelled(field: string): Refusal {
  return new Refusal('TRIP_CANCELLED', 'The trip was cancelled. Watch `driverOffers` for the next one.', { details: { field, rule: 'trip_not_cancelled' } });
}

function tripTaken(why: string, field: string): Refusal {
  return new Refusal('TRIP_TAKEN', `${why} Watch \`driverOffers\` for the next one.`, { details: { field, rule: 'first_accept' } });
}

function offerExpired({ status }: OfferRow, field: string): Refusal {
  return new Refusal('OFFER_EXPIRED', 'This offer is no longer open. Watch `driverOffers` for the next one.', {
    details: { field, rule: 'offer_open', status: status === 'PENDING' ? 'EXPIRED' : status },
  });
}

/** @throws Refusal TRIP_CANCELLED, TRIP_TAKEN when somebody else stands by, OFFER_EXPIRED */
function assertMayStandBy(offer: OfferRow, trip: TripRow, now: Date): void {
  if (trip.status === 'CANCELLED') throw tripCancelled('offerId');
  if (offer.status === 'WITHDRAWN') throw tripTaken('Another driver stands by.', 'offerId');
  if (offer.status !== 'PENDING' || offer.expiresAt <= now || !isBeforeStart(trip.status)) throw offerExpired(offer, 'offerId');
}

async function answerOffer(
  tx: Tx,
  offer: OfferRow,
  status: 'ACCEPTED' | 'DECLINED' | 'EXPIRED' | 'STANDBY' | 'WITHDRAWN',
  declineReason?: string | null,
): Promise<OfferRow> {
  const [row] = await tx.orm
    .update(offers)
    .set({ status, declineReason, answeredAt: tx.now })
    .where(and(eq(offers.id, offer.id), eq(offers.status, offer.status)))
    .returning();
  if (!row) throw new Error('the offer changed under the lock of its trip');
  return row;
}
