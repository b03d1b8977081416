import { request } from 'undici';
import { z } from 'zod';
import { type MessageSigner, messageSigner } from '../../../platform/signedMessages.js';
import type { SignerPort } from './signerPort.js';

const TIMEOUT_MS = 5_000;
export const SIGNER_API = '/sign/api/envelopes';

/** Between us and the local signer: our calls, and its webhooks. Each has a key of its own, so that one cannot be passed off as the other. */
export const signerCalls = (secret: string): MessageSigner => messageSigner(secret, 'signer-calls', 'x-signer-call');
export const signerWebhooks = (secret: string): MessageSigner => messageSigner(secret, 'signer-webhooks', 'x-signer-signature');

const answerSchema = z.object({ signUrl: z.url() });
const outcomeSchema = z.object({
  key: z.uuid(),
  outcome: z.enum(['SIGNED', 'DECLINED']),
  at: z.coerce.date(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** The signer for laptops and tests: a page of ours where one reads and signs. It is called over HTTP like any foreign one. */
export function localSigner(options: { origin: () => string; secret: string; clock: () => Date }): SignerPort {
  const calls = signerCalls(options.secret);
  const webhooks = signerWebhooks(options.secret);
  return {
    name: 'local',
    async send({ key, title, pdf, signer }) {
      const body = JSON.stringify({ key, title, signerName: signer.name, pdf: pdf.toString('base64') });
      const answer = await request(`${options.origin()}${SIGNER_API}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...calls.sign(options.clock(), body) },
        body,
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const said: unknown = await answer.body.json();
      if (answer.statusCode !== 200) throw new Error(`the signer answered ${answer.statusCode}`);
      return answerSchema.parse(said);
    },
    readWebhook(headers, body, now) {
      if (!webhooks.isSigned(now, headers, body)) return null;
      try {
        return outcomeSchema.parse(JSON.parse(body.toString()));
      } catch {
        return 'malformed';
      }
    },
  };
}
