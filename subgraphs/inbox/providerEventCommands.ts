import { eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import { cancelTimer, setTimer } from '../../platform/timers.js';
import { messageIdsIn, parseAddress } from './address.js';
import type { AcceptedMail, ReceivedBody } from './adapters/mailProvider.js';
import { afterProviderEvent, type DeliveryRow, type DeliveryStatus, isHardBounce, withFailure } from './delivery.js';
import { bury, markAccepted } from './deliveryCommands.js';
import { lockDeliveryByProviderId, type ProviderEventRow, unmatchedEvents } from './deliveryQueries.js';
import type { Desk } from './desk.js';
import { receiveMail } from './inboundCommands.js';
import { readReceivedMail, receivedDataSchema } from './receivedMail.js';
import { mailDeliveries, providerEvents, suppressions } from './tables.js';
import { touchThreadOfDelivery } from './threadChanges.js';

/** The timer of a webhook that is to be processed. */
export const PROVIDER_EVENT_TIMER = 'provider-event';
export const RECEIVED = 'email.received';

/** With it, what a provider says of a mail and our own record of it are written one after the other. */
const EMAIL_LOCK = 43;

export interface ProviderEvent {
  eventId: string;
  type: string;
  emailId: string | null;
  payload: unknown;
}

/** Keeps a webhook, with a timer to process it (IN-01). False when it has been kept before: the provider repeats what it is not sure of. */
export async function storeProviderEvent(tx: Tx, event: ProviderEvent): Promise<boolean> {
  const id = newUuid(tx.now);
  const inserted = await tx.orm
    .insert(providerEvents)
    .values({ id, ...event, receivedAt: tx.now })
    .onConflictDoNothing({ target: providerEvents.eventId })
    .returning({ id: providerEvents.id });
  if (inserted.length === 0) return false;
  await setTimer(tx, { kind: PROVIDER_EVENT_TIMER, key: id, dueAt: tx.now });
  return true;
}

export async function lockProviderEvent(tx: Tx, id: string): Promise<ProviderEventRow | undefined> {
  const [row] = await tx.orm.select().from(providerEvents).where(eq(providerEvents.id, id)).for('update');
  return row;
}

/** Counts a try to fetch what a webhook left out; returns how many there were. */
export async function countAttempt(tx: Tx, id: string): Promise<number> {
  const [row] = await tx.orm
    .update(providerEvents)
    .set({ attempts: sql`${providerEvents.attempts} + 1` })
    .where(eq(providerEvents.id, id))
    .returning({ attempts: providerEvents.attempts });
  return row?.attempts ?? 1;
}

/** `data` of any event about a mail of ours. */
const mailEventSchema = z.object({
  data: z.object({
    to: z.union([z.string(), z.array(z.string())]).nullish(),
    message_id: z.string().nullish(),
    bounce: z.object({ type: z.string().nullish(), message: z.string().nullish() }).nullish(),
    failed: z.object({ reason: z.string().nullish() }).nullish(),
  }),
});
const receivedEventSchema = z.object({ data: receivedDataSchema });

/** Does what a stored webhook asks for; `body` is the fetched one of a received mail. Once: a processed event stays as it is. */
export async function processProviderEvent(tx: Tx, desk: Desk, event: ProviderEventRow, body: ReceivedBody | null): Promise<void> {
  const outcome = event.type === RECEIVED ? await processReceived(tx, desk, event, body) : await processMailEvent(tx, desk, event);
  await tx.orm.update(providerEvents).set({ outcome, processedAt: tx.now }).where(eq(providerEvents.id, event.id));
  await cancelTimer(tx, PROVIDER_EVENT_TIMER, event.id);
}

type Outcome = 'APPLIED' | 'UNMATCHED' | 'IGNORED' | 'UNREADABLE';

async function processReceived(tx: Tx, desk: Desk, event: ProviderEventRow, body: ReceivedBody | null): Promise<Outcome> {
  const parsed = receivedEventSchema.safeParse(event.payload);
  if (!parsed.success) return 'UNREADABLE';
  const own = parseAddress(desk.mailFrom)?.address ?? '';
  const mail = readReceivedMail(parsed.data.data, body, own);
  if (!mail) return 'UNREADABLE';
  await receiveMail(tx, desk, mail, event.emailId ?? event.eventId);
  return 'APPLIED';
}

async function processMailEvent(tx: Tx, desk: Desk, event: ProviderEventRow): Promise<Outcome> {
  if (!event.emailId) return 'IGNORED';
  await lockEmail(tx, event.emailId);
  const delivery = await lockDeliveryByProviderId(tx.orm, event.emailId);
  if (delivery) return applyMailEvent(tx, desk, delivery, event);
  await suppressIfTold(tx, event, null);
  return 'UNMATCHED';
}

/** The provider took a mail: records it, and applies what its webhooks said about the mail before we knew its id. */
export async function recordAccepted(tx: Tx, desk: Desk, deliveryId: string, { providerId }: AcceptedMail): Promise<void> {
  await lockEmail(tx, providerId);
  let delivery = await markAccepted(tx, desk, deliveryId, providerId);
  if (!delivery) return;
  for (const event of await unmatchedEvents(tx.orm, providerId)) {
    const outcome = await applyMailEvent(tx, desk, delivery, event);
    await tx.orm.update(providerEvents).set({ outcome }).where(eq(providerEvents.id, event.id));
    delivery = (await lockDeliveryByProviderId(tx.orm, providerId)) ?? delivery;
  }
}

async function applyMailEvent(tx: Tx, desk: Desk, delivery: DeliveryRow, event: ProviderEventRow): Promise<Outcome> {
  const data = mailEventSchema.safeParse(event.payload).data?.data;
  await suppressIfTold(tx, event, delivery.toAddress);
  const messageId = messageIdsIn(data?.message_id).at(0);
  const renamed = messageId && messageId !== delivery.messageId ? { providerMessageId: messageId } : null;
  const soft = event.type === 'email.bounced' && !isHardBounce(data?.bounce?.type);
  const before = delivery.status as DeliveryStatus;
  const after = soft ? before : afterProviderEvent(before, event.type);
  const reason = data?.bounce?.message ?? data?.failed?.reason ?? event.type;
  if (after === 'DEAD' && before !== 'DEAD') {
    await bury(tx, desk, delivery, reason.slice(0, 300));
    return 'APPLIED';
  }
  const failed = soft || (after !== before && (after === 'BOUNCED' || after === 'COMPLAINED'));
  const failures = failed
    ? withFailure(delivery.failures, { attempt: delivery.attempts, at: tx.now.toISOString(), reason: reason.slice(0, 300) })
    : delivery.failures;
  await tx.orm
    .update(mailDeliveries)
    .set({ status: after, failures, ...renamed, updatedAt: tx.now })
    .where(eq(mailDeliveries.id, delivery.id));
  if (after !== before) await touchThreadOfDelivery(tx, desk, delivery.id, after);
  return after !== before || renamed || soft ? 'APPLIED' : 'IGNORED';
}

/** Hard bounces and complaints stop further mail to the address (IN-08), also when the mail was none of ours: then only if it went to one address. */
async function suppressIfTold(tx: Tx, event: ProviderEventRow, toAddress: string | null): Promise<void> {
  const data = mailEventSchema.safeParse(event.payload).data?.data;
  const bounced = event.type === 'email.bounced' && isHardBounce(data?.bounce?.type);
  if (!bounced && event.type !== 'email.complained') return;
  const named = Array.isArray(data?.to) ? data.to : data?.to ? [data.to] : [];
  const address = toAddress ?? (named.length === 1 ? parseAddress(named[0] ?? '')?.address : null);
  if (!address) return;
  await tx.orm
    .insert(suppressions)
    .values({ address, reason: bounced ? 'BOUNCED' : 'COMPLAINED', providerEventId: event.id, createdAt: tx.now })
    .onConflictDoNothing();
}

async function lockEmail(tx: Tx, emailId: string): Promise<void> {
  await tx.orm.execute(sql`select pg_advisory_xact_lock(hashtextextended(${emailId}, ${EMAIL_LOCK}))`);
}
