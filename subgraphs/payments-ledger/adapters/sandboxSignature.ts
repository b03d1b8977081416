import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Unix time in seconds at which the message was signed. */
export const TIMESTAMP_HEADER = 'x-sandbox-timestamp';
/** `v1=` and the hex HMAC-SHA256 of `<timestamp>.<raw body>` under PAYMENT_SANDBOX_SECRET. */
export const SIGNATURE_HEADER = 'x-sandbox-signature';
/** How far the timestamp may be from our clock, either way: an older message may be a replay. */
const TOLERANCE_S = 300;
const VERSION = 'v1=';

function macOf(secret: string, text: string | Buffer): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}

/** The two headers of a signed message. */
export function signMessage(secret: string, now: Date, message: string | Buffer): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const mac = macOf(secret, Buffer.concat([Buffer.from(`${timestamp}.`), Buffer.from(message)]));
  return { [TIMESTAMP_HEADER]: timestamp, [SIGNATURE_HEADER]: VERSION + mac.toString('hex') };
}

/** Whether the message carries a good signature of the last five minutes. Compares in constant time. */
export function isSigned(secret: string, now: Date, headers: IncomingHttpHeaders, message: string | Buffer): boolean {
  const timestamp = headers[TIMESTAMP_HEADER];
  const signature = headers[SIGNATURE_HEADER];
  if (typeof timestamp !== 'string' || typeof signature !== 'string' || !/^\d{1,12}$/.test(timestamp) || !signature.startsWith(VERSION)) return false;
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > TOLERANCE_S) return false;
  const expected = macOf(secret, Buffer.concat([Buffer.from(`${timestamp}.`), Buffer.from(message)]));
  const given = Buffer.from(signature.slice(VERSION.length), 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** Signs what a payment page shows, so that nobody pays a smaller amount by editing the address. */
export function signPage(secret: string, orderId: string, amountMinor: bigint, currency: string): string {
  return macOf(secret, `page:${orderId}:${amountMinor}:${currency}`).toString('hex');
}

export function isSignedPage(secret: string, page: { orderId: string; amountMinor: bigint; currency: string; signature: string }): boolean {
  const expected = Buffer.from(signPage(secret, page.orderId, page.amountMinor, page.currency), 'hex');
  const given = Buffer.from(page.signature, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
