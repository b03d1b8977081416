import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { userIdOf } from '../../platform/actor.js';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import { parseAddress } from './address.js';
import { queueMail } from './deliveryCommands.js';
import type { MessageRow } from './deliveryQueries.js';
import type { Desk } from './desk.js';
import { referencesAfter, REPLY } from './outgoingMail.js';
import { mailDeliveries, messages } from './tables.js';
import { replySubject, type ThreadRow } from './thread.js';
import { changeThread } from './threadChanges.js';
import { lastInbound, lockThread, messageById } from './threadQueries.js';

const replySchema = z.object({ text: z.string().trim().min(1, 'must not be empty').max(20_000, 'must not be longer than 20,000 characters') });

/**
 * Answers the participant of a thread by mail; the mail is sent by a job. The thread then waits for them.
 * @throws Refusal NOT_FOUND, VALIDATION_ERROR, THREAD_IS_AUTOMATIC when only machines have written: an answer could start a loop (IN-02)
 */
export async function replyToThread(tx: Tx, desk: Desk, input: { threadId: string; text: string }): Promise<MessageRow> {
  const { text } = parseInput(replySchema, { text: input.text });
  const thread = await lockThread(tx.orm, input.threadId);
  if (!thread) throw notFound('thread', 'input.threadId');
  const parent = await lastInbound(tx.orm, thread.id);
  if (parent?.automatic) throw new Refusal('THREAD_IS_AUTOMATIC', 'Only machines have written in this thread, and machines are not answered.');
  const id = newUuid(tx.now);
  const deliveryId = await queueMail(tx, desk, {
    kind: REPLY,
    causeId: id,
    to: { address: thread.participantAddress, name: thread.participantName },
    templateVersion: 1,
    data: { messageId: id },
    bookingId: thread.bookingId,
    tripId: thread.tripId,
  });
  if (!deliveryId) throw new Error('a new message has been mailed before');
  const [delivery] = await tx.orm.select({ messageId: mailDeliveries.messageId }).from(mailDeliveries).where(eq(mailDeliveries.id, deliveryId));
  const [row] = await tx.orm
    .insert(messages)
    .values({
      id,
      threadId: thread.id,
      direction: 'OUTBOUND',
      automatic: false,
      messageId: delivery?.messageId ?? null,
      referenceIds: referencesAfter(parent?.referenceIds ?? [], parent?.messageId ?? null),
      fromAddress: parseAddress(desk.mailFrom)?.address ?? desk.mailFrom,
      toAddresses: [thread.participantAddress],
      subject: replySubject(thread.subject),
      text,
      html: null,
      deliveryId,
      authorId: userIdOf(tx.actor),
      sentAt: tx.now,
      createdAt: tx.now,
    })
    .returning();
  if (!row) throw new Error('the message was not inserted');
  await changeThread(tx, desk, thread.id, { status: 'PENDING', unread: false, lastMessageAt: tx.now });
  return row;
}

/** The message that a repeated reply made. */
export async function repliedMessage(tx: Tx, id: string): Promise<MessageRow> {
  const row = await messageById(tx.orm, id);
  if (!row) throw new Error('the message of a repeated reply is gone');
  return row;
}

/** Ends a thread; the next mail of a person opens it again. Repeating it changes nothing. @throws Refusal NOT_FOUND */
export async function closeThread(tx: Tx, desk: Desk, id: string): Promise<ThreadRow> {
  const thread = await lockThread(tx.orm, id);
  if (!thread) throw notFound('thread');
  if (thread.status === 'CLOSED') return thread;
  return changeThread(tx, desk, id, { status: 'CLOSED', unread: false });
}

/** @throws Refusal NOT_FOUND */
export async function markThreadRead(tx: Tx, desk: Desk, id: string): Promise<ThreadRow> {
  const thread = await lockThread(tx.orm, id);
  if (!thread) throw notFound('thread');
  return thread.unread ? changeThread(tx, desk, id, { unread: false }) : thread;
}
