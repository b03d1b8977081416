import { and, asc, desc, eq, inArray, lt, sql } from 'drizzle-orm';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import type { DeliveryRow, DeliveryStatus } from './delivery.js';
import { mailDeliveries, messages, providerEvents, suppressions } from './tables.js';

export type MessageRow = typeof messages.$inferSelect;
export type ProviderEventRow = typeof providerEvents.$inferSelect;
const MAX_COUNT = 10_000;

/** The row, locked until the transaction ends. */
export async function lockDelivery(orm: Orm, id: string): Promise<DeliveryRow | undefined> {
  const [row] = await orm.select().from(mailDeliveries).where(eq(mailDeliveries.id, id)).for('update');
  return row;
}

export async function lockDeliveryByProviderId(orm: Orm, providerId: string): Promise<DeliveryRow | undefined> {
  const [row] = await orm.select().from(mailDeliveries).where(eq(mailDeliveries.providerId, providerId)).for('update');
  return row;
}

/** Dead letters, the oldest first, locked; those that another call has locked are its to retry. */
export async function lockDeadDeliveries(orm: Orm, limit: number): Promise<DeliveryRow[]> {
  const dead = orm.select().from(mailDeliveries).where(eq(mailDeliveries.status, 'DEAD'));
  return dead.orderBy(asc(mailDeliveries.createdAt), asc(mailDeliveries.id)).limit(limit).for('update', { skipLocked: true });
}

export async function messageOfDelivery(orm: Orm, deliveryId: string): Promise<MessageRow | undefined> {
  const [row] = await orm.select().from(messages).where(eq(messages.deliveryId, deliveryId));
  return row;
}

export async function isSuppressed(orm: Orm, address: string): Promise<boolean> {
  const [row] = await orm.select({ reason: suppressions.reason }).from(suppressions).where(eq(suppressions.address, address));
  return row !== undefined;
}

/** What the provider said about a mail before we knew its id. */
export async function unmatchedEvents(orm: Orm, emailId: string): Promise<ProviderEventRow[]> {
  return orm
    .select()
    .from(providerEvents)
    .where(and(eq(providerEvents.emailId, emailId), eq(providerEvents.outcome, 'UNMATCHED')))
    .orderBy(asc(providerEvents.receivedAt));
}

const ofStatus = (status: DeliveryStatus | null) => (status ? eq(mailDeliveries.status, status) : undefined);

/** The newest first, one more than the page holds. */
export async function findDeliveries(orm: Orm, status: DeliveryStatus | null, page: PageRequest): Promise<DeliveryRow[]> {
  const [at, id] = page.after ?? [];
  const beyond = at && id ? sql`(${mailDeliveries.createdAt}, ${mailDeliveries.id}) < (${at}::timestamptz, ${id}::uuid)` : undefined;
  return orm
    .select()
    .from(mailDeliveries)
    .where(and(ofStatus(status), beyond))
    .orderBy(desc(mailDeliveries.createdAt), desc(mailDeliveries.id))
    .limit(page.first + 1);
}

/** How many there are; exact up to 10,000. */
export async function countDeliveries(orm: Orm, status: DeliveryStatus | null): Promise<number> {
  const matching = orm.select({ one: sql`1` }).from(mailDeliveries).where(ofStatus(status)).limit(MAX_COUNT).as('matching');
  const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(matching);
  return row?.count ?? 0;
}

export async function deliveryStatuses(orm: Orm, ids: readonly string[]): Promise<{ id: string; status: string }[]> {
  return orm
    .select({ id: mailDeliveries.id, status: mailDeliveries.status })
    .from(mailDeliveries)
    .where(inArray(mailDeliveries.id, [...ids]));
}

/** Mails whose next call is long overdue, and webhooks that nobody has processed: both mean that a timer was lost or keeps failing. */
export async function stuckMail(orm: Orm, before: Date): Promise<{ kind: string; reference: string; since: Date }[]> {
  const waiting = await orm
    .select({ id: mailDeliveries.id, since: mailDeliveries.nextAttemptAt })
    .from(mailDeliveries)
    .where(and(eq(mailDeliveries.status, 'PENDING'), lt(mailDeliveries.nextAttemptAt, before)))
    .limit(100);
  const unread = await orm
    .select({ id: providerEvents.eventId, since: providerEvents.receivedAt })
    .from(providerEvents)
    .where(and(sql`${providerEvents.outcome} is null`, lt(providerEvents.receivedAt, before)))
    .limit(100);
  return [
    ...waiting.map((row) => ({ kind: 'MAIL_NOT_SENT', reference: row.id, since: row.since })),
    ...unread.map((row) => ({ kind: 'PROVIDER_EVENT_NOT_PROCESSED', reference: row.id, since: row.since })),
  ];
}
