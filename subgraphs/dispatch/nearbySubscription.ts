import { Arg, Float, Resolver, Root, Subscription } from 'type-graphql';
import { parseInput } from '../../platform/errors.js';
import { PointInput } from '../../platform/graphqlTypes.js';
import type { DispatchContext } from './context.js';
import { nearbySchema, toNearby } from './mapResolvers.js';
import { NearbyDriver } from './mapTypes.js';
import type { Place } from './point.js';
import type { NearbyDriver as Nearby } from './ringSearch.js';
import { signedIn } from './subscriptions.js';

@Resolver()
export class NearbySubscription {
  @Subscription(() => [NearbyDriver], {
    description:
      'Free drivers around a place for a live map: all of them now (at most 100, the nearest first), and again whenever something has changed, ' +
      'at most once a second. Without names. Does not end. For everybody who is signed in.',
    subscribe: ({ args, context }: { args: { near: Place; radiusKm?: number | null }; context: DispatchContext }) => {
      const { nearbyMap } = signedIn(context).loaders.dispatch;
      const { near, radiusKm } = parseInput(nearbySchema, { near: args.near, radiusKm: args.radiusKm }, '');
      return nearbyMap.watch(near, radiusKm);
    },
  })
  nearbyDriversUpdated(
    @Root() frame: Nearby[],
    @Arg('near', () => PointInput, { description: 'The place.' }) _near: PointInput,
    @Arg('radiusKm', () => Float, { nullable: true, description: 'How far around it: 5 km when not given, at most 50.' }) _radiusKm?: number,
  ): NearbyDriver[] {
    return frame.map(toNearby);
  }
}
