import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** How far a webhook's time may be from ours: what is older could be a recording (https://docs.svix.com/receiving/verifying-payloads/how-manual). */
export const TOLERANCE_S = 5 * 60;
const MAX_SIGNATURES = 20;

export type WebhookVerdict =
  | { ok: true; eventId: string }
  | { ok: false; reason: 'missing headers' | 'bad timestamp' | 'too old' | 'too new' | 'bad signature' };

function macOf(secret: string, eventId: string, timestamp: string, body: Buffer): Buffer {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  return createHmac('sha256', key).update(`${eventId}.${timestamp}.`).update(body).digest();
}

/** Signs a webhook as the provider does: for the local provider and for tests. */
export function signWebhook(secret: string, eventId: string, at: Date, body: Buffer): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  return { 'svix-id': eventId, 'svix-timestamp': timestamp, 'svix-signature': `v1,${macOf(secret, eventId, timestamp, body).toString('base64')}` };
}

function header(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[`svix-${name}`] ?? headers[`webhook-${name}`];
  return typeof value === 'string' && value !== '' ? value : null;
}

/**
 * Checks a webhook in the form of Svix (IN-01): HMAC-SHA256 of `id.timestamp.rawBody`. Any of several signatures may fit any of several secrets, so
 * that a secret can be replaced without losing a webhook. Every pair is compared, in constant time.
 */
export function verifyWebhook(secrets: readonly string[], headers: IncomingHttpHeaders, body: Buffer, now: Date): WebhookVerdict {
  const eventId = header(headers, 'id');
  const timestamp = header(headers, 'timestamp');
  const signatures = header(headers, 'signature');
  if (!eventId || !timestamp || !signatures) return { ok: false, reason: 'missing headers' };
  if (!/^\d{1,12}$/.test(timestamp)) return { ok: false, reason: 'bad timestamp' };
  const ageS = now.getTime() / 1000 - Number(timestamp);
  if (ageS > TOLERANCE_S) return { ok: false, reason: 'too old' };
  if (ageS < -TOLERANCE_S) return { ok: false, reason: 'too new' };
  const given = signatures
    .split(' ')
    .slice(0, MAX_SIGNATURES)
    .filter((signature) => signature.startsWith('v1,'))
    .map((signature) => Buffer.from(signature.slice(3), 'base64'));
  let fits = false;
  for (const secret of secrets) {
    const expected = macOf(secret, eventId, timestamp, body);
    for (const mac of given) fits = (mac.length === expected.length && timingSafeEqual(mac, expected)) || fits;
  }
  return fits ? { ok: true, eventId } : { ok: false, reason: 'bad signature' };
}
