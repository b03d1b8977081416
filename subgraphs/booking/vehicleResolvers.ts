import { Arg, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import type { Context } from '../../platform/context.js';
import { parseInput } from '../../platform/errors.js';
import { DateTime } from '../../platform/graphqlTypes.js';
import { requireUuid, uuidOf } from '../../platform/ids.js';
import { toQuote } from './bookingShapes.js';
import type { Availability, BookingLoaders } from './loaders.js';
import { vehiclesByIds } from './queries.js';
import { quoteRental } from './quoteCommands.js';
import { assertWindow } from './rentalPeriod.js';
import { QuoteRentalInput, RentalQuote, Vehicle, VehicleAvailability } from './types.js';

/** News of a vehicle takes less than this from fleet to us, unless something is down; in milliseconds. */
const NEWS_TRAVEL_MS = 5_000;
const LOOK_AGAIN_MS = 50;

/**
 * Waits for news of a vehicle that fleet made a moment ago: whoever has just created it may quote it. Its id tells when that was (UUIDv7), so
 * an unknown or an older id costs nothing, and no wait is longer than `NEWS_TRAVEL_MS`.
 */
async function awaitNewVehicle(ctx: Context<BookingLoaders>, vehicleId: string): Promise<void> {
  const madeAt = Number.parseInt(vehicleId.replaceAll('-', '').slice(0, 12), 16);
  for (;;) {
    const ageMs = ctx.db.clock().getTime() - madeAt;
    if (ageMs < -NEWS_TRAVEL_MS || ageMs > NEWS_TRAVEL_MS) return;
    if ((await ctx.run((tx) => vehiclesByIds(tx.orm, [vehicleId]))).length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

const promoCodeSchema = z.object({ promoCode: z.string().trim().max(40).nullish() });

@Resolver(() => Vehicle)
export class VehicleResolver {
  @FieldResolver(() => VehicleAvailability, { nullable: true, description: 'Whether it can be booked for a time of at most 366 days. Open to everybody.' })
  async availability(
    @Root() vehicle: Vehicle,
    @Ctx() ctx: Context<BookingLoaders>,
    @Arg('from', () => DateTime, { description: 'From then on.' }) from: Date,
    @Arg('to', () => DateTime, { description: 'Until then, not included.' }) to: Date,
  ): Promise<Availability | null> {
    assertWindow(from, to);
    const vehicleId = uuidOf('veh', vehicle.id);
    return vehicleId === null ? null : ctx.loaders.availability.load({ vehicleId, from, to });
  }

  @Mutation(() => RentalQuote, {
    description:
      'Prices a rental of a vehicle that is free at that time, and says where it will be then. The price stands for ten minutes; the vehicle is not held before ' +
      '`createBooking`.',
  })
  async quoteRental(
    @Arg('input', () => QuoteRentalInput, { description: 'Which vehicle, when, and with what.' }) input: QuoteRentalInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<RentalQuote> {
    const vehicleId = requireUuid('veh', input.vehicleId, 'vehicle', 'input.vehicleId');
    await awaitNewVehicle(ctx, vehicleId);
    const { pickupAt, returnAt, extras, driverAge } = input;
    const wish = {
      ...{ vehicleId, pickupAt, returnAt, driverAge, extras: extras ?? [] },
      promoCode: parseInput(promoCodeSchema, input).promoCode,
      returnStationId: input.returnStationId ? requireUuid('stn', input.returnStationId, 'station', 'input.returnStationId') : null,
      changesBooking: input.changesBookingId ? requireUuid('bkg', input.changesBookingId, 'booking', 'input.changesBookingId') : null,
    };
    return toQuote(await ctx.run((tx) => quoteRental(tx, wish)));
  }
}
