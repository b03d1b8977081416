import { Arg, ID, Int, Resolver, Root, Subscription } from 'type-graphql';
import { hasRole } from '../../platform/actor.js';
import { Refusal } from '../../platform/errors.js';
import { requireUuid } from '../../platform/ids.js';
import type { DispatchContext } from './context.js';
import type { OfferWithTrip } from './offerQueries.js';
import { watchOffers } from './offerStream.js';
import { toOffer, toUpdate } from './shapes.js';
import { type TripUpdateSource, watchTrip } from './tripStream.js';
import { Offer, TripUpdate } from './types.js';

@Resolver()
export class DispatchSubscriptions {
  @Subscription(() => TripUpdate, {
    description:
      'News of one trip. Without `afterSequence` the first message is the present state; with it, first the states that you missed, ' +
      'each once and in order. Ends with the trip. For its rider, its driver and admins.',
    subscribe: ({ args, context }: { args: { tripId: string; afterSequence?: number | null }; context: DispatchContext }) =>
      watchTrip(signedIn(context), requireUuid('trp', args.tripId, 'trip', 'tripId'), args.afterSequence ?? null),
  })
  tripUpdates(
    @Root() update: TripUpdateSource,
    @Arg('tripId', () => ID, { description: 'Which trip.' }) _tripId: string,
    @Arg('afterSequence', () => Int, { nullable: true, description: 'The last `sequence` that you have.' }) _afterSequence?: number,
  ): TripUpdate {
    return toUpdate(update);
  }

  @Subscription(() => Offer, {
    description: 'Offers to you: those that are open, then each new one. Does not end. For drivers.',
    subscribe: ({ context }: { context: DispatchContext }) => {
      const { actor } = signedIn(context);
      if (actor.kind === 'USER' && hasRole(actor, 'DRIVER')) return watchOffers(context, actor.id);
      throw new Refusal('FORBIDDEN', 'This needs the role DRIVER.', { details: { roles: ['DRIVER'] } });
    },
  })
  driverOffers(@Root() { offer, trip }: OfferWithTrip): Offer {
    return toOffer(offer, trip);
  }
}

/** Shield guards what an event shows, not who may subscribe. @throws Refusal UNAUTHENTICATED */
export function signedIn(context: DispatchContext): DispatchContext {
  if (context.actor.kind === 'ANONYMOUS') throw new Refusal('UNAUTHENTICATED', 'Sign in first: send your access token as `authorization` when you connect.');
  return context;
}
