import { sql } from 'drizzle-orm';
import { newUuid, uuidOf } from '../../platform/ids.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { parseAddress } from './address.js';
import type { DeliveryRow } from './delivery.js';
import { messageOfDelivery } from './deliveryQueries.js';
import { type Desk, hintThread } from './desk.js';
import { mailReceived } from './events.js';
import { noticeOf } from './outgoingMail.js';
import type { ReceivedMail } from './receivedMail.js';
import { messages, threads } from './tables.js';
import { afterInbound, displaySubject, type ThreadRow, type ThreadStatus } from './thread.js';
import { changeThread } from './threadChanges.js';
import { deliveryByReferences, knownAs, messageByProviderEmail, openThreadBySubject, threadByReferences } from './threadQueries.js';

/** Any number: with it, mails of one address are sorted into threads one after the other. */
const PARTICIPANT_LOCK = 44;

/**
 * Sorts a received mail into its thread (IN-02): by what it refers to, but only into a thread of the same address, since a References header is easily
 * forged; else by address and subject; else into a new one. The same mail again changes nothing.
 */
export async function receiveMail(tx: Tx, desk: Desk, mail: ReceivedMail, providerEmailId: string): Promise<void> {
  const { address } = mail.from;
  // Without it two mails that come at once could each open a thread.
  await tx.orm.execute(sql`select pg_advisory_xact_lock(hashtextextended(${address}, ${PARTICIPANT_LOCK}))`);
  if (await messageByProviderEmail(tx.orm, providerEmailId)) return;
  const thread = await threadFor(tx, desk, mail);
  const id = newUuid(tx.now);
  await tx.orm.insert(messages).values({
    id,
    threadId: thread.id,
    direction: 'INBOUND',
    automatic: mail.automatic,
    messageId: mail.messageId,
    referenceIds: mail.referenceIds,
    fromAddress: address,
    toAddresses: mail.to,
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    providerEmailId,
    sentAt: tx.now,
    createdAt: tx.now,
  });
  await changeThread(tx, desk, thread.id, {
    status: afterInbound(thread.status as ThreadStatus, mail.automatic),
    unread: thread.unread || !mail.automatic,
    lastMessageAt: tx.now,
    ...(mail.from.name && { participantName: mail.from.name }),
  });
  await appendEvent(tx, mailReceived, thread.id, { threadId: thread.id, messageId: id });
}

async function threadFor(tx: Tx, desk: Desk, mail: ReceivedMail): Promise<ThreadRow> {
  const { address } = mail.from;
  if (mail.referenceIds.length > 0) {
    const referenced = await threadByReferences(tx.orm, address, mail.referenceIds);
    if (referenced) return referenced;
    const answered = await deliveryByReferences(tx.orm, address, mail.referenceIds);
    if (answered) return threadOfNotice(tx, desk, mail, answered);
  }
  const going = mail.subjectKey === '' ? undefined : await openThreadBySubject(tx.orm, address, mail.subjectKey);
  return going ?? openThread(tx, desk, mail, await knownAs(tx.orm, address, idsIn(`${mail.subject}\n${mail.text}`)));
}

interface Links {
  userId: string | null;
  bookingId: string | null;
  tripId: string | null;
}

async function openThread(tx: Tx, desk: Desk, mail: ReceivedMail, links: Links): Promise<ThreadRow> {
  const [row] = await tx.orm
    .insert(threads)
    .values({
      id: newUuid(tx.now),
      subject: mail.subject,
      subjectKey: mail.subjectKey,
      participantAddress: mail.from.address,
      participantName: mail.from.name,
      // A machine's mail asks for nothing, and must not look as if it did.
      status: mail.automatic ? 'CLOSED' : 'OPEN',
      unread: !mail.automatic,
      ...links,
      lastMessageAt: tx.now,
      version: 1,
      createdAt: tx.now,
      updatedAt: tx.now,
    })
    .returning();
  if (!row) throw new Error('the thread was not inserted');
  hintThread(tx, desk);
  return row;
}

/** An answer to one of our notices opens a thread that begins with the notice, and knows whose it is and what it was about. */
async function threadOfNotice(tx: Tx, desk: Desk, mail: ReceivedMail, notice: DeliveryRow): Promise<ThreadRow> {
  const { toUserId: userId, bookingId, tripId } = notice;
  const thread = await openThread(tx, desk, mail, { userId, bookingId, tripId });
  // One notice can be answered into two threads, when the first answer came in the name of another address of the same person.
  if (await messageOfDelivery(tx.orm, notice.id)) return thread;
  const { subject, text } = noticeOf(notice);
  await tx.orm.insert(messages).values({
    id: newUuid(tx.now),
    threadId: thread.id,
    direction: 'OUTBOUND',
    automatic: true,
    messageId: notice.messageId,
    referenceIds: [],
    fromAddress: parseAddress(desk.mailFrom)?.address ?? desk.mailFrom,
    toAddresses: notice.toAddress ? [notice.toAddress] : [],
    subject: displaySubject(subject),
    text,
    html: null,
    deliveryId: notice.id,
    sentAt: notice.sentAt ?? notice.createdAt,
    // A moment before the answer, so that it stands before it.
    createdAt: new Date(tx.now.getTime() - 1),
  });
  return thread;
}

const MAX_IDS = 10;

/** Bookings and trips that a mail names by their public ids. */
function idsIn(text: string): { bookingIds: string[]; tripIds: string[] } {
  const uuids = (prefix: string) =>
    [...new Set(text.match(new RegExp(`\\b${prefix}_[0-9a-z]{26}\\b`, 'g')) ?? [])]
      .slice(0, MAX_IDS)
      .map((id) => uuidOf(prefix, id))
      .filter((uuid) => uuid !== null);
  return { bookingIds: uuids('bkg'), tripIds: uuids('trp') };
}
