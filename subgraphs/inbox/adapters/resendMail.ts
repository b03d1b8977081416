import { type Dispatcher, request } from 'undici';
import { z } from 'zod';
import { type AcceptedMail, MailNotAccepted, type MailProvider, type OutgoingMail, PROVIDER_TIMEOUT_MS, type ReceivedBody } from './mailProvider.js';

const acceptedSchema = z.object({ id: z.string().min(1).max(200) });
const refusedSchema = z.object({ name: z.string().optional(), message: z.string().optional() });
const receivedSchema = z.object({
  text: z.string().nullish(),
  html: z.string().nullish(),
  headers: z.record(z.string(), z.unknown()).nullish(),
  message_id: z.string().nullish(),
});

/** Answers that stay the same however often one asks: the mail itself is wrong, or its key was used for another one. */
const FINAL_STATUSES = new Set([400, 404, 405, 413, 422]);
const MAX_RETRY_AFTER_MS = 60 * 60_000;

/**
 * Sends through Resend's HTTP API (https://resend.com/docs/api-reference). Its idempotency keys hold for 24 hours; our calls of one mail are over long
 * before.
 */
export function createResendMail(options: { apiUrl: string; apiKey: string }): MailProvider {
  const base = options.apiUrl.replace(/\/$/, '');
  const headers = { authorization: `Bearer ${options.apiKey}`, 'user-agent': 'waygraph-inbox' };

  const call = async (path: string, init: { method: 'GET' | 'POST'; headers: Record<string, string>; body?: string }): Promise<unknown> => {
    let response: Dispatcher.ResponseData;
    let body: unknown;
    try {
      response = await request(base + path, {
        ...init,
        headersTimeout: PROVIDER_TIMEOUT_MS,
        bodyTimeout: PROVIDER_TIMEOUT_MS,
        // Both of the above begin anew with every byte; this one does not.
        signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS),
      });
      body = await response.body.json();
    } catch (error) {
      throw new MailNotAccepted(`no answer: ${(error as Error).message}`, { final: false, cause: error });
    }
    const { statusCode } = response;
    if (statusCode >= 200 && statusCode < 300) return body;
    const said = refusedSchema.safeParse(body).data;
    const usedKey = statusCode === 409 && said?.name === 'invalid_idempotent_request';
    throw new MailNotAccepted(`${statusCode} ${said?.name ?? ''}: ${(said?.message ?? 'no reason given').slice(0, 300)}`, {
      final: FINAL_STATUSES.has(statusCode) || usedKey,
      retryAfterMs: retryAfterMs(response.headers['retry-after']),
    });
  };

  return {
    name: 'resend',
    async send(mail: OutgoingMail): Promise<AcceptedMail> {
      const { from, to, subject, text, html } = mail;
      const answer = await call('/emails', {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json', 'idempotency-key': mail.idempotencyKey },
        body: JSON.stringify({ from, to: [to], subject, text, html, headers: mail.headers, tags: [{ name: 'kind', value: mail.kind }] }),
      });
      const accepted = acceptedSchema.safeParse(answer);
      if (!accepted.success) throw new MailNotAccepted('the answer has no id', { final: false });
      return { providerId: accepted.data.id };
    },
    async fetchReceived(emailId: string): Promise<ReceivedBody> {
      const answer = receivedSchema.safeParse(await call(`/emails/receiving/${encodeURIComponent(emailId)}`, { method: 'GET', headers }));
      if (!answer.success) throw new MailNotAccepted('the received mail has an unknown form', { final: true });
      const { data } = answer;
      return {
        text: data.text ?? null,
        html: data.html ?? null,
        headers: Object.fromEntries(Object.entries(data.headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)])),
        messageId: data.message_id ?? null,
      };
    },
  };
}

function retryAfterMs(header: string | string[] | undefined): number | null {
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS) : null;
}
