import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql';
import { isSelfOrPrivileged, userIdOf } from '../../platform/actor.js';
import { Money, moneyType, positiveMoney } from '../../platform/graphqlTypes.js';
import { publicId, requireUuid, uuidOf } from '../../platform/ids.js';
import { requirePerson } from './actors.js';
import { bidOnOffer, chooseBid } from './bidCommands.js';
import { watchBids } from './bidStream.js';
import { bidBounds } from './broadcastBid.js';
import type { DispatchContext } from './context.js';
import { ratingOf } from './driver.js';
import { asSystem } from './elevation.js';
import { queuePositionOf } from './matchingModes.js';
import { type BidFacts, openBidsOf, pinOf, settingsOf } from './matchingQueries.js';
import { Bid, BidBounds, BidOnOfferInput, MatchingSettingsType, MatchingStrategyName, OfferTermsName, SetMatchingStrategyInput } from './matchingTypes.js';
import { MatchingHealthResolver } from './healthResolvers.js';
import { MetricsResolver } from './metricsResolvers.js';
import { PreferenceResolver } from './preferenceResolvers.js';
import { ShareResolver } from './shareResolvers.js';
import { setMatchingStrategy } from './settingsCommands.js';
import { toOffer, toTrip } from './shapes.js';
import { signedIn } from './subscriptions.js';
import { Offer, Trip } from './types.js';

@Resolver(() => Trip)
export class TripMatchingResolver {
  @FieldResolver(() => MatchingStrategyName, { description: 'How its driver is searched for.' })
  strategy(@Root() trip: Trip): keyof typeof MatchingStrategyName {
    return trip.strategy;
  }

  @FieldResolver(() => Money, {
    nullable: true,
    description: 'What the rider agreed to in place of the quote, such as the bid that was chosen; null when nothing.',
  })
  agreedFare(@Root() trip: Trip): Money | null {
    return trip.agreedFareMinor === null ? null : moneyType({ amountMinor: trip.agreedFareMinor, currency: trip.currency });
  }

  @FieldResolver(() => [Bid], { description: 'Bids that can be chosen, the cheapest first. For its rider and admins; empty for others.' })
  async bids(@Root() trip: Trip, @Ctx() ctx: DispatchContext): Promise<Bid[]> {
    const id = uuidOf('trp', trip.id);
    if (id === null || trip.strategy !== 'BROADCAST_BID' || trip.status !== 'SEARCHING' || !isSelfOrPrivileged(ctx.actor, trip.riderId)) return [];
    return (await ctx.run((tx) => asSystem(tx, () => openBidsOf(tx.orm, id, tx.now)))).map(toBid);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'Four digits to tell the driver at the door, where the city asks for them. For the rider alone.',
  })
  async boardingPin(@Root() trip: Trip, @Ctx() ctx: DispatchContext): Promise<string | null> {
    const id = uuidOf('trp', trip.id);
    if (id === null || userIdOf(ctx.actor) !== trip.riderId || !(trip.status === 'ACCEPTED' || trip.status === 'DRIVER_ARRIVED')) return null;
    return ctx.run((tx) => pinOf(tx.orm, id));
  }

  @FieldResolver(() => Int, {
    nullable: true,
    description: 'How many searches are before this one, itself included, while too many search at once; null otherwise.',
  })
  async queuePosition(@Root() trip: Trip, @Ctx() ctx: DispatchContext): Promise<number | null> {
    const id = uuidOf('trp', trip.id);
    return id === null || trip.status !== 'SEARCHING' ? null : ctx.run((tx) => queuePositionOf(tx.orm, id));
  }

  @FieldResolver(() => Int, { nullable: true, description: 'Seconds that the driver waited at the pickup; null until the ride has begun.' })
  waitingSeconds(@Root() trip: Trip): number | null {
    return secondsBetween(trip.arrivedAt, trip.startedAt);
  }

  @FieldResolver(() => Int, { nullable: true, description: 'Seconds that the ride took; null until it is completed.' })
  routeDurationSeconds(@Root() trip: Trip): number | null {
    return secondsBetween(trip.startedAt, trip.completedAt);
  }

  @Mutation(() => Trip, {
    description: 'Takes a bid on your trip: its driver has the trip at that price. Refused with OFFER_EXPIRED, TRIP_TAKEN or TRIP_CANCELLED. For its rider.',
  })
  async chooseBid(@Arg('bidId', () => ID, { description: 'Which bid.' }) bidId: string, @Ctx() ctx: DispatchContext): Promise<Trip> {
    const uuid = requireUuid('bid', bidId, 'bid', 'bidId');
    return toTrip(await ctx.run((tx) => chooseBid(tx, ctx.loaders.dispatch, uuid)));
  }

  @Subscription(() => [Bid], {
    description:
      'The bids on your trip that can be chosen, the cheapest first: now, and again whenever they change. Ends with the search. For its rider and admins.',
    subscribe: ({ args, context }: { args: { tripId: string }; context: DispatchContext }) =>
      watchBids(signedIn(context), requireUuid('trp', args.tripId, 'trip', 'tripId')),
  })
  tripBids(@Root() bids: BidFacts[], @Arg('tripId', () => ID, { description: 'Which trip.' }) _tripId: string): Bid[] {
    return bids.map(toBid);
  }
}

@Resolver(() => Offer)
export class OfferMatchingResolver {
  @FieldResolver(() => OfferTermsName, { description: 'What you can do with it.' })
  terms(@Root() offer: Offer): keyof typeof OfferTermsName {
    return offer.terms;
  }

  @FieldResolver(() => Money, { nullable: true, description: 'The price that you have named; null when none.' })
  bid(@Root() offer: Offer): Money | null {
    return offer.bidMinor === null ? null : moneyType({ amountMinor: offer.bidMinor, currency: offer.currency });
  }

  @FieldResolver(() => BidBounds, {
    nullable: true,
    description: 'Between which amounts your bid has to be; null when the price is fixed, or the offer is over.',
  })
  bidBounds(@Root() offer: Offer): BidBounds | null {
    if (offer.terms !== 'BID' || !offer.trip) return null;
    const { leastMinor, mostMinor } = bidBounds(offer.trip.agreedFareMinor ?? offer.trip.quotedFareMinor);
    const money = (amountMinor: bigint) => moneyType({ amountMinor, currency: offer.currency });
    return Object.assign(new BidBounds(), { least: money(leastMinor), most: money(mostMinor) });
  }

  @Mutation(() => Offer, {
    description:
      'Names the price for which you would drive, once per offer. Refused with BID_OUT_OF_BOUNDS, ALREADY_BID, NO_BIDS_WANTED, OFFER_EXPIRED, TRIP_TAKEN or ' +
      'TRIP_CANCELLED. For drivers.',
  })
  async bidOnOffer(
    @Arg('input', () => BidOnOfferInput, { description: 'Which offer, and how much.' }) input: BidOnOfferInput,
    @Ctx() ctx: DispatchContext,
  ): Promise<Offer> {
    const uuid = requireUuid('ofr', input.offerId, 'offer', 'input.offerId');
    const amount = positiveMoney(input.amount, 'input.amount');
    return toOffer(await ctx.run((tx) => bidOnOffer(tx, ctx.loaders.dispatch, uuid, amount)));
  }
}

@Resolver()
export class MatchingSettingsResolver {
  @Query(() => MatchingSettingsType, { description: 'How the city matches. For admins.' })
  async matchingSettings(@Ctx() ctx: DispatchContext): Promise<MatchingSettingsType> {
    const settings = await ctx.run((tx) => settingsOf(tx.orm, ctx.loaders.dispatch.config.city));
    return Object.assign(new MatchingSettingsType(), settings);
  }

  @Mutation(() => MatchingSettingsType, { description: 'Sets how the city matches from now on. Searches that run go on as they began. For admins.' })
  async setMatchingStrategy(
    @Arg('input', () => SetMatchingStrategyInput, { description: 'What is to be different.' }) input: SetMatchingStrategyInput,
    @Ctx() ctx: DispatchContext,
  ): Promise<MatchingSettingsType> {
    const changes = { ...(input.strategy && { strategy: input.strategy }), ...(input.boardingPin !== undefined && { boardingPin: input.boardingPin }) };
    const settings = await ctx.run((tx) => setMatchingStrategy(tx, ctx.loaders.dispatch, requirePerson(ctx.actor), changes));
    return Object.assign(new MatchingSettingsType(), settings);
  }
}

export const MATCHING_RESOLVERS = [
  MetricsResolver,
  PreferenceResolver,
  MatchingHealthResolver,
  ShareResolver,
  TripMatchingResolver,
  OfferMatchingResolver,
  MatchingSettingsResolver,
] as const;

function toBid({ offer, starsSum, starsCount, completedCount, vehicleType }: BidFacts): Bid {
  return Object.assign(new Bid(), {
    id: publicId('bid', offer.id),
    amount: moneyType({ amountMinor: offer.bidMinor ?? 0n, currency: offer.currency }),
    expiresAt: offer.expiresAt,
    pickupDistanceM: offer.pickupDistanceM,
    rating: ratingOf({ starsSum, starsCount }),
    completedTrips: completedCount,
    vehicleType,
  });
}

function secondsBetween(from: Date | null, to: Date | null): number | null {
  return from && to ? Math.round((to.getTime() - from.getTime()) / 1000) : null;
}
