import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import type { Context } from '../../platform/context.js';
import { parseInput, Refusal } from '../../platform/errors.js';
import { CalendarDate, type ConnectionSource } from '../../platform/graphqlTypes.js';
import { publicId, requireUuid, uuidOf } from '../../platform/ids.js';
import { encodeCursor, pageRequest, toPage } from '../../platform/page.js';
import { type BlockRow, blockVehicle, savePromotion, unblockVehicle } from './blockCommands.js';
import { toBooking, vehicleReference } from './bookingShapes.js';
import { blocksOf, countBookings, findBookings, stationCalendar } from './deskQueries.js';
import { BlockVehicleInput, BookingFilter, Promotion, SavePromotionInput, StationDay, VehicleBlock, VehicleDay } from './deskTypes.js';
import type { BookingLoaders } from './loaders.js';
import { type Booking, BookingConnection, Vehicle } from './types.js';

const BY_PICKUP = 'BOOKINGS_BY_PICKUP';
const MAX_CALENDAR_DAYS = 92;
const DAY_MS = 86_400_000;

const reasonSchema = z.object({ reason: z.string().trim().min(1).max(200) });
const promotionSchema = z.object({
  code: z
    .string()
    .trim()
    .toUpperCase()
    .regex(/^[A-Z0-9-]{3,40}$/, 'must be 3 to 40 letters, digits and dashes'),
  percent: z.int().min(1).max(90),
});

const toBlock = (row: BlockRow): VehicleBlock =>
  Object.assign(new VehicleBlock(), {
    id: publicId('blk', row.id),
    vehicle: vehicleReference(row.vehicleId),
    from: row.fromAt,
    to: row.toAt,
    reason: row.reason,
    liftedAt: row.liftedAt,
  });

/** @throws Refusal VALIDATION_ERROR for days that are in the wrong order, or too many */
function assertDays(from: string, to: string): void {
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
  if (days >= 1 && days <= MAX_CALENDAR_DAYS) return;
  throw new Refusal('VALIDATION_ERROR', `to: must be \`from\` or up to ${MAX_CALENDAR_DAYS - 1} days after it.`, { details: { field: 'to', rule: 'days' } });
}

@Resolver()
export class DeskResolver {
  @Query(() => BookingConnection, {
    description: 'Bookings of all customers, by pick-up; a car that is overdue is in the lists of all days up to today until it is back. For admins.',
  })
  async bookings(
    @Ctx() ctx: Context<BookingLoaders>,
    @Arg('filter', () => BookingFilter, { nullable: true, description: 'Which ones.' }) filter?: BookingFilter,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<Booking>> {
    const search = {
      vehicleId: filter?.vehicleId ? requireUuid('veh', filter.vehicleId, 'vehicle', 'filter.vehicleId') : null,
      stationId: filter?.stationId ? requireUuid('stn', filter.stationId, 'station', 'filter.stationId') : null,
      status: filter?.status ?? null,
      day: filter?.day ?? null,
    };
    const page = pageRequest(BY_PICKUP, first, after, ['moment', 'uuid']);
    const rows = await ctx.run((tx) => findBookings(tx.orm, search, page, tx.now));
    const result = toPage(rows, page, (row) => encodeCursor(BY_PICKUP, [row.pickupAt.toISOString(), row.id]));
    return {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toBooking(node) })),
      nodes: result.nodes.map((row) => toBooking(row)),
      totalCount: () => ctx.run((tx) => countBookings(tx.orm, search, tx.now)),
    };
  }

  @Query(() => [StationDay], { description: 'What a station has to do each day: a series for a chart, of at most 92 days. For admins.' })
  async stationCalendar(
    @Ctx() ctx: Context<BookingLoaders>,
    @Arg('stationId', () => ID, { description: 'Which station.' }) stationId: string,
    @Arg('from', () => CalendarDate, { description: 'First day.' }) from: string,
    @Arg('to', () => CalendarDate, { description: 'Last day.' }) to: string,
  ): Promise<StationDay[]> {
    assertDays(from, to);
    const uuid = requireUuid('stn', stationId, 'station', 'stationId');
    const days = await ctx.run((tx) => stationCalendar(tx.orm, uuid, from, to));
    return days.map(({ day, ...rest }) => Object.assign(new StationDay(), { date: day, ...rest }));
  }

  @Query(() => [VehicleBlock], { description: 'Times for which a vehicle is blocked now or later, in order, at most 100. For admins.' })
  async vehicleBlocks(
    @Arg('vehicleId', () => ID, { description: 'Which vehicle.' }) vehicleId: string,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<VehicleBlock[]> {
    const uuid = requireUuid('veh', vehicleId, 'vehicle', 'vehicleId');
    return (await ctx.run((tx) => blocksOf(tx.orm, uuid, tx.now))).map(toBlock);
  }

  @Mutation(() => VehicleBlock, {
    description: 'Keeps a vehicle from customers for a time. What is booked stays booked: VEHICLE_UNAVAILABLE then, with `details.nextFreeFrom`. For admins.',
  })
  async blockVehicle(
    @Arg('input', () => BlockVehicleInput, { description: 'Which vehicle, when, and why.' }) input: BlockVehicleInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<VehicleBlock> {
    const { reason } = parseInput(reasonSchema, input);
    const vehicleId = requireUuid('veh', input.vehicleId, 'vehicle', 'input.vehicleId');
    return toBlock(await ctx.run((tx) => blockVehicle(tx, { vehicleId, from: input.from, to: input.to, reason })));
  }

  @Mutation(() => VehicleBlock, { description: 'Lifts a block: the vehicle can be booked again. Repeating it answers with the block. For admins.' })
  async unblockVehicle(@Arg('id', () => ID, { description: 'Which block.' }) id: string, @Ctx() ctx: Context<BookingLoaders>): Promise<VehicleBlock> {
    const uuid = requireUuid('blk', id, 'block');
    return toBlock(await ctx.run((tx) => unblockVehicle(tx, uuid)));
  }

  @Mutation(() => Promotion, { description: 'Makes a promotion code, or changes one; quotes that were given stay as they are. For admins.' })
  async savePromotion(
    @Arg('input', () => SavePromotionInput, { description: 'The code and its terms.' }) input: SavePromotionInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<Promotion> {
    const terms = parseInput(promotionSchema, input);
    const row = await ctx.run((tx) => savePromotion(tx, { ...terms, validFrom: input.validFrom, validTo: input.validTo }));
    return Object.assign(new Promotion(), row);
  }
}

@Resolver(() => Vehicle)
export class VehicleDeskResolver {
  @FieldResolver(() => [VehicleDay], {
    nullable: true,
    description: 'How much of each day it is, or was, taken: a series for a chart, of at most 92 days. Open to everybody; it says nothing of by whom.',
  })
  async calendar(
    @Root() vehicle: Vehicle,
    @Ctx() ctx: Context<BookingLoaders>,
    @Arg('from', () => CalendarDate, { description: 'First day.' }) from: string,
    @Arg('to', () => CalendarDate, { description: 'Last day.' }) to: string,
  ): Promise<VehicleDay[] | null> {
    assertDays(from, to);
    const vehicleId = uuidOf('veh', vehicle.id);
    if (vehicleId === null) return null;
    const days = await ctx.loaders.calendar.load({ vehicleId, from, to });
    return days.map(({ day, ...rest }) => Object.assign(new VehicleDay(), { date: day, ...rest }));
  }
}
