import { z } from 'zod';
import type { ReceivedBody } from './adapters/mailProvider.js';
import { type MailAddress, messageIdsIn, parseAddress } from './address.js';
import { textOf } from './safeHtml.js';
import { displaySubject, isAutomatic, subjectKey } from './thread.js';

const MAX_TEXT = 200_000;
const MAX_HTML = 500_000;
const MAX_RECIPIENTS = 50;

const headersSchema = z.union([z.record(z.string(), z.unknown()), z.array(z.object({ name: z.string(), value: z.string() }))]);

/** `data` of an `email.received` webhook, as far as we use it. Body and headers are there or have to be fetched. */
export const receivedDataSchema = z.object({
  email_id: z.string().max(200).nullish(),
  from: z.string(),
  to: z.union([z.string(), z.array(z.string())]).nullish(),
  subject: z.string().nullish(),
  message_id: z.string().nullish(),
  headers: headersSchema.nullish(),
  text: z.string().nullish(),
  html: z.string().nullish(),
});
export type ReceivedData = z.output<typeof receivedDataSchema>;

/** A mail that came in, read. */
export interface ReceivedMail {
  from: MailAddress;
  to: string[];
  subject: string;
  subjectKey: string;
  messageId: string | null;
  /** In-Reply-To and References, the parent last. */
  referenceIds: string[];
  text: string;
  html: string | null;
  automatic: boolean;
}

/** Whether the webhook left the body out. */
export function lacksBody(data: ReceivedData): boolean {
  return data.text == null && data.html == null;
}

function headersOf(given: ReceivedData['headers']): Record<string, string> {
  const pairs = Array.isArray(given) ? given.map(({ name, value }) => [name, value] as const) : Object.entries(given ?? {});
  return Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), String(value)]));
}

/** Reads a received mail, with the fetched body where the webhook had none. Null when nobody can be told to have sent it. */
export function readReceivedMail(data: ReceivedData, body: ReceivedBody | null, ownAddress: string): ReceivedMail | null {
  const from = parseAddress(data.from);
  if (!from) return null;
  const headers = { ...headersOf(data.headers), ...body?.headers };
  const html = (data.html ?? body?.html ?? null)?.slice(0, MAX_HTML) ?? null;
  const text = (data.text ?? body?.text ?? (html === null ? '' : textOf(html))).slice(0, MAX_TEXT);
  const messageId = messageIdsIn(data.message_id ?? headers['message-id'] ?? body?.messageId).at(0) ?? null;
  const parent = messageIdsIn(headers['in-reply-to']);
  const recipients = (Array.isArray(data.to) ? data.to : data.to ? [data.to] : []).slice(0, MAX_RECIPIENTS);
  return {
    from,
    to: recipients.map((recipient) => parseAddress(recipient)?.address).filter((address) => address !== undefined),
    subject: displaySubject(data.subject),
    subjectKey: subjectKey(data.subject),
    messageId,
    referenceIds: [...messageIdsIn(headers.references).filter((id) => !parent.includes(id)), ...parent],
    text,
    html,
    automatic: isAutomatic(from, headers, ownAddress),
  };
}
