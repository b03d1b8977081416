import { and, eq } from 'drizzle-orm';
import { userIdOf } from '../../platform/actor.js';
import { notFound, Refusal } from '../../platform/errors.js';
import type { Money } from '../../platform/money.js';
import type { Tx } from '../../platform/postgres.js';
import { assertBid } from './broadcastBid.js';
import type { Dispatch } from './context.js';
import { asSystem } from './elevation.js';
import { earningsOf } from './fare.js';
import { strategyOf } from './matchingCommands.js';
import { assertOpen, assignDriver, lockOffer } from './offerCommands.js';
import { type OfferRow, offerById } from './offerQueries.js';
import { tellTrip } from './signals.js';
import { offers } from './tables.js';
import { fareOf, type TripRow } from './trip.js';
import { lockTrip } from './tripQueries.js';
import type { VehicleType } from './vehicleType.js';

/**
 * The driver names the price for which he would drive (DP-22, BROADCAST_BID), once. From then on the offer stays open until the rider's time to choose is
 * over. The same bid again answers with the offer.
 * @throws Refusal NOT_FOUND, OFFER_EXPIRED, TRIP_CANCELLED, TRIP_TAKEN, NO_BIDS_WANTED, ALREADY_BID, BID_OUT_OF_BOUNDS, VALIDATION_ERROR (currency)
 */
export async function bidOnOffer(tx: Tx, dispatch: Dispatch, offerId: string, amount: Money): Promise<OfferRow> {
  const { offer, trip } = await lockOffer(tx, offerId);
  if (offer.bidMinor === amount.amountMinor && offer.currency === amount.currency && offer.status === 'PENDING') return offer;
  assertOpen(offer, trip, tx.now, 'input.offerId');
  const details = (rule: string) => ({ details: { field: 'input.offerId', rule } });
  if (offer.terms !== 'BID') throw new Refusal('NO_BIDS_WANTED', 'The price of this trip is fixed. Accept the offer or decline it.', details('bid_wanted'));
  if (offer.bidMinor !== null) throw new Refusal('ALREADY_BID', 'You have named your price. Decline the offer to take it back.', details('one_bid'));
  if (amount.currency !== offer.currency) {
    throw new Refusal('VALIDATION_ERROR', `input.amount: must be in ${offer.currency}.`, { details: { field: 'input.amount', rule: 'currency' } });
  }
  assertBid(amount.amountMinor, fareOf(trip));
  const [bid] = await tx.orm
    .update(offers)
    .set({
      bidMinor: amount.amountMinor,
      earningsMinor: earningsOf(amount.amountMinor, trip.vehicleType as VehicleType),
      expiresAt: new Date(offer.expiresAt.getTime() + (strategyOf(dispatch, trip).choosingMs ?? 0)),
    })
    .where(and(eq(offers.id, offer.id), eq(offers.status, 'PENDING')))
    .returning();
  if (!bid) throw new Error('the offer changed under the lock of its trip');
  tellTrip(tx, dispatch, trip.id);
  return bid;
}

/**
 * The rider takes a bid: its driver has the trip, and the bid is its fare. Less than was held is captured in part at the end; more it never is.
 * Repeating it answers with the trip. @throws Refusal NOT_FOUND, OFFER_EXPIRED, TRIP_CANCELLED, TRIP_TAKEN
 */
export async function chooseBid(tx: Tx, dispatch: Dispatch, bidId: string): Promise<TripRow> {
  // Bids are the drivers' rows: that this one is on a trip of the actor's own is looked at here, before anything else.
  const { offer, trip } = await asSystem(tx, async () => {
    const seen = await offerById(tx.orm, bidId);
    const locked = seen && (await lockTrip(tx.orm, seen.tripId));
    const found = locked && (await offerById(tx.orm, bidId));
    if (!locked || !found || found.bidMinor === null || locked.riderId !== userIdOf(tx.actor)) throw notFound('bid', 'bidId');
    return { offer: found, trip: locked };
  });
  if (offer.status === 'ACCEPTED' && trip.driverId === offer.driverId) return trip;
  assertOpen(offer, trip, tx.now, 'bidId');
  return assignDriver(tx, dispatch, trip, offer, 'RIDER', { agreedFareMinor: offer.bidMinor ?? fareOf(trip) });
}
