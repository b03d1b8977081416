import { eq } from 'drizzle-orm';
import { notFound, Refusal } from '../../platform/errors.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import type { Dispatch } from './context.js';
import { asSystem } from './elevation.js';
import { tripRouteChanged } from './events.js';
import { strategyOf } from './matchingCommands.js';
import { BACKUP_TIMER, ROUND_TIMER, withdrawOffers } from './offerCommands.js';
import { assertChangeable } from './quoteCommands.js';
import { tellTrip } from './signals.js';
import { tripQuotes, trips } from './tables.js';
import type { TripRow } from './trip.js';
import { lockQuote, lockTrip } from './tripQueries.js';

/** Who was asked, bid or stands by, was so for the way and the price of before: those offers are over, and all are asked again. */
async function offerAnew(tx: Tx, dispatch: Dispatch, trip: TripRow): Promise<void> {
  await withdrawOffers(tx, dispatch, trip.id);
  if (trip.status === 'SEARCHING') await setTimer(tx, { kind: ROUND_TIMER, key: trip.id, dueAt: tx.now });
  if (trip.status === 'ACCEPTED' && strategyOf(dispatch, trip).backup) await setTimer(tx, { kind: BACKUP_TIMER, key: trip.id, dueAt: tx.now });
}

/**
 * The rider agrees to another destination at the price that was quoted for it (DP-16); from then on it is what the trip costs. Repeating it answers with
 * the trip. The trip is locked before its quote, so that a completion at the same moment comes before or after, and never in between.
 * @throws Refusal NOT_FOUND, QUOTE_EXPIRED, TRIP_NOT_CHANGEABLE
 */
export async function changeDestination(tx: Tx, dispatch: Dispatch, riderId: string, tripId: string, quoteId: string): Promise<TripRow> {
  const trip = await lockTrip(tx.orm, tripId);
  if (trip?.riderId !== riderId) throw notFound('trip', 'tripId');
  const quote = await lockQuote(tx.orm, quoteId);
  if (quote?.ownerId !== riderId || quote.tripId !== tripId) throw notFound('quote', 'quoteId');
  if (quote.acceptedAt !== null) return trip;
  assertChangeable(trip);
  if (quote.expiresAt <= tx.now) {
    const details = { field: 'quoteId', rule: 'quote_lifetime', expiredAt: quote.expiresAt };
    throw new Refusal('QUOTE_EXPIRED', 'This quote is too old. Ask for a new one.', { details });
  }
  const { destinationLat, destinationLng, fareMinor } = quote;
  const [changed] = await asSystem(tx, () =>
    tx.orm
      .update(trips)
      .set({ destinationLat, destinationLng, agreedFareMinor: fareMinor, revision: trip.revision + 1, searchRound: 0 })
      .where(eq(trips.id, tripId))
      .returning(),
  );
  if (!changed) throw new Error('the locked trip vanished');
  await offerAnew(tx, dispatch, changed);
  await tx.orm.update(tripQuotes).set({ acceptedAt: tx.now }).where(eq(tripQuotes.id, quoteId));
  const { driverUserId, currency } = trip;
  await appendEvent(tx, tripRouteChanged, tripId, { tripId, riderId, driverUserId, fareMinor: fareMinor.toString(), currency });
  tellTrip(tx, dispatch, tripId);
  return changed;
}
