import { Arg, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import { notFound } from '../../platform/errors.js';
import { DateTime, PointInput } from '../../platform/graphqlTypes.js';
import { requireUuid } from '../../platform/ids.js';
import { requirePerson } from './actors.js';
import { changeDestination } from './changeCommands.js';
import { fareTablesWithRates, priceEventsFrom, ratesAt } from './cityQueries.js';
import type { DispatchContext } from './context.js';
import { createPriceEvent, endPriceEvent, publishFareTable } from './fareCommands.js';
import { TripQuote } from './mapTypes.js';
import { fareRateOf, toFareRate, toFareTable, toPriceEvent } from './priceShapes.js';
import { FareRate, FareTable, FareTableInput, PriceEvent, PriceEventInput } from './priceTypes.js';
import { planChange, quoteDestinationChange } from './quoteCommands.js';
import { toQuote, toTrip } from './shapes.js';
import { tripForParty } from './tripQueries.js';
import { Trip } from './types.js';

@Resolver()
export class PriceResolver {
  @Query(() => [FareRate], { description: 'What each class of ride costs, before multipliers.' })
  async fareRates(
    @Ctx() ctx: DispatchContext,
    @Arg('at', () => DateTime, { nullable: true, description: 'At this time; now when not given.' }) at?: Date,
  ): Promise<FareRate[]> {
    const rates = await ctx.run((tx) => ratesAt(tx.orm, at ?? tx.now));
    return [...rates.values()].map(toFareRate);
  }

  @Query(() => [FareTable], { description: 'Rate tables, the one that begins last first, up to 200. For admins.' })
  async fareTables(@Ctx() ctx: DispatchContext): Promise<FareTable[]> {
    return (await ctx.run((tx) => fareTablesWithRates(tx.orm))).map(toFareTable);
  }

  @Mutation(() => FareTable, {
    description:
      'Writes a rate table for all classes, from a moment in the future on. Refused with VALIDATION_ERROR when it has a gap or an overlap ' +
      '(`details.rule` is rate_gap, rate_overlap, rate_period or rate_begins). Quotes that were made keep their prices. For admins.',
  })
  async publishFareTable(
    @Arg('input', () => FareTableInput, { description: 'The table.' }) input: FareTableInput,
    @Ctx() ctx: DispatchContext,
  ): Promise<FareTable> {
    const rates = input.rates.map(fareRateOf);
    return toFareTable(await ctx.run((tx) => publishFareTable(tx, { note: input.note, rates })));
  }

  @Query(() => [PriceEvent], { description: 'Events that are not over, by their beginning, up to 200. For admins.' })
  async priceEvents(@Ctx() ctx: DispatchContext): Promise<PriceEvent[]> {
    return (await ctx.run((tx) => priceEventsFrom(tx.orm, tx.now))).map(toPriceEvent);
  }

  @Mutation(() => PriceEvent, {
    description: 'Makes rides from an area dearer for a time. Refused when the polygon crosses itself (`details.rule` polygon_crosses_itself). For admins.',
  })
  async createPriceEvent(
    @Arg('input', () => PriceEventInput, { description: 'The event.' }) input: PriceEventInput,
    @Ctx() ctx: DispatchContext,
  ): Promise<PriceEvent> {
    return toPriceEvent(await ctx.run((tx) => createPriceEvent(tx, input)));
  }

  @Mutation(() => PriceEvent, { description: 'Ends an event before its time; repeating it changes nothing. For admins.' })
  async endPriceEvent(@Arg('eventId', () => ID, { description: 'Which event.' }) eventId: string, @Ctx() ctx: DispatchContext): Promise<PriceEvent> {
    const uuid = requireUuid('evp', eventId, 'event', 'eventId');
    return toPriceEvent(await ctx.run((tx) => endPriceEvent(tx, uuid)));
  }

  @Mutation(() => TripQuote, {
    description:
      'What your trip would cost with another destination, at the rates and multipliers that you agreed to. Good for ten minutes and for this trip only. ' +
      'Refused with TRIP_NOT_CHANGEABLE once it is over. For its rider.',
  })
  async quoteDestinationChange(
    @Arg('tripId', () => ID, { description: 'Which trip.' }) tripId: string,
    @Arg('destination', () => PointInput, { description: 'Where it is to end.' }) destination: PointInput,
    @Ctx() ctx: DispatchContext,
  ): Promise<TripQuote> {
    const { dispatch } = ctx.loaders;
    const riderId = requirePerson(ctx.actor);
    const uuid = requireUuid('trp', tripId, 'trip', 'tripId');
    const trip = await ctx.run((tx) => tripForParty(tx, uuid));
    if (trip?.riderId !== riderId) throw notFound('trip', 'tripId');
    const plan = await planChange(dispatch, trip, destination, ctx.db.clock());
    return toQuote({ quote: await ctx.run((tx) => quoteDestinationChange(tx, dispatch, riderId, plan)), pickupEtaSeconds: null });
  }

  @Mutation(() => Trip, {
    description:
      'Agrees to another destination at the quoted price, which is then what the trip costs; repeating it changes nothing. ' +
      'Refused with QUOTE_EXPIRED, and with TRIP_NOT_CHANGEABLE once the trip is over. For its rider.',
  })
  async changeDestination(
    @Arg('tripId', () => ID, { description: 'Which trip.' }) tripId: string,
    @Arg('quoteId', () => ID, { description: 'What `quoteDestinationChange` answered with.' }) quoteId: string,
    @Ctx() ctx: DispatchContext,
  ): Promise<Trip> {
    const riderId = requirePerson(ctx.actor);
    const [trip, quote] = [requireUuid('trp', tripId, 'trip', 'tripId'), requireUuid('tqt', quoteId, 'quote', 'quoteId')];
    return toTrip(await ctx.run((tx) => changeDestination(tx, ctx.loaders.dispatch, riderId, trip, quote)));
  }
}
