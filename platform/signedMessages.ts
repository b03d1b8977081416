import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** How far a message's time may be from our clock, either way: an older one may be a replay. */
const TOLERANCE_S = 300;

/** Signs and checks the messages between us and one foreign system. */
export interface MessageSigner {
  /** The header of a signed message. */
  sign(now: Date, message: string | Buffer): Record<string, string>;
  /** Whether a message carries a good signature of the last five minutes. Compares in constant time. */
  isSigned(now: Date, headers: IncomingHttpHeaders, message: string | Buffer): boolean;
}

/** One header, `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`: the time is signed too, so that a message cannot be used again later. */
export function messageSigner(secret: string, purpose: string, header: string): MessageSigner {
  const key = createHmac('sha256', secret).update(`messages:${purpose}`).digest();
  const macOf = (timestamp: string, message: string | Buffer) => createHmac('sha256', key).update(`${timestamp}.`).update(message).digest();
  return {
    sign(now, message) {
      const timestamp = String(Math.floor(now.getTime() / 1000));
      return { [header]: `t=${timestamp},v1=${macOf(timestamp, message).toString('hex')}` };
    },
    isSigned(now, headers, message) {
      const found = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(String(headers[header] ?? ''));
      if (!found) return false;
      const [, timestamp = '', mac = ''] = found;
      return Math.abs(now.getTime() / 1000 - Number(timestamp)) <= TOLERANCE_S && timingSafeEqual(Buffer.from(mac, 'hex'), macOf(timestamp, message));
    },
  };
}
