import { eq } from 'drizzle-orm';
import { systemActor } from '../../../platform/actor.js';
import { newUuid } from '../../../platform/ids.js';
import { formatAmount, money } from '../../../platform/money.js';
import { type OutsideWork, retryAt } from '../../../platform/outsideWork.js';
import { type Database, inTransaction, type Tx } from '../../../platform/postgres.js';
import { cancelTimer, setTimer } from '../../../platform/timers.js';
import { sandboxPayouts } from '../sandboxTables.js';
import type { PayoutAnswer } from './payoutPort.js';
import { faultsOf, NO_FAULTS, type SandboxFaults } from './sandboxFaults.js';
import { MAX_WEBHOOK_ATTEMPTS, sendWebhook, WEBHOOK_TIMEOUT_MS } from './sandboxWebhooks.js';

export type SandboxPayout = typeof sandboxPayouts.$inferSelect;

const PAYOUT_WEBHOOK_TIMER = 'sandbox.payout';
/** Account numbers that end so are refused, as a bank refuses one that it does not know: for tests and for trying it out. */
const REFUSED_ENDING = '0000';
const UNKNOWN_ACCOUNT = 'ACCOUNT_UNKNOWN';

/**
 * What the bank does with a payout: the first time of a key it is PENDING, and a webhook tells the end; asked again, it says the end itself. The account
 * number is looked at and not kept.
 */
export async function takePayout(
  tx: Tx,
  payout: { key: string; orderId: string; accountNumber: string; amountMinor: bigint; currency: string },
  delayMs: number,
): Promise<PayoutAnswer> {
  const { accountNumber, ...facts } = payout;
  const outcome = accountNumber.endsWith(REFUSED_ENDING) ? 'FAILED' : 'PAID';
  const fresh = await tx.orm
    .insert(sandboxPayouts)
    .values({ ...facts, outcome, eventId: newUuid(tx.now), decidedAt: tx.now })
    .onConflictDoNothing()
    .returning({ key: sandboxPayouts.key });
  const reference = `sandbox-${payout.key}`;
  if (fresh.length > 0) {
    await setTimer(tx, { kind: PAYOUT_WEBHOOK_TIMER, key: payout.key, dueAt: new Date(tx.now.getTime() + delayMs) });
    return { state: 'PENDING', reference };
  }
  const known = await payoutOf(tx, payout.key);
  return known?.outcome === 'PAID' ? { state: 'PAID', reference } : { state: 'REFUSED', code: UNKNOWN_ACCOUNT };
}

async function payoutOf(tx: Tx, key: string): Promise<SandboxPayout | null> {
  const [row] = await tx.orm.select().from(sandboxPayouts).where(eq(sandboxPayouts.key, key));
  return row ?? null;
}

/** Tells the merchant what became of a payout, until the merchant says that it heard; with the faults that were asked for. */
export function sandboxPayoutWebhooks(options: { db: Database; secret: string; webhookUrl: () => string; faults?: SandboxFaults }): OutsideWork<SandboxPayout> {
  const { db, faults = NO_FAULTS } = options;
  return {
    kind: PAYOUT_WEBHOOK_TIMER,
    leaseMs: WEBHOOK_TIMEOUT_MS + 5_000,
    claim: async (tx, key) => {
      const payout = await payoutOf(tx, key);
      if (!payout || payout.deliveredAt !== null || payout.webhookAttempts >= MAX_WEBHOOK_ATTEMPTS) return null;
      const webhookAttempts = payout.webhookAttempts + 1;
      await tx.orm.update(sandboxPayouts).set({ webhookAttempts }).where(eq(sandboxPayouts.key, key));
      return { ...payout, webhookAttempts };
    },
    perform: async (payout, cause) => {
      const heard = await deliver(payout).catch(() => false);
      await inTransaction(systemActor('sandbox'), db, cause, async (tx) => {
        if (!heard) return setTimer(tx, { kind: PAYOUT_WEBHOOK_TIMER, key: payout.key, dueAt: retryAt(tx.now, payout.webhookAttempts) });
        await cancelTimer(tx, PAYOUT_WEBHOOK_TIMER, payout.key);
        await tx.orm.update(sandboxPayouts).set({ deliveredAt: tx.now }).where(eq(sandboxPayouts.key, payout.key));
      });
    },
  };

  async function deliver(payout: SandboxPayout): Promise<boolean> {
    const { copies, drop, reorder, amountOffMinor } = faultsOf(payout.amountMinor, faults);
    if (payout.webhookAttempts <= drop) return false;
    const told = { ...payout, amountMinor: payout.amountMinor - amountOffMinor };
    // A failed attempt of the bank's own comes late: before and after the word that counts.
    const stale = reorder && payout.outcome === 'PAID' ? { ...told, outcome: 'FAILED' } : null;
    if (stale) await send(stale, `${payout.eventId}:earlier`).catch(() => false);
    const heard = await Promise.all(Array.from({ length: Math.max(1, copies) }, () => send(told).catch(() => false)));
    if (stale) await send(stale, `${payout.eventId}:later`).catch(() => false);
    return heard.includes(true);
  }

  function send(payout: SandboxPayout, id: string = payout.eventId): Promise<boolean> {
    return sendWebhook(options, {
      id,
      type: payout.outcome === 'PAID' ? 'payout.paid' : 'payout.failed',
      orderId: payout.orderId,
      amount: formatAmount(money(payout.amountMinor, payout.currency)),
      currency: payout.currency,
      occurredAt: payout.decidedAt.toISOString(),
    });
  }
}
