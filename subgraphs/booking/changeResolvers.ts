import { Arg, Ctx, Field, FieldResolver, ID, InputType, Mutation, Resolver, Root } from 'type-graphql';
import type { Context } from '../../platform/context.js';
import { requireIdempotencyKey } from '../../platform/idempotency.js';
import { requireUuid, uuidOf } from '../../platform/ids.js';
import { toBooking, vehicleReference } from './bookingShapes.js';
import { changeBooking, replaceVehicle, swapVehicles } from './changeCommands.js';
import { carsAlike } from './deskQueries.js';
import { type BookingLoaders, visibleBooking } from './loaders.js';
import { Booking, Vehicle } from './types.js';

@InputType({ description: 'A booking to be changed to what was quoted.' })
export class ChangeBookingInput {
  @Field(() => ID, { description: 'Which booking; it must be CONFIRMED and yours.' })
  bookingId!: string;

  @Field(() => ID, { description: 'A quote with `changesBookingId`: it sets the new vehicle, time and price.' })
  quoteId!: string;

  @Field(() => ID, {
    nullable: true,
    description: 'Any text that is new for each intent; the `Idempotency-Key` header does as well, and one of them is required.',
  })
  idempotencyKey?: string | null;
}

@InputType({ description: 'A booking to be moved to a car like its own.' })
export class ReplaceVehicleInput {
  @Field(() => ID, { description: 'Which booking.' })
  bookingId!: string;

  @Field(() => ID, { description: 'The car: one of `Booking.replacements`.' })
  vehicleId!: string;
}

@InputType({ description: 'Two bookings that exchange their cars.' })
export class SwapVehiclesInput {
  @Field(() => ID, { description: 'The one.' })
  bookingId!: string;

  @Field(() => ID, { description: 'The other.' })
  otherBookingId!: string;
}

@Resolver(() => Booking)
export class ChangeResolver {
  @Mutation(() => Booking, {
    description:
      'Changes dates or car of a CONFIRMED booking to what was quoted for it, all or nothing: a refusal, such as VEHICLE_UNAVAILABLE or ' +
      'PICKUP_STATION_CHANGED, leaves it as it was. The difference in price is charged or given back.',
  })
  async changeBooking(
    @Arg('input', () => ChangeBookingInput, { description: 'Which booking, and the quote.' }) input: ChangeBookingInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<Booking> {
    const change = {
      bookingId: requireUuid('bkg', input.bookingId, 'booking', 'input.bookingId'),
      quoteId: requireUuid('qte', input.quoteId, 'quote', 'input.quoteId'),
      idempotencyKey: requireIdempotencyKey(input.idempotencyKey, ctx.caller.idempotencyKey),
    };
    return toBooking(await ctx.run((tx) => changeBooking(tx, ctx.feed, change)));
  }

  @Mutation(() => Booking, {
    description:
      'Moves a booking whose car may not be there to a car like it, at the price that it has, all or nothing; `station` is then where that car will be. For its ' +
      'customer while it is at risk, and for admins at any time.',
  })
  async replaceVehicle(
    @Arg('input', () => ReplaceVehicleInput, { description: 'Which booking, and to which car.' }) input: ReplaceVehicleInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<Booking> {
    const bookingId = requireUuid('bkg', input.bookingId, 'booking', 'input.bookingId');
    const vehicleId = requireUuid('veh', input.vehicleId, 'vehicle', 'input.vehicleId');
    return toBooking(await ctx.run((tx) => replaceVehicle(tx, ctx.feed, { bookingId, vehicleId })));
  }

  @Mutation(() => [Booking], { description: 'Two CONFIRMED bookings exchange their cars, all or nothing, at unchanged prices. For admins.' })
  async swapVehicles(
    @Arg('input', () => SwapVehiclesInput, { description: 'The two bookings.' }) input: SwapVehiclesInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<Booking[]> {
    const bookingId = requireUuid('bkg', input.bookingId, 'booking', 'input.bookingId');
    const otherBookingId = requireUuid('bkg', input.otherBookingId, 'booking', 'input.otherBookingId');
    return (await ctx.run((tx) => swapVehicles(tx, ctx.feed, { bookingId, otherBookingId }))).map((row) => toBooking(row));
  }

  @FieldResolver(() => [Vehicle], {
    description:
      'Up to five cars of the same category that are free for the whole booking, those that will be at the same station first; empty when it is not at risk.',
  })
  async replacements(@Root() booking: Booking, @Ctx() ctx: Context<BookingLoaders>): Promise<Vehicle[]> {
    if (booking.atRiskSince === null) return [];
    const row = await visibleBooking(ctx, uuidOf('bkg', booking.id));
    return row ? (await ctx.run((tx) => carsAlike(tx.orm, row))).map(vehicleReference) : [];
  }
}
