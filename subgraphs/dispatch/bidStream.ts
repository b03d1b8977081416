import { isSelfOrPrivileged } from '../../platform/actor.js';
import { notFound } from '../../platform/errors.js';
import { changeStream } from './changeStream.js';
import type { DispatchContext } from './context.js';
import { asSystem } from './elevation.js';
import { type BidFacts, openBidsOf } from './matchingQueries.js';
import { decodePosition, tripTopic } from './signals.js';
import { tripForParty } from './tripQueries.js';

/** The bids on a trip, whenever they are others than before; ends with the search. @throws Refusal NOT_FOUND for all but its rider and admins */
export async function watchBids(ctx: DispatchContext, tripId: string): Promise<AsyncIterableIterator<BidFacts[]>> {
  const read = () =>
    ctx.run(async (tx) => {
      const trip = await tripForParty(tx, tripId);
      if (!trip || !isSelfOrPrivileged(tx.actor, trip.riderId)) return null;
      return { isOpen: trip.status === 'SEARCHING' || trip.status === 'REQUESTED', bids: await asSystem(tx, () => openBidsOf(tx.orm, tripId, tx.now)) };
    });
  if (!(await read())) throw notFound('trip', 'tripId');
  let shown: string | null = null;
  return changeStream(await ctx.feed.listen(tripTopic(tripId)), {
    look: async () => {
      const found = await read();
      if (!found?.isOpen) return 'END';
      const present = found.bids.map(({ offer }) => `${offer.id} ${offer.bidMinor}`).join();
      if (present === shown) return [];
      shown = present;
      return [found.bids];
    },
    hear: (message) => decodePosition(message) === null,
  });
}
