import { Arg, ID, Resolver, type ResolverData, Root, Subscription } from 'type-graphql';
import { isPrivileged, userIdOf } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import { notFound, Refusal } from '../../platform/errors.js';
import { requireUuid } from '../../platform/ids.js';
import { toBooking } from './bookingShapes.js';
import { isFinal } from './bookingStatus.js';
import { oldestUnfinished } from './deskQueries.js';
import type { BookingLoaders } from './loaders.js';
import { type BookingRow, bookingsByIds, transitionsAfter } from './queries.js';
import { followStation, readStation } from './stationFeed.js';
import { followStates, type NumberedState } from './stateStream.js';
import { bookingTopic, stationTopic } from './transition.js';
import { Booking } from './types.js';

/** States that a booking has been in after one, each as the booking was then; none for a booking that the actor may not see. */
function bookingStatesAfter(ctx: Context<BookingLoaders>, bookingId: string, sequence: number): Promise<NumberedState<Booking>[]> {
  return ctx.run(async (tx) => {
    // The transitions first: a row that is read later is at least as new as they are.
    const transitions = await transitionsAfter(tx.orm, bookingId, sequence);
    const [row] = await bookingsByIds(tx.orm, [bookingId]);
    if (!row) return [];
    return transitions.map(({ sequence: number, toStatus }) => ({ sequence: number, final: isFinal(toStatus), value: toBooking(row, toStatus) }));
  });
}

/** Opens the stream of one booking. @throws Refusal UNAUTHENTICATED, or NOT_FOUND for somebody else's as for none */
async function watchBooking(ctx: Context<BookingLoaders>, id: string): Promise<AsyncIterable<Booking>> {
  if (userIdOf(ctx.actor) === null && ctx.actor.kind !== 'SYSTEM') {
    throw new Refusal('UNAUTHENTICATED', 'Sign in first: send `Authorization: Bearer <access token>`.');
  }
  const bookingId = requireUuid('bkg', id, 'booking', 'bookingId');
  // Listening begins before the first look: what happens in between is then seen twice rather than missed.
  const hints = await ctx.feed.listen(bookingTopic(bookingId));
  try {
    const present = (await bookingStatesAfter(ctx, bookingId, 0)).at(-1);
    if (!present) throw notFound('booking', 'bookingId');
    return followStates({ hints, present, statesAfter: (sequence) => bookingStatesAfter(ctx, bookingId, sequence), log: ctx.log });
  } catch (error) {
    await hints.return?.();
    throw error;
  }
}

/** Opens the feed of a station. @throws Refusal UNAUTHENTICATED, FORBIDDEN, NOT_FOUND for what is no station's id */
async function watchStation(ctx: Context<BookingLoaders>, id: string): Promise<AsyncIterable<BookingRow>> {
  if (ctx.actor.kind === 'ANONYMOUS') throw new Refusal('UNAUTHENTICATED', 'Sign in first: send `Authorization: Bearer <access token>`.');
  if (!isPrivileged(ctx.actor)) throw new Refusal('FORBIDDEN', 'This needs the role ADMIN.', { details: { roles: ['ADMIN'] } });
  const stationId = requireUuid('stn', id, 'station', 'stationId');
  const hints = await ctx.feed.listen(stationTopic(stationId));
  try {
    const unfinished = await ctx.run((tx) => oldestUnfinished(tx.orm));
    return await followStation({ hints, read: readStation(ctx.run, stationId), unfinished, log: ctx.log });
  } catch (error) {
    await hints.return?.();
    throw error;
  }
}

const openStationFeed = ({ context, args }: ResolverData<Context<BookingLoaders>>) => watchStation(context, String(args.stationId));
const openBookingStream = ({ context, args }: ResolverData<Context<BookingLoaders>>) => watchBooking(context, String(args.bookingId));

@Resolver()
export class BookingSubscriptions {
  @Subscription(() => Booking, {
    description:
      'A booking of yours: first as it is now, so that whoever comes late misses nothing, and then at every change of its status, in order. Completes ' +
      'after a final status.',
    // graphql-js waits for it, so that a refusal comes in place of a stream; type-graphql's types do not know.
    subscribe: openBookingStream as never,
  })
  bookingUpdated(@Root() booking: Booking, @Arg('bookingId', () => ID, { description: 'Which booking.' }) _bookingId: string): Booking {
    return booking;
  }

  @Subscription(() => Booking, {
    description:
      'Every booking of a station that is made or changes, from now on, as it is then: those that are picked up there, those that are brought back there, and those ' +
      'that leave it. For admins.',
    subscribe: openStationFeed as never,
  })
  bookingsFeed(@Root() row: object, @Arg('stationId', () => ID, { description: 'Which station.' }) _stationId: string): Booking {
    return toBooking(row as BookingRow);
  }
}
