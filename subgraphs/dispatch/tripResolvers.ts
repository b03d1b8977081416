import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { isPrivileged, userIdOf } from '../../platform/actor.js';
import { Refusal } from '../../platform/errors.js';
import type { ConnectionSource } from '../../platform/graphqlTypes.js';
import { requireIdempotencyKey } from '../../platform/idempotency.js';
import { requireUuid, uuidOf } from '../../platform/ids.js';
import { encodeCursor, pageRequest, toPage } from '../../platform/page.js';
import { requirePerson } from './actors.js';
import type { DispatchContext } from './context.js';
import { RateTripInput, RequestTripInput } from './inputs.js';
import { acceptOffer, declineOffer } from './offerCommands.js';
import { arriveAtPickup, cancelTrip, completeTrip, rateTrip, startTrip } from './rideCommands.js';
import { toDriver, toOffer, toTrip, userReference } from './shapes.js';
import { requestTrip } from './tripCommands.js';
import { countTripsOfUser, findTripsOfUser } from './tripQueries.js';
import { Driver, Offer, Trip, TripConnection, User } from './types.js';

@Resolver(() => Trip)
export class TripResolver {
  @Query(() => Trip, { nullable: true, description: 'One of your trips; null when there is none with this id.' })
  async trip(@Arg('id', () => ID, { description: 'Its id.' }) id: string, @Ctx() ctx: DispatchContext): Promise<Trip | null> {
    const uuid = uuidOf('trp', id);
    const row = uuid && (await ctx.loaders.trip.load(uuid));
    return row ? toTrip(row) : null;
  }

  @FieldResolver(() => User, { nullable: true, description: 'Who travels; null for a driver who has been offered the trip and has not accepted it.' })
  rider(@Root() trip: Trip, @Ctx() ctx: DispatchContext): User | null {
    const userId = userIdOf(ctx.actor);
    const mayKnow = isPrivileged(ctx.actor) || (userId !== null && (userId === trip.riderId || userId === trip.driverUserId));
    return mayKnow ? userReference(trip.riderId) : null;
  }

  @FieldResolver(() => Driver, { nullable: true, description: 'Who drives; null until somebody has accepted.' })
  async driver(@Root() trip: Trip, @Ctx() ctx: DispatchContext): Promise<Driver | null> {
    const row = trip.driverId ? await ctx.loaders.driver.load(trip.driverId) : null;
    return row ? toDriver(row) : null;
  }

  @Mutation(() => Trip, { description: 'Begins the search for a driver at the quoted price. Watch `tripUpdates`.' })
  async requestTrip(
    @Arg('input', () => RequestTripInput, { description: 'The quote, and how it is paid.' }) input: RequestTripInput,
    @Ctx() ctx: DispatchContext,
  ): Promise<Trip> {
    const riderId = requirePerson(ctx.actor);
    const key = requireIdempotencyKey(input.idempotencyKey, ctx.caller.idempotencyKey);
    const { paymentMethod, paymentToken, pickup, destination } = input;
    const request = { quoteId: requireUuid('tqt', input.quoteId, 'quote', 'input.quoteId'), paymentMethod, paymentToken, pickup, destination };
    const { dispatch } = ctx.loaders;
    const write = () => ctx.run((tx) => requestTrip(tx, dispatch, riderId, request, key));
    return toTrip(await dispatch.precedence.during(() => dispatch.requests.during(write)));
  }

  @Mutation(() => Trip, { description: 'Takes a trip: the first driver gets it. Refused with OFFER_EXPIRED, TRIP_TAKEN or TRIP_CANCELLED. For drivers.' })
  async acceptOffer(@Arg('offerId', () => ID, { description: 'Which offer.' }) offerId: string, @Ctx() ctx: DispatchContext): Promise<Trip> {
    const uuid = requireUuid('ofr', offerId, 'offer', 'offerId');
    return toTrip(await ctx.run((tx) => acceptOffer(tx, ctx.loaders.dispatch, uuid)));
  }

  @Mutation(() => Offer, { description: 'Leaves a trip to others. For drivers.' })
  async declineOffer(
    @Arg('offerId', () => ID, { description: 'Which offer.' }) offerId: string,
    @Ctx() ctx: DispatchContext,
    @Arg('reason', () => String, { nullable: true, description: 'Why.' }) reason?: string,
  ): Promise<Offer> {
    const uuid = requireUuid('ofr', offerId, 'offer', 'offerId');
    return toOffer(await ctx.run((tx) => declineOffer(tx, ctx.loaders.dispatch, uuid, reason)));
  }

  @Mutation(() => Trip, { description: 'You wait at the pickup. For the driver of the trip.' })
  async arriveAtPickup(@Arg('tripId', () => ID, { description: 'Which trip.' }) tripId: string, @Ctx() ctx: DispatchContext): Promise<Trip> {
    const uuid = requireUuid('trp', tripId, 'trip', 'tripId');
    return toTrip(await ctx.run((tx) => arriveAtPickup(tx, ctx.loaders.dispatch, uuid)));
  }

  @Mutation(() => Trip, { description: 'The rider is in your car. For the driver of the trip.' })
  async startTrip(
    @Arg('tripId', () => ID, { description: 'Which trip.' }) tripId: string,
    @Ctx() ctx: DispatchContext,
    @Arg('boardingPin', () => String, { nullable: true, description: 'The four digits that the rider tells you, where the city asks for them.' })
    boardingPin?: string,
  ): Promise<Trip> {
    const uuid = requireUuid('trp', tripId, 'trip', 'tripId');
    const started = await ctx.run((tx) => startTrip(tx, ctx.loaders.dispatch, uuid, boardingPin));
    if (started instanceof Refusal) throw started;
    return toTrip(started);
  }

  @Mutation(() => Trip, { description: 'You are there: the trip is paid, and you rest for a minute. For the driver of the trip.' })
  async completeTrip(@Arg('tripId', () => ID, { description: 'Which trip.' }) tripId: string, @Ctx() ctx: DispatchContext): Promise<Trip> {
    const uuid = requireUuid('trp', tripId, 'trip', 'tripId');
    const { dispatch } = ctx.loaders;
    // So that the route has the last seconds too, as far as this process has them.
    await dispatch.buffer.flush();
    return toTrip(await ctx.run((tx) => completeTrip(tx, dispatch, uuid)));
  }

  @Mutation(() => Trip, {
    description:
      'Ends a trip before its end. A rider pays a fee from two minutes after a driver accepted. ' +
      'For its rider and driver until the ride has begun, and for admins.',
  })
  async cancelTrip(
    @Arg('tripId', () => ID, { description: 'Which trip.' }) tripId: string,
    @Ctx() ctx: DispatchContext,
    @Arg('reason', () => String, { nullable: true, description: 'Why, in up to 500 characters.' }) reason?: string,
  ): Promise<Trip> {
    const uuid = requireUuid('trp', tripId, 'trip', 'tripId');
    return toTrip(await ctx.run((tx) => cancelTrip(tx, ctx.loaders.dispatch, uuid, reason)));
  }

  @Mutation(() => Trip, { description: 'How the trip was: once, when it is completed. For its rider.' })
  async rateTrip(@Arg('input', () => RateTripInput, { description: 'The stars.' }) input: RateTripInput, @Ctx() ctx: DispatchContext): Promise<Trip> {
    const uuid = requireUuid('trp', input.tripId, 'trip', 'input.tripId');
    return toTrip(await ctx.run((tx) => rateTrip(tx, uuid, { stars: input.stars, comment: input.comment })));
  }
}

@Resolver(() => Offer)
export class OfferResolver {
  @FieldResolver(() => Trip, { nullable: true, description: 'The trip; null when it is no longer the business of this driver.' })
  async trip(@Root() offer: Offer, @Ctx() ctx: DispatchContext): Promise<Trip | null> {
    if (offer.trip !== undefined) return offer.trip;
    const row = await ctx.loaders.trip.load(offer.tripId);
    return row ? toTrip(row) : null;
  }
}

@Resolver(() => User)
export class UserTripsResolver {
  @FieldResolver(() => TripConnection, { nullable: true, description: 'Trips that this person took or drove, the newest first. For that person and admins.' })
  async trips(
    @Root() user: User,
    @Ctx() ctx: DispatchContext,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<Trip>> {
    const userId = uuidOf('usr', user.id);
    if (userId === null) throw new Refusal('NOT_FOUND', 'There is no such user.');
    const page = pageRequest('trips', first, after, 2);
    const found = await ctx.run((tx) => findTripsOfUser(tx.orm, userId, page));
    const result = toPage(found, page, ({ trip, sortValue }) => encodeCursor('trips', [sortValue, trip.id]));
    return {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toTrip(node.trip) })),
      nodes: result.nodes.map(({ trip }) => toTrip(trip)),
      totalCount: () => ctx.run((tx) => countTripsOfUser(tx.orm, userId)),
    };
  }
}
