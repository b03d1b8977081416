import { createHmac, timingSafeEqual } from 'node:crypto';

/** Kashier's header of a webhook's signature. */
export const KASHIER_SIGNATURE_HEADER = 'x-kashier-signature';

/** What a webhook must have signed to be believed: otherwise these could be changed under a good signature of the rest. */
const MUST_BE_SIGNED = ['merchantOrderId', 'amount', 'currency', 'status'] as const;

function hmac(key: string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** The hash of an order at the hosted payment page: HMAC-SHA256 in hex over merchant, order, amount and currency, with the payment API key. */
export function kashierOrderHash(apiKey: string, order: { merchantId: string; orderId: string; amount: string; currency: string }): string {
  return hmac(apiKey, `/?payment=${order.merchantId}.${order.orderId}.${order.amount}.${order.currency}`).toString('hex');
}

/** RFC 3986, as the query strings that Kashier signs are encoded: stricter than encodeURIComponent. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The signature of a webhook's data: over the fields that `signatureKeys` names, sorted, as a query string. */
export function kashierWebhookSignature(apiKey: string, data: Readonly<Record<string, unknown>>, signatureKeys: readonly string[]): string {
  const pairs = [...signatureKeys]
    .sort()
    .filter((key) => data[key] !== undefined)
    .map((key) => (data[key] === null ? encode(key) : `${encode(key)}=${encode(String(data[key]))}`));
  return hmac(apiKey, pairs.join('&')).toString('hex');
}

/** Whether the data carry a good signature over everything that matters. Compares in constant time. */
export function isKashierSigned(apiKey: string, data: Readonly<Record<string, unknown>>, signature: unknown): boolean {
  const keys = data.signatureKeys;
  if (typeof signature !== 'string' || !Array.isArray(keys) || keys.length > 100 || !keys.every((key) => typeof key === 'string')) return false;
  if (!MUST_BE_SIGNED.every((key) => keys.includes(key))) return false;
  const expected = Buffer.from(kashierWebhookSignature(apiKey, data, keys), 'hex');
  const given = Buffer.from(signature, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
