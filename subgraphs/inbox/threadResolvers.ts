import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import type { Context } from '../../platform/context.js';
import { parseInput } from '../../platform/errors.js';
import type { ConnectionSource } from '../../platform/graphqlTypes.js';
import { once, requireIdempotencyKey } from '../../platform/idempotency.js';
import { publicId, requireUuid, uuidOf } from '../../platform/ids.js';
import { encodeCursor, pageRequest, toPage } from '../../platform/page.js';
import type { MessageRow } from './deliveryQueries.js';
import type { InboxLoaders } from './loaders.js';
import { sanitiseHtml } from './safeHtml.js';
import type { ThreadRow } from './thread.js';
import { closeThread, markThreadRead, repliedMessage, replyToThread } from './threadCommands.js';
import { countThreads, findThreads, MAX_MESSAGES } from './threadQueries.js';
import { Booking, DeliveryStatus, Message, ReplyInput, Thread, ThreadConnection, ThreadFilter, Trip, User } from './types.js';

type Ctxt = Context<InboxLoaders>;

const refTo = <T extends object>(type: new () => T, prefix: string, uuid: string | null): T | null =>
  uuid === null ? null : Object.assign(new type(), { id: publicId(prefix, uuid) });

export function toThread(row: ThreadRow): Thread {
  const id = publicId('thr', row.id);
  return Object.assign(new Thread(), {
    id,
    ref: id,
    uuid: row.id,
    subject: row.subject,
    status: row.status,
    unread: row.unread,
    participant: { address: row.participantAddress, name: row.participantName },
    lastMessageAt: row.lastMessageAt,
    user: refTo(User, 'usr', row.userId),
    booking: refTo(Booking, 'bkg', row.bookingId),
    trip: refTo(Trip, 'trp', row.tripId),
  });
}

export function toMessage(row: MessageRow): Message {
  const { direction, automatic, subject, text, sentAt, html, deliveryId, authorId } = row;
  return Object.assign(new Message(), { id: publicId('msg', row.id), direction, automatic, subject, text, sentAt, source: { html, deliveryId, authorId } });
}

export const ORDER = 'LAST_MESSAGE';
const filterSchema = z.object({ text: z.string().max(200, 'must not be longer than 200 characters').nullish() });
const lastSchema = z.object({ last: z.int().min(1).max(MAX_MESSAGES, `must be 1 to ${MAX_MESSAGES}`) });

@Resolver(() => Thread)
export class ThreadResolver {
  @Query(() => Thread, { nullable: true, description: 'One thread; null when there is none. For admins and support.' })
  async thread(@Arg('id', () => ID, { description: 'Its id.' }) id: string, @Ctx() ctx: Ctxt): Promise<Thread | null> {
    const uuid = uuidOf('thr', id);
    const row = uuid && (await ctx.loaders.thread.load(uuid));
    return row ? toThread(row) : null;
  }

  @Query(() => ThreadConnection, { description: 'Threads, the most recently active first. For admins and support.' })
  async threads(
    @Ctx() ctx: Ctxt,
    @Arg('filter', () => ThreadFilter, { nullable: true, description: 'What they have to be like.' }) filter?: ThreadFilter,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<Thread>> {
    const { text } = parseInput(filterSchema, filter ?? {}, 'filter');
    const search = { status: filter?.status, unread: filter?.unread, text };
    const page = pageRequest(ORDER, first, after, 2);
    const found = await ctx.run((tx) => findThreads(tx.orm, search, page));
    const result = toPage(found, page, (row) => encodeCursor(ORDER, [row.lastMessageAt.toISOString(), row.id]));
    return {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toThread(node) })),
      nodes: result.nodes.map(toThread),
      totalCount: () => ctx.run((tx) => countThreads(tx.orm, search)),
    };
  }

  @FieldResolver(() => [Message], { description: 'Its mails, the oldest first.' })
  async messages(
    @Root() thread: Thread,
    @Ctx() ctx: Ctxt,
    @Arg('last', () => Int, { defaultValue: MAX_MESSAGES, description: 'So many of the newest, at most 100.' }) last: number,
  ): Promise<Message[]> {
    parseInput(lastSchema, { last }, '');
    return (await ctx.loaders.messagesOfThread.load(thread.uuid)).slice(-last).map(toMessage);
  }

  @Mutation(() => Message, {
    description: 'Answers the participant by mail. The answer is sent at once by a job; `deliveryStatus` says what becomes of it. For admins and support.',
  })
  async replyToThread(@Arg('input', () => ReplyInput, { description: 'The answer.' }) input: ReplyInput, @Ctx() ctx: Ctxt): Promise<Message> {
    const reply = { threadId: requireUuid('thr', input.threadId, 'thread', 'input.threadId'), text: input.text };
    const given = input.idempotencyKey ?? ctx.caller.idempotencyKey;
    if (given === null) return toMessage(await ctx.run((tx) => replyToThread(tx, ctx.loaders.desk, reply)));
    const key = requireIdempotencyKey(given, null);
    return ctx.run(async (tx) => {
      const { entityId } = await once(tx, { mutation: 'replyToThread', key, input: reply }, async () => (await replyToThread(tx, ctx.loaders.desk, reply)).id);
      return toMessage(await repliedMessage(tx, entityId));
    });
  }

  @Mutation(() => Thread, { description: 'Closes a thread; the next mail of a person opens it again. For admins and support.' })
  async closeThread(@Arg('id', () => ID, { description: 'Which thread.' }) id: string, @Ctx() ctx: Ctxt): Promise<Thread> {
    const uuid = requireUuid('thr', id, 'thread');
    return toThread(await ctx.run((tx) => closeThread(tx, ctx.loaders.desk, uuid)));
  }

  @Mutation(() => Thread, { description: 'Marks a thread as read. For admins and support.' })
  async markThreadRead(@Arg('id', () => ID, { description: 'Which thread.' }) id: string, @Ctx() ctx: Ctxt): Promise<Thread> {
    const uuid = requireUuid('thr', id, 'thread');
    return toThread(await ctx.run((tx) => markThreadRead(tx, ctx.loaders.desk, uuid)));
  }
}

@Resolver(() => Message)
export class MessageResolver {
  @FieldResolver(() => String, { nullable: true, description: 'The mail as HTML without anything that runs, fetches or styles; null when there is only text.' })
  html(@Root() message: Message): string | null {
    return message.source.html === null ? null : sanitiseHtml(message.source.html);
  }

  @FieldResolver(() => DeliveryStatus, { nullable: true, description: 'How far an outbound mail is; null for inbound ones.' })
  async deliveryStatus(@Root() message: Message, @Ctx() ctx: Ctxt): Promise<string | null> {
    return message.source.deliveryId ? ctx.loaders.deliveryStatus.load(message.source.deliveryId) : null;
  }

  @FieldResolver(() => User, { nullable: true, description: 'Which of our people wrote it.' })
  author(@Root() message: Message): User | null {
    return refTo(User, 'usr', message.source.authorId);
  }
}

@Resolver(() => Booking)
export class BookingThreadResolver {
  @FieldResolver(() => Thread, { nullable: true, description: 'The newest conversation about it. For admins and support.' })
  async thread(@Root() booking: Booking, @Ctx() ctx: Ctxt): Promise<Thread | null> {
    const uuid = uuidOf('bkg', booking.id);
    const row = uuid && (await ctx.loaders.threadOfBooking.load(uuid));
    return row ? toThread(row) : null;
  }
}

@Resolver(() => Trip)
export class TripThreadResolver {
  @FieldResolver(() => Thread, { nullable: true, description: 'The newest conversation about it. For admins and support.' })
  async thread(@Root() trip: Trip, @Ctx() ctx: Ctxt): Promise<Thread | null> {
    const uuid = uuidOf('trp', trip.id);
    const row = uuid && (await ctx.loaders.threadOfTrip.load(uuid));
    return row ? toThread(row) : null;
  }
}
