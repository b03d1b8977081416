import { sql } from 'drizzle-orm';
import { type AnyPgColumn, boolean, index, integer, jsonb, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** One call that went wrong, kept for people who look at a dead letter. */
export interface DeliveryFailure {
  attempt: number;
  /** RFC 3339. */
  at: string;
  reason: string;
}

/** Every webhook of the provider, as it came (IN-01). `outcome` is null until it has been processed. */
export const providerEvents = pgTable(
  'provider_events',
  {
    id: uuid('id').primaryKey(),
    /** The provider's id of the event: a repeated webhook is found by it. */
    eventId: text('event_id').notNull().unique(),
    type: text('type').notNull(),
    /** The provider's id of the mail that it is about. */
    emailId: text('email_id'),
    payload: jsonb('payload').notNull(),
    /** APPLIED, UNMATCHED (about no mail of ours, so far), IGNORED (says nothing to us) or UNREADABLE. */
    outcome: text('outcome'),
    attempts: integer('attempts').notNull().default(0),
    receivedAt: at('received_at').notNull(),
    processedAt: at('processed_at'),
  },
  (t) => [index('provider_events_email').on(t.emailId, t.type), index('provider_events_waiting').on(t.receivedAt).where(sql`outcome is null`)],
);

/** A conversation with one address. `version` grows with every change, so that live watchers tell a new state from one that they have seen. */
export const threads = pgTable(
  'threads',
  {
    id: uuid('id').primaryKey(),
    subject: text('subject').notNull(),
    /** The subject without `Re:` and its kin, in lower case. */
    subjectKey: text('subject_key').notNull(),
    participantAddress: text('participant_address').notNull(),
    participantName: text('participant_name'),
    status: text('status').notNull(),
    unread: boolean('unread').notNull(),
    userId: uuid('user_id'),
    bookingId: uuid('booking_id'),
    tripId: uuid('trip_id'),
    lastMessageAt: at('last_message_at').notNull(),
    version: integer('version').notNull(),
    createdAt: at('created_at').notNull(),
    updatedAt: at('updated_at').notNull(),
  },
  (t) => [
    index('threads_newest').on(t.lastMessageAt, t.id),
    index('threads_participant').on(t.participantAddress, t.subjectKey),
    index('threads_booking').on(t.bookingId).where(sql`booking_id is not null`),
    index('threads_trip').on(t.tripId).where(sql`trip_id is not null`),
    index('threads_updated').on(t.updatedAt),
  ],
);

/** One mail of a thread. What happens to an outbound one on its way is in its delivery, and only there. */
export const messages = pgTable(
  'messages',
  {
    id: uuid('id').primaryKey(),
    threadId: uuid('thread_id')
      .notNull()
      .references(() => threads.id),
    direction: text('direction').notNull(),
    /** Written by a machine: kept, shown as such, never answered. */
    automatic: boolean('automatic').notNull(),
    /** RFC 5322 Message-ID with its angle brackets. */
    messageId: text('message_id'),
    referenceIds: text('reference_ids').array().notNull(),
    fromAddress: text('from_address').notNull(),
    toAddresses: text('to_addresses').array().notNull(),
    subject: text('subject').notNull(),
    text: text('text').notNull(),
    /** As it came: it is made safe when it is read. */
    html: text('html'),
    /** The provider's id of an inbound mail: the same mail in two webhooks is one message. */
    providerEmailId: text('provider_email_id').unique(),
    deliveryId: uuid('delivery_id')
      .unique()
      .references((): AnyPgColumn => mailDeliveries.id),
    /** Which of our people wrote it. */
    authorId: uuid('author_id'),
    sentAt: at('sent_at').notNull(),
    createdAt: at('created_at').notNull(),
  },
  (t) => [index('messages_thread').on(t.threadId, t.createdAt, t.id), index('messages_message_id').on(t.messageId)],
);

/** Who the admins are, as identity tells (EV-01). */
export const admins = pgTable('admins', { userId: uuid('user_id').primaryKey(), since: at('since').notNull() });

/** What a person was told inside the app, in the words of then. */
export const notifications = pgTable(
  'notifications',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull(),
    /** The event that caused it. */
    causeId: uuid('cause_id').notNull(),
    kind: text('kind').notNull(),
    templateVersion: integer('template_version').notNull(),
    data: jsonb('data').notNull(),
    title: text('title').notNull(),
    body: text('body').notNull(),
    readAt: at('read_at'),
    createdAt: at('created_at').notNull(),
  },
  (t) => [uniqueIndex('notifications_cause').on(t.causeId, t.kind, t.userId), index('notifications_user').on(t.userId, t.createdAt, t.id)],
);

/**
 * One mail to send (IN-06). It is written in the transaction of its cause, with a timer; `(cause_id, kind)` is unique, so that no cause mails twice.
 * `next_attempt_at` is also the end of the lease of an attempt that runs.
 */
export const mailDeliveries = pgTable(
  'mail_deliveries',
  {
    id: uuid('id').primaryKey(),
    kind: text('kind').notNull(),
    causeId: uuid('cause_id').notNull(),
    toUserId: uuid('to_user_id'),
    /** Known from the first call on, and the same for all calls: the provider refuses a key that comes back with another address. */
    toAddress: text('to_address'),
    toName: text('to_name'),
    templateVersion: integer('template_version').notNull(),
    data: jsonb('data').notNull(),
    bookingId: uuid('booking_id'),
    tripId: uuid('trip_id'),
    status: text('status').notNull(),
    attempts: integer('attempts').notNull(),
    nextAttemptAt: at('next_attempt_at').notNull(),
    idempotencyKey: text('idempotency_key').notNull().unique(),
    messageId: text('message_id').notNull().unique(),
    providerId: text('provider_id').unique(),
    /** The Message-ID that the provider gave it, where that is not ours: answers may refer to either. */
    providerMessageId: text('provider_message_id'),
    failures: jsonb('failures').$type<DeliveryFailure[]>().notNull(),
    skipReason: text('skip_reason'),
    sentAt: at('sent_at'),
    createdAt: at('created_at').notNull(),
    updatedAt: at('updated_at').notNull(),
  },
  (t) => [
    uniqueIndex('mail_deliveries_cause').on(t.causeId, t.kind),
    index('mail_deliveries_newest').on(t.createdAt, t.id),
    index('mail_deliveries_status').on(t.status, t.createdAt, t.id),
    index('mail_deliveries_address').on(t.toAddress, t.createdAt),
    index('mail_deliveries_provider_message').on(t.providerMessageId).where(sql`provider_message_id is not null`),
  ],
);

/** Addresses that get no more mail (IN-08): those that bounced for good, and people who called a mail of ours spam. */
export const suppressions = pgTable('suppressions', {
  address: text('address').primaryKey(),
  reason: text('reason').notNull(),
  providerEventId: uuid('provider_event_id'),
  createdAt: at('created_at').notNull(),
});
