import { request } from 'undici';
import type { Database } from '../../../platform/postgres.js';
import { signMessage } from './sandboxSignature.js';

export const WEBHOOK_TIMEOUT_MS = 5_000;
/** About eight hours of trying; then the merchant has to look at the settlement report, or ask. */
export const MAX_WEBHOOK_ATTEMPTS = 100;

/** Sends one signed message to the merchant. Says whether it was heard. */
export async function sendWebhook(to: { db: Database; secret: string; webhookUrl: () => string }, message: Record<string, string>): Promise<boolean> {
  const body = JSON.stringify(message);
  const response = await request(to.webhookUrl(), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signMessage(to.secret, to.db.clock(), body) },
    body,
    signal: AbortSignal.timeout(WEBHOOK_TIMEOUT_MS),
  });
  await response.body.dump();
  return response.statusCode >= 200 && response.statusCode < 300;
}
