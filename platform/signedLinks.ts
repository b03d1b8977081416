import { createHmac, timingSafeEqual } from 'node:crypto';

/** Signs and reads the words of links that let whoever holds them do one thing for a while: no session, and nothing to look up. */
export interface LinkSigner {
  sign(payload: object, expiresAt: Date): string;
  /** What was signed; null for words that are not ours, were changed, or were signed for another purpose. Expired ones are told apart. */
  read(words: string, now: Date): { payload: unknown } | 'expired' | null;
}

/** `purpose` is part of the key: words for one kind of link are nothing for another. */
export function linkSigner(secret: string, purpose: string): LinkSigner {
  const key = createHmac('sha256', secret).update(`links:${purpose}`).digest();
  const signatureOf = (body: string) => createHmac('sha256', key).update(body).digest();
  return {
    sign(payload, expiresAt) {
      const body = Buffer.from(JSON.stringify({ payload, expiresAt: expiresAt.getTime() })).toString('base64url');
      return `${body}.${signatureOf(body).toString('base64url')}`;
    },
    read(words, now) {
      const [body = '', signature = '', ...rest] = words.split('.');
      const shown = Buffer.from(signature, 'base64url');
      const expected = signatureOf(body);
      if (rest.length > 0 || shown.length !== expected.length || !timingSafeEqual(shown, expected)) return null;
      const { payload, expiresAt } = JSON.parse(Buffer.from(body, 'base64url').toString()) as { payload: unknown; expiresAt: number };
      return expiresAt <= now.getTime() ? 'expired' : { payload };
    },
  };
}
