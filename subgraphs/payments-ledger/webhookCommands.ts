import { and, eq } from 'drizzle-orm';
import { newUuid, uuidOf } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import type { GatewayEvent } from './adapters/gatewayPort.js';
import { applyDepositEvent, type EventOutcome } from './depositCommands.js';
import type { LedgerTx } from './desk.js';
import { deposits, webhookEvents } from './flowTables.js';
import { applyPayoutEvent } from './withdrawalCommands.js';

/** An order id carries its time of birth: one that is younger than this and not there may be in a transaction that has not committed. */
const TOO_EARLY_MS = 60_000;

/**
 * Takes an event of a gateway or bank, once whatever is delivered how often and in which order (PL-10, PL-13), and keeps it with what it did and the amount
 * that it told of: money that is nobody's yet is found by it.
 */
export async function takeGatewayEvent(tx: LedgerTx, adapter: string, event: GatewayEvent): Promise<EventOutcome> {
  if (await mayComeSoon(tx, event.orderId)) return 'TOO_EARLY';
  const known = await tx.orm
    .insert(webhookEvents)
    .values({
      id: newUuid(tx.now),
      adapter,
      eventId: event.id,
      type: event.type,
      orderId: event.orderId,
      amountMinor: event.amount?.amountMinor ?? null,
      currency: event.amount?.currency ?? null,
      outcome: 'TAKEN',
      receivedAt: tx.now,
    })
    .onConflictDoNothing()
    .returning({ eventId: webhookEvents.eventId });
  if (known.length === 0) return 'DUPLICATE';
  const payout = event.type === 'PAYOUT_PAID' || event.type === 'PAYOUT_FAILED';
  const outcome = payout ? await applyPayoutEvent(tx, event) : await applyDepositEvent(tx, adapter, event);
  await tx.orm
    .update(webhookEvents)
    .set({ outcome })
    .where(and(eq(webhookEvents.adapter, adapter), eq(webhookEvents.eventId, event.id)));
  return outcome;
}

async function mayComeSoon(tx: Tx, orderId: string): Promise<boolean> {
  const id = uuidOf('dep', orderId);
  // Version 7: the first 48 bits are milliseconds.
  if (id?.[14] !== '7') return false;
  const bornAt = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
  if (Math.abs(tx.now.getTime() - bornAt) > TOO_EARLY_MS) return false;
  const found = await tx.orm.select({ id: deposits.id }).from(deposits).where(eq(deposits.id, id));
  return found.length === 0;
}
