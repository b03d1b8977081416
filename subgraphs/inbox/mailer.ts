import { request } from 'undici';
import { systemActor } from '../../platform/actor.js';
import { type Cause, type Database, inTransaction, type Tx } from '../../platform/postgres.js';
import { cancelTimer, setTimer, type TimerHandlers } from '../../platform/timers.js';
import type { MailAddress } from './address.js';
import { type LocalMail, webhookAbout } from './adapters/localMail.js';
import { MailNotAccepted, type MailProvider, PROVIDER_TIMEOUT_MS, type ReceivedBody } from './adapters/mailProvider.js';
import { type DeliveryRow, type RetryPolicy, retryPauseMs } from './delivery.js';
import { addressDelivery, claimDelivery, DELIVERY_TIMER, recordFailure, skipDelivery } from './deliveryCommands.js';
import type { ProviderEventRow } from './deliveryQueries.js';
import type { Desk } from './desk.js';
import type { Errands } from './errands.js';
import type { Pace } from './pace.js';
import { countAttempt, lockProviderEvent, PROVIDER_EVENT_TIMER, processProviderEvent, RECEIVED, recordAccepted } from './providerEventCommands.js';
import { lacksBody, receivedDataSchema } from './receivedMail.js';
import { signWebhook } from './webhookSignature.js';

const LOCAL_WEBHOOK_TIMER = 'local-webhook';
/** A timer that finds no room looks again after this. */
const NO_ROOM_MS = 250;
/** Calls for a received mail's body, before it is kept without one; in all about a quarter of an hour. */
const MAX_FETCHES = 10;
/** The local provider's webhooks are for trying out: after these calls it gives up. */
const MAX_LOCAL_WEBHOOKS = 8;

export interface MailerParts {
  db: Database;
  desk: Desk;
  provider: MailProvider;
  /** Set when the provider is the local one. */
  local: LocalMail | null;
  addressOf: (userId: string) => Promise<MailAddress | null>;
  policy: RetryPolicy;
  errands: Errands;
  pace: Pace;
  webhook: { url: () => string; secret: string };
}

/**
 * The timers that talk to the outside. None does so inside its transaction: each claims its work and commits, calls the provider, and records the
 * answer in a transaction of its own (IN-06). Killed between any two of these steps, it begins again when its lease ends, under the same key.
 */
export function mailTimers(parts: MailerParts): TimerHandlers {
  const { db, desk, provider, local, policy, errands, pace } = parts;
  const record = <T>(cause: Cause, work: (tx: Tx) => Promise<T>) => inTransaction(systemActor('mailer'), db, cause, work);
  const later = (tx: Tx, kind: string, key: string, waitMs: number, payload?: unknown) =>
    setTimer(tx, { kind, key, dueAt: new Date(tx.now.getTime() + waitMs), payload });

  const send = async (claimed: DeliveryRow, cause: Cause) => {
    try {
      const to = await recipientOf(claimed);
      if (!to) return await record(cause, (tx) => skipDelivery(tx, desk, claimed.id, 'NO_ADDRESS'));
      const mail = await record(cause, (tx) => addressDelivery(tx, desk, claimed, to));
      if (!mail) return;
      const accepted = await provider.send(mail);
      await record(cause, async (tx) => {
        await recordAccepted(tx, desk, claimed.id, accepted);
        if (local) await later(tx, LOCAL_WEBHOOK_TIMER, accepted.providerId, 0, { call: 1 });
      });
    } catch (error) {
      await record(cause, (tx) => recordFailure(tx, desk, claimed, error as Error, policy));
    }
  };

  const recipientOf = async (claimed: DeliveryRow): Promise<MailAddress | null> => {
    if (claimed.toAddress) return { address: claimed.toAddress, name: claimed.toName };
    return claimed.toUserId ? parts.addressOf(claimed.toUserId) : null;
  };

  const fetchBody = async (event: ProviderEventRow, fetches: number, cause: Cause) => {
    let body: ReceivedBody | null = null;
    try {
      body = (await provider.fetchReceived?.(event.emailId ?? '')) ?? null;
    } catch (error) {
      const final = error instanceof MailNotAccepted && error.final;
      // A mail whose body nobody can give us is still a mail.
      if (!final && fetches < MAX_FETCHES) {
        await record(cause, (tx) => later(tx, PROVIDER_EVENT_TIMER, event.id, retryPauseMs(fetches, policy, Math.random())));
        return;
      }
    }
    await record(cause, async (tx) => {
      const current = await lockProviderEvent(tx, event.id);
      if (current && current.outcome === null) await processProviderEvent(tx, desk, current, body);
    });
  };

  const callOurWebhook = async (providerId: string, call: number, cause: Cause) => {
    const kept = await local?.read(providerId);
    const now = db.clock();
    const done = kept ? await postWebhook(parts.webhook, webhookAbout(kept, now), now) : true;
    await record(cause, async (tx) => {
      if (done || call >= MAX_LOCAL_WEBHOOKS) await cancelTimer(tx, LOCAL_WEBHOOK_TIMER, providerId);
      else await later(tx, LOCAL_WEBHOOK_TIMER, providerId, retryPauseMs(call, policy, Math.random()), { call: call + 1 });
    });
  };

  return {
    [DELIVERY_TIMER]: async (tx, { key }) => {
      const waitMs = errands.hasRoom() ? pace.take(tx.now) : NO_ROOM_MS;
      if (waitMs > 0) return later(tx, DELIVERY_TIMER, key, waitMs);
      const claimed = await claimDelivery(tx, desk, key, policy);
      if (claimed) tx.afterCommit(() => errands.begin(`mail ${key}`, () => send(claimed, tx.cause)));
    },
    [PROVIDER_EVENT_TIMER]: async (tx, { key }) => {
      const event = await lockProviderEvent(tx, key);
      if (!event || event.outcome !== null) return;
      if (!provider.fetchReceived || !mustBeFetched(event)) return processProviderEvent(tx, desk, event, null);
      if (!errands.hasRoom()) return later(tx, PROVIDER_EVENT_TIMER, key, NO_ROOM_MS);
      const fetches = await countAttempt(tx, event.id);
      await later(tx, PROVIDER_EVENT_TIMER, key, policy.leaseMs);
      tx.afterCommit(() => errands.begin(`received mail ${key}`, () => fetchBody(event, fetches, tx.cause)));
    },
    [LOCAL_WEBHOOK_TIMER]: async (tx, { key, payload }) => {
      if (!errands.hasRoom()) return later(tx, LOCAL_WEBHOOK_TIMER, key, NO_ROOM_MS, payload);
      const call = (payload as { call?: number }).call ?? 1;
      await later(tx, LOCAL_WEBHOOK_TIMER, key, policy.leaseMs, { call: call + 1 });
      tx.afterCommit(() => errands.begin(`local webhook ${key}`, () => callOurWebhook(key, call, tx.cause)));
    },
  };
}

function mustBeFetched(event: ProviderEventRow): boolean {
  if (event.type !== RECEIVED || !event.emailId) return false;
  const data = receivedDataSchema.safeParse((event.payload as { data?: unknown }).data);
  return data.success && lacksBody(data.data);
}

/** Calls our own webhook over HTTP as the real provider would. True when it took the event. */
async function postWebhook(webhook: MailerParts['webhook'], { eventId, body }: { eventId: string; body: Buffer }, now: Date): Promise<boolean> {
  try {
    const response = await request(webhook.url(), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signWebhook(webhook.secret, eventId, now, body) },
      body,
      signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS),
    });
    await response.body.dump();
    return response.statusCode >= 200 && response.statusCode < 300;
  } catch {
    return false;
  }
}
