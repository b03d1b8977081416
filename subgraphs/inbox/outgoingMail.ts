import { z } from 'zod';
import type { OutgoingMail } from './adapters/mailProvider.js';
import type { DeliveryRow } from './delivery.js';
import { layOut, layOutReply } from './mailLayout.js';
import type { messages } from './tables.js';
import { isKind, type Kind, wordsFor } from './templates.js';

/** The kind of a delivery that carries a person's own answer. */
export const REPLY = 'REPLY';
export const replyDataSchema = z.object({ messageId: z.uuid() });

type MessageRow = typeof messages.$inferSelect;
/** A delivery whose address is known. */
export type AddressedDelivery = DeliveryRow & { toAddress: string };

const MAX_REFERENCES = 20;

/** What a template's mail says, also for the thread that an answer to it opens. */
export function noticeOf(delivery: Pick<DeliveryRow, 'kind' | 'data' | 'toName'>): { subject: string; text: string; html: string } {
  if (!isKind(delivery.kind)) throw new Error(`there is no template ${delivery.kind}`);
  const words = wordsFor(delivery.kind satisfies Kind, delivery.data);
  return { subject: words.title, ...layOut(words.paragraphs ?? [words.body], delivery.toName) };
}

/** The mail of a delivery; equal whenever it is composed, because a key's content must not change. `reply` is the message of a REPLY. */
export function composeMail(delivery: AddressedDelivery, mailFrom: string, reply: MessageRow | null): OutgoingMail {
  const { subject, text, html } = reply ? { subject: reply.subject, ...layOutReply(reply.text) } : noticeOf(delivery);
  const parent = reply?.referenceIds.at(-1);
  return {
    idempotencyKey: delivery.idempotencyKey,
    from: mailFrom,
    to: delivery.toAddress,
    subject,
    text,
    html,
    kind: delivery.kind,
    headers: {
      'Message-ID': delivery.messageId,
      ...(parent && reply && { 'In-Reply-To': parent, References: reply.referenceIds.join(' ') }),
      // Out-of-office programs do not answer what says this (RFC 3834).
      ...(!reply && { 'Auto-Submitted': 'auto-generated' }),
    },
  };
}

/** References of an answer (RFC 5322 3.6.4): those of its parent and the parent itself; when there are too many, the first and the last ones. */
export function referencesAfter(parentReferences: readonly string[], parentId: string | null): string[] {
  const all = [...new Set([...parentReferences, ...(parentId ? [parentId] : [])])];
  const [first] = all;
  return all.length <= MAX_REFERENCES || first === undefined ? all : [first, ...all.slice(-(MAX_REFERENCES - 1))];
}
