import { and, asc, desc, eq, gte, inArray, ne, or, type SQL, sql } from 'drizzle-orm';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import type { DeliveryRow } from './delivery.js';
import type { MessageRow } from './deliveryQueries.js';
import { mailDeliveries, messages, threads } from './tables.js';
import type { ThreadRow, ThreadStatus } from './thread.js';

export interface ThreadSearch {
  status?: ThreadStatus | null;
  unread?: boolean | null;
  text?: string | null;
}

const MAX_COUNT = 10_000;
const MAX_WORDS = 6;
/** Messages of one thread that are read at once; older ones are beyond what anybody scrolls through. */
export const MAX_MESSAGES = 100;

export async function lockThread(orm: Orm, id: string): Promise<ThreadRow | undefined> {
  const [row] = await orm.select().from(threads).where(eq(threads.id, id)).for('update');
  return row;
}

export async function threadsByIds(orm: Orm, ids: readonly string[]): Promise<ThreadRow[]> {
  return orm
    .select()
    .from(threads)
    .where(inArray(threads.id, [...ids]));
}

/** The newest thread about each booking. */
export async function threadsOfBookings(orm: Orm, bookingIds: readonly string[]): Promise<ThreadRow[]> {
  return orm
    .selectDistinctOn([threads.bookingId])
    .from(threads)
    .where(inArray(threads.bookingId, [...bookingIds]))
    .orderBy(threads.bookingId, desc(threads.lastMessageAt));
}

/** The newest thread about each trip. */
export async function threadsOfTrips(orm: Orm, tripIds: readonly string[]): Promise<ThreadRow[]> {
  return orm
    .selectDistinctOn([threads.tripId])
    .from(threads)
    .where(inArray(threads.tripId, [...tripIds]))
    .orderBy(threads.tripId, desc(threads.lastMessageAt));
}

/** The thread of this address that one of the referenced mails belongs to. Somebody else's thread is never found, whatever a mail refers to (IN-02). */
export async function threadByReferences(orm: Orm, address: string, ids: readonly string[]): Promise<ThreadRow | undefined> {
  const [row] = await orm
    .select({ thread: threads })
    .from(messages)
    .innerJoin(threads, eq(threads.id, messages.threadId))
    .leftJoin(mailDeliveries, eq(mailDeliveries.id, messages.deliveryId))
    .where(and(eq(threads.participantAddress, address), or(inArray(messages.messageId, [...ids]), inArray(mailDeliveries.providerMessageId, [...ids]))))
    .orderBy(desc(threads.lastMessageAt))
    .limit(1);
  return row?.thread;
}

/** The mail of ours, to this address, that is referred to. */
export async function deliveryByReferences(orm: Orm, address: string, ids: readonly string[]): Promise<DeliveryRow | undefined> {
  const [row] = await orm
    .select()
    .from(mailDeliveries)
    .where(and(eq(mailDeliveries.toAddress, address), or(inArray(mailDeliveries.messageId, [...ids]), inArray(mailDeliveries.providerMessageId, [...ids]))))
    .orderBy(desc(mailDeliveries.createdAt))
    .limit(1);
  return row;
}

/** A conversation of this address under this subject that is still going on. */
export async function openThreadBySubject(orm: Orm, address: string, subjectKey: string): Promise<ThreadRow | undefined> {
  const [row] = await orm
    .select()
    .from(threads)
    .where(and(eq(threads.participantAddress, address), eq(threads.subjectKey, subjectKey), ne(threads.status, 'CLOSED')))
    .orderBy(desc(threads.lastMessageAt))
    .limit(1);
  return row;
}

/** What we know of an address from the mails that we sent there: whose it is, and which of these bookings or trips are that person's. */
export async function knownAs(
  orm: Orm,
  address: string,
  about: { bookingIds: readonly string[]; tripIds: readonly string[] },
): Promise<{ userId: string | null; bookingId: string | null; tripId: string | null }> {
  const sentTo = eq(mailDeliveries.toAddress, address);
  const newest = desc(mailDeliveries.createdAt);
  const [user] = await orm
    .select({ id: mailDeliveries.toUserId })
    .from(mailDeliveries)
    .where(and(sentTo, sql`${mailDeliveries.toUserId} is not null`))
    .orderBy(newest)
    .limit(1);
  const [booking] = about.bookingIds.length
    ? await orm
        .select({ id: mailDeliveries.bookingId })
        .from(mailDeliveries)
        .where(and(sentTo, inArray(mailDeliveries.bookingId, [...about.bookingIds])))
        .limit(1)
    : [];
  const [trip] = about.tripIds.length
    ? await orm
        .select({ id: mailDeliveries.tripId })
        .from(mailDeliveries)
        .where(and(sentTo, inArray(mailDeliveries.tripId, [...about.tripIds])))
        .limit(1)
    : [];
  return { userId: user?.id ?? null, bookingId: booking?.id ?? null, tripId: trip?.id ?? null };
}

export async function messageByProviderEmail(orm: Orm, providerEmailId: string): Promise<MessageRow | undefined> {
  const [row] = await orm.select().from(messages).where(eq(messages.providerEmailId, providerEmailId));
  return row;
}

/** The newest mail that came in: one that a person wrote if there is any, else one by a machine. */
export async function lastInbound(orm: Orm, threadId: string): Promise<MessageRow | undefined> {
  const [row] = await orm
    .select()
    .from(messages)
    .where(and(eq(messages.threadId, threadId), eq(messages.direction, 'INBOUND')))
    .orderBy(asc(messages.automatic), desc(messages.createdAt), desc(messages.id))
    .limit(1);
  return row;
}

export async function messageById(orm: Orm, id: string): Promise<MessageRow | undefined> {
  const [row] = await orm.select().from(messages).where(eq(messages.id, id));
  return row;
}

/** The newest messages of each thread, the oldest of them first. */
export async function messagesOfThreads(orm: Orm, threadIds: readonly string[]): Promise<MessageRow[]> {
  const place = sql<number>`row_number() over (partition by ${messages.threadId} order by ${messages.createdAt} desc, ${messages.id} desc)`.as('place');
  const ranked = orm
    .select({ rankedId: messages.id, place })
    .from(messages)
    .where(inArray(messages.threadId, [...threadIds]))
    .as('ranked');
  const rows = await orm
    .select({ message: messages })
    .from(messages)
    .innerJoin(ranked, eq(ranked.rankedId, messages.id))
    .where(sql`${ranked.place} <= ${MAX_MESSAGES}`)
    .orderBy(asc(messages.createdAt), asc(messages.id));
  return rows.map((row) => row.message);
}

function conditionsOf(search: ThreadSearch): (SQL | undefined)[] {
  const words = (search.text ?? '').split(/\s+/).filter(Boolean).slice(0, MAX_WORDS);
  return [
    search.status ? eq(threads.status, search.status) : undefined,
    search.unread == null ? undefined : eq(threads.unread, search.unread),
    ...words.map((word) => {
      const like = `%${word.replace(/[\\%_]/g, '\\$&')}%`;
      return sql`(${threads.subject} ilike ${like} or ${threads.participantAddress} ilike ${like} or ${threads.participantName} ilike ${like}
        or exists (select 1 from ${messages} where ${messages.threadId} = ${threads.id} and ${messages.text} ilike ${like}))`;
    }),
  ];
}

/** The most recently active first, one more than the page holds. */
export async function findThreads(orm: Orm, search: ThreadSearch, page: PageRequest): Promise<ThreadRow[]> {
  const [at, id] = page.after ?? [];
  const beyond = at && id ? sql`(${threads.lastMessageAt}, ${threads.id}) < (${at}::timestamptz, ${id}::uuid)` : undefined;
  return orm
    .select()
    .from(threads)
    .where(and(...conditionsOf(search), beyond))
    .orderBy(desc(threads.lastMessageAt), desc(threads.id))
    .limit(page.first + 1);
}

/** How many fit; exact up to 10,000. */
export async function countThreads(orm: Orm, search: ThreadSearch): Promise<number> {
  const matching = orm
    .select({ one: sql`1` })
    .from(threads)
    .where(and(...conditionsOf(search)))
    .limit(MAX_COUNT)
    .as('matching');
  const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(matching);
  return row?.count ?? 0;
}

/** What changed since then, the oldest change first. */
export async function threadsChangedSince(orm: Orm, since: Date, limit: number): Promise<ThreadRow[]> {
  return orm.select().from(threads).where(gte(threads.updatedAt, since)).orderBy(asc(threads.updatedAt), asc(threads.id)).limit(limit);
}
