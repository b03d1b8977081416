import { and, eq, inArray } from 'drizzle-orm';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import type { Dispatch } from './context.js';
import { moveDrivers } from './driverMoves.js';
import { asSystem } from './elevation.js';
import { tripAccepted } from './events.js';
import { type OfferRow, offerById, pendingOffersOfDriver, pendingOffersOfTrip } from './offerQueries.js';
import { offers } from './tables.js';
import { reasonSchema, type TripRow } from './trip.js';
import { lockTrip } from './tripQueries.js';
import { stepTrip } from './tripSteps.js';

/**
 * Timer of a trip's next round of offers, which also is the end of the present ones; its key is the trip's id. It is not taken back when the search
 * ends: it then finds nothing to do, while a sweeper that has just taken it would wait for the trip, and the trip's transaction for the sweeper.
 */
export const ROUND_TIMER = 'matching.round';

/**
 * The driver takes the trip: the first one who does gets it (DP-23). Repeating it answers the winner with his trip.
 * @throws Refusal NOT_FOUND, OFFER_EXPIRED, TRIP_CANCELLED, TRIP_TAKEN
 */
export async function acceptOffer(tx: Tx, dispatch: Dispatch, offerId: string): Promise<TripRow> {
  const { offer, trip } = await lockOffer(tx, offerId);
  if (offer.status === 'ACCEPTED' && trip.driverId === offer.driverId) return trip;
  assertOpen(offer, trip, tx.now);
  const accepted = await stepTrip(tx, dispatch, trip, 'ACCEPTED', 'DRIVER', { driverId: offer.driverId, driverUserId: offer.driverUserId, acceptedAt: tx.now });
  const [driver] = await moveDrivers(tx, dispatch, [offer.driverId], 'BUSY', { tripId: trip.id, count: { acceptedCount: 1 } });
  // An open offer means that its driver is OFFERED; were he not, nobody would ever set him free again.
  if (!driver) throw new Refusal('CONFLICT', 'Your state has changed meanwhile. Try again.', { retryAfter: 1 });
  await answerOffer(tx, offer, 'ACCEPTED');
  await closeOffers(tx, dispatch, trip.id, 'WITHDRAWN');
  await appendEvent(tx, tripAccepted, trip.id, { tripId: trip.id, riderId: trip.riderId, driverId: offer.driverId, driverUserId: offer.driverUserId });
  return accepted;
}

/**
 * The driver leaves the trip to others; when nobody is left to answer, the next round begins at once. Repeating it answers with the offer.
 * @throws Refusal NOT_FOUND, OFFER_EXPIRED, TRIP_CANCELLED, TRIP_TAKEN
 */
export async function declineOffer(tx: Tx, dispatch: Dispatch, offerId: string, reason: string | null | undefined): Promise<OfferRow> {
  const declineReason = parseInput(reasonSchema, reason, 'reason');
  const { offer, trip } = await lockOffer(tx, offerId);
  if (offer.status === 'DECLINED') return offer;
  assertOpen(offer, trip, tx.now);
  const declined = await answerOffer(tx, offer, 'DECLINED', declineReason);
  await moveDrivers(tx, dispatch, [offer.driverId], 'AVAILABLE', { from: ['OFFERED'] });
  const open = await asSystem(tx, () => pendingOffersOfTrip(tx.orm, trip.id));
  if (open.length === 0) await setTimer(tx, { kind: ROUND_TIMER, key: trip.id, dueAt: tx.now });
  return declined;
}

/** For a driver who goes: what he has not answered, he declines. */
export async function declineOpenOffers(tx: Tx, dispatch: Dispatch, driverId: string, reason: string): Promise<void> {
  for (const offer of await pendingOffersOfDriver(tx.orm, driverId)) {
    if (offer.expiresAt > tx.now) await declineOffer(tx, dispatch, offer.id, reason);
    else await expireOffer(tx, dispatch, offer.id);
  }
}

/** An offer whose time is over, before the timer of its round has seen it. */
async function expireOffer(tx: Tx, dispatch: Dispatch, offerId: string): Promise<void> {
  const { offer } = await lockOffer(tx, offerId);
  if (offer.status !== 'PENDING') return;
  await answerOffer(tx, offer, 'EXPIRED');
  await moveDrivers(tx, dispatch, [offer.driverId], 'AVAILABLE', { from: ['OFFERED'] });
}

/** Ends all open offers of a trip and sets their drivers free. */
export async function closeOffers(tx: Tx, dispatch: Dispatch, tripId: string, status: 'EXPIRED' | 'WITHDRAWN'): Promise<void> {
  await asSystem(tx, async () => {
    const open = await pendingOffersOfTrip(tx.orm, tripId);
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
    await moveDrivers(
      tx,
      dispatch,
      open.map((offer) => offer.driverId),
      'AVAILABLE',
      { from: ['OFFERED'] },
    );
  });
}

/** The driver's own offer and its trip; the trip is locked first, and the offer read again under that lock. @throws Refusal NOT_FOUND */
async function lockOffer(tx: Tx, offerId: string): Promise<{ offer: OfferRow; trip: TripRow }> {
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
function assertOpen(offer: OfferRow, trip: TripRow, now: Date): void {
  if (trip.status === 'CANCELLED') throw new Refusal('TRIP_CANCELLED', 'The trip was cancelled.');
  if (trip.driverId !== null) throw new Refusal('TRIP_TAKEN', 'Another driver was faster.');
  if (offer.status === 'PENDING' && offer.expiresAt > now && trip.status === 'SEARCHING') return;
  throw new Refusal('OFFER_EXPIRED', 'This offer is no longer open.', { details: { status: offer.status === 'PENDING' ? 'EXPIRED' : offer.status } });
}

async function answerOffer(tx: Tx, offer: OfferRow, status: 'ACCEPTED' | 'DECLINED' | 'EXPIRED', declineReason?: string | null): Promise<OfferRow> {
  const [row] = await tx.orm
    .update(offers)
    .set({ status, declineReason, answeredAt: tx.now })
    .where(and(eq(offers.id, offer.id), eq(offers.status, 'PENDING')))
    .returning();
  if (!row) throw new Error('the offer changed under the lock of its trip');
  return row;
}
