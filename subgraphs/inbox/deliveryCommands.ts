import { eq, sql } from 'drizzle-orm';
import { notFound, Refusal } from '../../platform/errors.js';
import { newUuid, publicId } from '../../platform/ids.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { cancelTimer, setTimer } from '../../platform/timers.js';
import { domainOf, type MailAddress } from './address.js';
import type { MailNotAccepted, OutgoingMail } from './adapters/mailProvider.js';
import { type DeliveryRow, type RetryPolicy, retryPauseMs, withFailure } from './delivery.js';
import { isSuppressed, lockDeadDeliveries, lockDelivery, messageOfDelivery } from './deliveryQueries.js';
import type { Desk } from './desk.js';
import { deliveryFailed } from './events.js';
import { composeMail, REPLY } from './outgoingMail.js';
import { mailDeliveries } from './tables.js';
import { touchThreadOfDelivery } from './threadChanges.js';

/** The timer of a delivery: due when the next call is, or when the lease of the running one ends. */
export const DELIVERY_TIMER = 'mail-delivery';
/** Dead letters that one `retryAllDeliveries` takes: as many as a person may want at once, and few enough for one transaction. */
export const MAX_RETRIED_AT_ONCE = 500;

export type SkipReason = 'NO_ADDRESS' | 'SUPPRESSED';

export interface NewMail {
  kind: string;
  /** The event or the message that it is for: one mail per cause and kind, however often the cause is told. */
  causeId: string;
  to: { userId: string } | MailAddress;
  templateVersion: number;
  data: Record<string, unknown>;
  bookingId?: string | null;
  tripId?: string | null;
}

/** Puts a mail down to be sent, with its timer, in the transaction of its cause. Returns its id, or null when the cause has been mailed before. */
export async function queueMail(tx: Tx, desk: Desk, mail: NewMail): Promise<string | null> {
  const id = newUuid(tx.now);
  const inserted = await tx.orm
    .insert(mailDeliveries)
    .values({
      id,
      kind: mail.kind,
      causeId: mail.causeId,
      toUserId: 'userId' in mail.to ? mail.to.userId : null,
      toAddress: 'address' in mail.to ? mail.to.address : null,
      toName: 'address' in mail.to ? mail.to.name : null,
      templateVersion: mail.templateVersion,
      data: mail.data,
      bookingId: mail.bookingId ?? null,
      tripId: mail.tripId ?? null,
      status: 'PENDING',
      attempts: 0,
      nextAttemptAt: tx.now,
      idempotencyKey: publicId('dlv', id),
      messageId: `<${publicId('dlv', id)}@${domainOf(desk.mailFrom)}>`,
      failures: [],
      createdAt: tx.now,
      updatedAt: tx.now,
    })
    .onConflictDoNothing({ target: [mailDeliveries.causeId, mailDeliveries.kind] })
    .returning({ id: mailDeliveries.id });
  if (inserted.length === 0) return null;
  await setTimer(tx, { kind: DELIVERY_TIMER, key: id, dueAt: tx.now });
  return id;
}

/**
 * Claims one attempt: counts it, and leaves a timer for the end of its lease, so that a process that dies with it loses nothing. Null when there is
 * nothing to send any more.
 */
export async function claimDelivery(tx: Tx, desk: Desk, id: string, policy: RetryPolicy): Promise<DeliveryRow | null> {
  const current = await lockDelivery(tx.orm, id);
  if (current?.status !== 'PENDING') return null;
  if (current.attempts >= policy.maxAttempts) {
    // Each attempt took its process down, or its record never came: it must not go on for ever.
    await bury(tx, desk, current, 'no attempt came to an end');
    return null;
  }
  const leaseEnd = new Date(tx.now.getTime() + policy.leaseMs);
  const [row] = await tx.orm
    .update(mailDeliveries)
    .set({ attempts: current.attempts + 1, nextAttemptAt: leaseEnd, updatedAt: tx.now })
    .where(eq(mailDeliveries.id, id))
    .returning();
  await setTimer(tx, { kind: DELIVERY_TIMER, key: id, dueAt: leaseEnd });
  return row ?? null;
}

/** Fixes the address before the first call, and composes the mail. Null when the address gets no mail: then the delivery is SKIPPED. */
export async function addressDelivery(tx: Tx, desk: Desk, claimed: DeliveryRow, to: MailAddress): Promise<OutgoingMail | null> {
  const current = await lockDelivery(tx.orm, claimed.id);
  if (current?.status !== 'PENDING' || current.attempts !== claimed.attempts) return null;
  if (await isSuppressed(tx.orm, to.address)) {
    await skipDelivery(tx, desk, claimed.id, 'SUPPRESSED', to);
    return null;
  }
  const [row] = await tx.orm
    .update(mailDeliveries)
    .set({ toAddress: to.address, toName: to.name, updatedAt: tx.now })
    .where(eq(mailDeliveries.id, claimed.id))
    .returning();
  if (!row) throw new Error('the locked delivery vanished');
  const reply = row.kind === REPLY ? await messageOfDelivery(tx.orm, row.id) : null;
  if (row.kind === REPLY && !reply) throw new Error('a reply has no message');
  return composeMail({ ...row, toAddress: to.address }, desk.mailFrom, reply ?? null);
}

export async function skipDelivery(tx: Tx, desk: Desk, id: string, skipReason: SkipReason, to?: MailAddress): Promise<void> {
  await tx.orm
    .update(mailDeliveries)
    .set({ status: 'SKIPPED', skipReason, ...(to && { toAddress: to.address, toName: to.name }), updatedAt: tx.now })
    .where(sql`${mailDeliveries.id} = ${id} and ${mailDeliveries.status} = 'PENDING'`);
  await cancelTimer(tx, DELIVERY_TIMER, id);
  await touchThreadOfDelivery(tx, desk, id, 'SKIPPED');
}

/** Makes of a delivery what the provider's acceptance says: it is on its way, also when somebody gave it up meanwhile. */
export async function markAccepted(tx: Tx, desk: Desk, id: string, providerId: string): Promise<DeliveryRow | null> {
  const current = await lockDelivery(tx.orm, id);
  if (!current || !['PENDING', 'DEAD', 'DISCARDED'].includes(current.status)) return null;
  const [row] = await tx.orm
    .update(mailDeliveries)
    .set({ status: 'SENT', providerId, sentAt: tx.now, updatedAt: tx.now })
    .where(eq(mailDeliveries.id, id))
    .returning();
  await cancelTimer(tx, DELIVERY_TIMER, id);
  await touchThreadOfDelivery(tx, desk, id, 'SENT');
  return row ?? null;
}

/** Puts a failed attempt down and sets the time of the next; the last one, or one that cannot get better, makes a dead letter. */
export async function recordFailure(tx: Tx, desk: Desk, claimed: DeliveryRow, error: Error, policy: RetryPolicy): Promise<void> {
  const current = await lockDelivery(tx.orm, claimed.id);
  // An attempt whose lease has ended speaks for nobody: another runs, or has ended already.
  if (current?.status !== 'PENDING' || current.attempts !== claimed.attempts) return;
  const { final, retryAfterMs } = error as Partial<MailNotAccepted>;
  if (final || current.attempts >= policy.maxAttempts) return bury(tx, desk, current, error.message);
  const pauseMs = Math.max(retryPauseMs(current.attempts, policy, Math.random()), retryAfterMs ?? 0);
  const nextAttemptAt = new Date(tx.now.getTime() + pauseMs);
  const failures = withFailure(current.failures, { attempt: current.attempts, at: tx.now.toISOString(), reason: error.message });
  await tx.orm.update(mailDeliveries).set({ nextAttemptAt, failures, updatedAt: tx.now }).where(eq(mailDeliveries.id, current.id));
  await setTimer(tx, { kind: DELIVERY_TIMER, key: current.id, dueAt: nextAttemptAt });
}

/** Makes a dead letter (PF-03): it stays with all that is known of it until a person retries or discards it. */
export async function bury(tx: Tx, desk: Desk, current: DeliveryRow, reason: string): Promise<void> {
  const failures = withFailure(current.failures, { attempt: current.attempts, at: tx.now.toISOString(), reason });
  await tx.orm.update(mailDeliveries).set({ status: 'DEAD', failures, updatedAt: tx.now }).where(eq(mailDeliveries.id, current.id));
  await cancelTimer(tx, DELIVERY_TIMER, current.id);
  await appendEvent(tx, deliveryFailed, current.id, { deliveryId: current.id, kind: current.kind, attempts: current.attempts });
  await touchThreadOfDelivery(tx, desk, current.id, 'DEAD');
  tx.log.error({ deliveryId: current.id, kind: current.kind, attempts: current.attempts, reason }, 'mail given up');
}

async function revive(tx: Tx, desk: Desk, dead: DeliveryRow): Promise<DeliveryRow> {
  // The provider took this key once and then failed with the mail: to the same key it would only say so again.
  const renewed = dead.providerId ? { idempotencyKey: `${publicId('dlv', dead.id)}_${dead.providerId}`, providerId: null, sentAt: null } : {};
  // Without an acceptance the key may have been used by a call whose answer was lost, so the address stays as it was.
  const asked = dead.providerId && dead.toUserId ? { toAddress: null, toName: null } : {};
  const [row] = await tx.orm
    .update(mailDeliveries)
    .set({ status: 'PENDING', attempts: 0, nextAttemptAt: tx.now, ...renewed, ...asked, updatedAt: tx.now })
    .where(eq(mailDeliveries.id, dead.id))
    .returning();
  if (!row) throw new Error('the locked delivery vanished');
  await setTimer(tx, { kind: DELIVERY_TIMER, key: dead.id, dueAt: tx.now });
  await touchThreadOfDelivery(tx, desk, dead.id, 'PENDING');
  return row;
}

/** Sends a dead letter again; one that is under way or has arrived stays as it is. @throws Refusal NOT_FOUND, DELIVERY_NOT_DEAD */
export async function retryDelivery(tx: Tx, desk: Desk, id: string): Promise<DeliveryRow> {
  const current = await lockDelivery(tx.orm, id);
  if (!current) throw notFound('delivery');
  if (current.status === 'DEAD') return revive(tx, desk, current);
  if (['PENDING', 'SENT', 'DELIVERED'].includes(current.status)) return current;
  throw new Refusal('DELIVERY_NOT_DEAD', `This mail is ${current.status}, and only a DEAD one can be sent again.`, { details: { status: current.status } });
}

/** Sends the oldest dead letters again, up to 500; returns how many. */
export async function retryAllDeliveries(tx: Tx, desk: Desk): Promise<number> {
  const dead = await lockDeadDeliveries(tx.orm, MAX_RETRIED_AT_ONCE);
  for (const delivery of dead) await revive(tx, desk, delivery);
  return dead.length;
}

/** Gives a mail up for good. @throws Refusal NOT_FOUND, DELIVERY_OVER when the provider has taken it, or it was skipped */
export async function discardDelivery(tx: Tx, desk: Desk, id: string): Promise<DeliveryRow> {
  const current = await lockDelivery(tx.orm, id);
  if (!current) throw notFound('delivery');
  if (current.status === 'DISCARDED') return current;
  if (current.status !== 'PENDING' && current.status !== 'DEAD') {
    throw new Refusal('DELIVERY_OVER', `This mail is ${current.status} and cannot be taken back.`, { details: { status: current.status } });
  }
  const [row] = await tx.orm.update(mailDeliveries).set({ status: 'DISCARDED', updatedAt: tx.now }).where(eq(mailDeliveries.id, id)).returning();
  if (!row) throw new Error('the locked delivery vanished');
  await cancelTimer(tx, DELIVERY_TIMER, id);
  await touchThreadOfDelivery(tx, desk, id, 'DISCARDED');
  return row;
}
