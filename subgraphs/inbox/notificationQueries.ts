import { and, asc, desc, eq, gte, isNull, sql } from 'drizzle-orm';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import { notifications } from './tables.js';

export type NotificationRow = typeof notifications.$inferSelect;
const MAX_COUNT = 10_000;

export async function notificationOf(orm: Orm, userId: string, id: string): Promise<NotificationRow | undefined> {
  const [row] = await orm
    .select()
    .from(notifications)
    .where(and(eq(notifications.id, id), eq(notifications.userId, userId)));
  return row;
}

const of = (userId: string, unreadOnly: boolean) => and(eq(notifications.userId, userId), unreadOnly ? isNull(notifications.readAt) : undefined);

/** A person's notifications, the newest first, one more than the page holds. */
export async function findNotifications(orm: Orm, userId: string, unreadOnly: boolean, page: PageRequest): Promise<NotificationRow[]> {
  const [at, id] = page.after ?? [];
  const beyond = at && id ? sql`(${notifications.createdAt}, ${notifications.id}) < (${at}::timestamptz, ${id}::uuid)` : undefined;
  return orm
    .select()
    .from(notifications)
    .where(and(of(userId, unreadOnly), beyond))
    .orderBy(desc(notifications.createdAt), desc(notifications.id))
    .limit(page.first + 1);
}

/** How many there are; exact up to 10,000. */
export async function countNotifications(orm: Orm, userId: string, unreadOnly: boolean): Promise<number> {
  const matching = orm.select({ one: sql`1` }).from(notifications).where(of(userId, unreadOnly)).limit(MAX_COUNT).as('matching');
  const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(matching);
  return row?.count ?? 0;
}

/** What a person was told since then, the oldest first. */
export async function notificationsSince(orm: Orm, userId: string, since: Date, limit: number): Promise<NotificationRow[]> {
  return orm
    .select()
    .from(notifications)
    .where(and(eq(notifications.userId, userId), gte(notifications.createdAt, since)))
    .orderBy(asc(notifications.createdAt), asc(notifications.id))
    .limit(limit);
}
