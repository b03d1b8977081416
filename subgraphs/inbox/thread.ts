import type { MailAddress } from './address.js';
import type { threads } from './tables.js';

export const THREAD_STATUSES = ['OPEN', 'PENDING', 'CLOSED'] as const;
/** OPEN waits for us, PENDING for the customer, CLOSED for nobody. */
export type ThreadStatus = (typeof THREAD_STATUSES)[number];
export type ThreadRow = typeof threads.$inferSelect;

const MAX_SUBJECT = 500;

/** What a list shows: one line, never empty. */
export function displaySubject(subject: string | null | undefined): string {
  return (subject ?? '').replace(/\s+/g, ' ').trim().slice(0, MAX_SUBJECT) || '(no subject)';
}

/** Equal for a mail and all answers to it: `Re:`, `Fwd:` and their kin in a few languages are taken off. Empty when nothing is left. */
export function subjectKey(subject: string | null | undefined): string {
  let key = (subject ?? '').replace(/\s+/g, ' ').trim().toLowerCase().slice(0, MAX_SUBJECT);
  for (let before = ''; before !== key; ) {
    before = key;
    key = key.replace(/^((re|aw|sv|fwd?|wg|tr|rv|رد|تحويل)(\[\d+\])?\s*:|\[(ext|external)\])\s*/u, '');
  }
  return key;
}

/** The subject of an answer. */
export function replySubject(subject: string): string {
  return /^re\s*:/i.test(subject) ? subject : `Re: ${subject}`;
}

/** A mail by a person opens the thread again; one by a machine (an out-of-office note) asks for nothing. */
export function afterInbound(status: ThreadStatus, automatic: boolean): ThreadStatus {
  return automatic ? status : 'OPEN';
}

/** An answer that did not arrive is our turn again. */
export function afterUndelivered(status: ThreadStatus): ThreadStatus {
  return status === 'PENDING' ? 'OPEN' : status;
}

const MACHINE = /^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)([+.-].*)?@/;

/**
 * Whether a machine wrote it (RFC 3834): auto-replies, lists, bounces, and our own address, which would be a loop. Stored, and never answered (IN-02).
 * `headers` have names in lower case.
 */
export function isAutomatic(from: MailAddress, headers: Readonly<Record<string, string>>, ownAddress: string): boolean {
  const submitted = headers['auto-submitted']?.trim().toLowerCase();
  if (submitted && !submitted.startsWith('no')) return true;
  if (/^\s*(bulk|junk|list|auto_reply)\b/i.test(headers.precedence ?? '')) return true;
  if (headers['x-autoreply'] || headers['x-autorespond'] || headers['list-id']) return true;
  if (/^\s*<\s*>\s*$/.test(headers['return-path'] ?? '')) return true;
  if (/multipart\/report/i.test(headers['content-type'] ?? '')) return true;
  return MACHINE.test(from.address) || from.address === ownAddress;
}
