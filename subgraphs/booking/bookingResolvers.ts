import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import { hasRole } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import { parseInput, Refusal } from '../../platform/errors.js';
import type { ConnectionSource } from '../../platform/graphqlTypes.js';
import { requireIdempotencyKey } from '../../platform/idempotency.js';
import { requireUuid, uuidOf } from '../../platform/ids.js';
import { encodeCursor, pageRequest, toPage } from '../../platform/page.js';
import { cancelBooking, createBooking } from './bookingCommands.js';
import { type BookingOrder, orderedBy } from './bookingOrder.js';
import { toBooking } from './bookingShapes.js';
import { type BookingLoaders, visibleBooking } from './loaders.js';
import { bookingsOfCustomer, countBookingsOfCustomer } from './queries.js';
import { Booking, BookingConnection, BookingSort, BookingStatus, CancelBookingInput, CreateBookingInput, User } from './types.js';

const newBookingSchema = z.object({
  paymentToken: z.string().min(1).max(255).nullish(),
  guest: z
    .object({
      name: z.string().trim().min(1).max(120),
      email: z.email().max(254).nullish(),
      phone: z
        .string()
        .regex(/^\+[1-9]\d{6,14}$/, 'must be an international number such as +201001234567')
        .nullish(),
    })
    .nullish(),
});
const reasonSchema = z.object({ reason: z.string().trim().max(500).nullish() });

@Resolver(() => Booking)
export class BookingResolver {
  @Query(() => Booking, { nullable: true, description: 'One booking of yours, or any for admins; null when there is none.' })
  async booking(@Arg('id', () => ID, { description: 'Its id.' }) id: string, @Ctx() ctx: Context<BookingLoaders>): Promise<Booking | null> {
    const row = await visibleBooking(ctx, uuidOf('bkg', id));
    return row ? toBooking(row) : null;
  }

  @Mutation(() => Booking, {
    description:
      'Books what was quoted. The answer is HELD: the vehicle is yours for 15 minutes while the payment is authorised; then it becomes CONFIRMED, or ' +
      'CANCELLED with `failure` (see `bookingUpdated`). Whoever loses a race for the vehicle gets VEHICLE_UNAVAILABLE with `details.nextFreeFrom`, and is ' +
      'not charged; nor is who gets PICKUP_STATION_CHANGED, because the car will be elsewhere than was quoted, or ONE_WAY_NOT_POSSIBLE, because it is awaited where ' +
      'it was: for both, ask for a new quote.',
  })
  async createBooking(
    @Arg('input', () => CreateBookingInput, { description: 'The quote and how to pay.' }) input: CreateBookingInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<Booking> {
    const { paymentToken, guest } = parseInput(newBookingSchema, input);
    if (guest && !hasRole(ctx.actor, 'PARTNER')) {
      throw new Refusal('FORBIDDEN', 'Only partners book for guests. Leave `guest` out to book for yourself.', { details: { field: 'input.guest' } });
    }
    const booking = {
      quoteId: requireUuid('qte', input.quoteId, 'quote', 'input.quoteId'),
      paymentMethod: input.paymentMethod,
      paymentToken: paymentToken ?? null,
      guest: guest ? { name: guest.name, email: guest.email ?? null, phone: guest.phone ?? null } : null,
      idempotencyKey: requireIdempotencyKey(input.idempotencyKey, ctx.caller.idempotencyKey),
    };
    return toBooking(await ctx.run((tx) => createBooking(tx, ctx.feed, booking)));
  }

  @Mutation(() => Booking, {
    description:
      "Cancels a booking that is HELD or CONFIRMED. Free until 24 hours before pick-up; later a CONFIRMED one costs its customer one day's rate, at most " +
      'the total, unless its car may not be there, or was not. Repeating it answers with the cancelled booking. For its customer and for admins.',
  })
  async cancelBooking(
    @Arg('input', () => CancelBookingInput, { description: 'Which one, and why.' }) input: CancelBookingInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<Booking> {
    const { reason } = parseInput(reasonSchema, input);
    const bookingId = requireUuid('bkg', input.bookingId, 'booking', 'input.bookingId');
    return toBooking(await ctx.run((tx) => cancelBooking(tx, ctx.feed, { bookingId, reason: reason || null })));
  }
}

@Resolver(() => User)
export class UserBookingsResolver {
  @FieldResolver(() => BookingConnection, { nullable: true, description: 'Their bookings. Visible to themselves and to admins.' })
  async bookings(
    @Root() user: User,
    @Ctx() ctx: Context<BookingLoaders>,
    @Arg('status', () => BookingStatus, { nullable: true, description: 'Only those with this status.' }) status?: keyof typeof BookingStatus,
    @Arg('sort', () => BookingSort, { nullable: true, description: 'In which order; NEWEST when not given.' }) sort?: BookingOrder,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<Booking> | null> {
    const customerId = uuidOf('usr', user.id);
    if (customerId === null) return null;
    const order = sort ?? 'NEWEST';
    const list = `BOOKINGS_${order}`;
    const page = pageRequest(list, first, after, ['moment', 'uuid']);
    const rows = await ctx.run((tx) => bookingsOfCustomer(tx.orm, customerId, status ?? null, order, page));
    const result = toPage(rows, page, (row) => encodeCursor(list, [row[orderedBy(order)].toISOString(), row.id]));
    return {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toBooking(node) })),
      nodes: result.nodes.map((row) => toBooking(row)),
      totalCount: () => ctx.run((tx) => countBookingsOfCustomer(tx.orm, customerId, status ?? null)),
    };
  }
}
