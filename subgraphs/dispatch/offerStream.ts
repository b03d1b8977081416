import { changeStream } from './changeStream.js';
import type { DispatchContext } from './context.js';
import type { OfferWithTrip } from './offerQueries.js';
import { offersTopic } from './signals.js';

/** Offers to a driver: those that are open already, then new ones, each once. Never ends by itself. */
export async function watchOffers(ctx: DispatchContext, userId: string): Promise<AsyncIterableIterator<OfferWithTrip>> {
  const { openOffers } = ctx.loaders.dispatch;
  // Only offers that are still open are remembered, so this does not grow with the length of a shift.
  let shown = new Set<string>();
  const feed = await ctx.feed.listen(offersTopic(userId));
  return changeStream(feed, {
    look: async () => {
      const open = await openOffers.of(userId);
      const fresh = open.filter(({ offer }) => !shown.has(offer.id));
      shown = new Set(open.map(({ offer }) => offer.id));
      return fresh;
    },
    everyNowAndThen: openOffers.everyNowAndThen,
  });
}
