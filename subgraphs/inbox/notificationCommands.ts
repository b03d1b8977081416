import { and, eq, isNull } from 'drizzle-orm';
import { userIdOf } from '../../platform/actor.js';
import { notFound } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import { queueMail } from './deliveryCommands.js';
import { type Desk, hintNotification } from './desk.js';
import { type NotificationRow, notificationOf } from './notificationQueries.js';
import { notifications } from './tables.js';
import { type Kind, TEMPLATES, wordsFor } from './templates.js';

export interface News {
  /** The event that it is about: the same news for the same event is told once. */
  causeId: string;
  userId: string;
  kind: Kind;
  data: Record<string, unknown> & { bookingId?: string | null; tripId?: string | null };
}

/** Tells a person something, on every channel that its kind has: a notification now, a mail by a job. */
export async function tell(tx: Tx, desk: Desk, news: News): Promise<void> {
  const { causeId, userId, kind, data } = news;
  const { version, channels } = TEMPLATES[kind];
  // Also for mails: data that does not fit its template must fail here, with its cause, and not when the mail is sent.
  const { title, body } = wordsFor(kind, data);
  if (channels.includes('IN_APP')) {
    await tx.orm
      .insert(notifications)
      .values({ id: newUuid(tx.now), userId, causeId, kind, templateVersion: version, data, title, body, createdAt: tx.now })
      .onConflictDoNothing();
    hintNotification(tx, desk, userId);
  }
  if (channels.includes('EMAIL')) {
    await queueMail(tx, desk, { kind, causeId, to: { userId }, templateVersion: version, data, bookingId: data.bookingId, tripId: data.tripId });
  }
}

/** Marks one's own notification as read; the first time stays. @throws Refusal NOT_FOUND */
export async function markNotificationRead(tx: Tx, id: string): Promise<NotificationRow> {
  const owner = userIdOf(tx.actor) ?? '';
  const current = owner && (await notificationOf(tx.orm, owner, id));
  if (!current) throw notFound('notification');
  if (current.readAt) return current;
  const [row] = await tx.orm
    .update(notifications)
    .set({ readAt: tx.now })
    .where(and(eq(notifications.id, id), eq(notifications.userId, owner), isNull(notifications.readAt)))
    .returning();
  return row ?? { ...current, readAt: tx.now };
}
