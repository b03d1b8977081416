import { and, eq, gte, lt } from 'drizzle-orm';
import { newUuid } from '../../../platform/ids.js';
import { formatAmount, money } from '../../../platform/money.js';
import { systemActor } from '../../../platform/actor.js';
import { type Database, inTransaction, type Tx } from '../../../platform/postgres.js';
import { cancelTimer, setTimer } from '../../../platform/timers.js';
import { type OutsideWork, retryAt } from '../../../platform/outsideWork.js';
import { sandboxOrders } from '../sandboxTables.js';
import { faultsOf, NO_FAULTS, type SandboxFaults } from './sandboxFaults.js';
import { MAX_WEBHOOK_ATTEMPTS, sendWebhook, WEBHOOK_TIMEOUT_MS } from './sandboxWebhooks.js';

export type SandboxOrder = typeof sandboxOrders.$inferSelect;

const WEBHOOK_TIMER = 'sandbox.webhook';

export async function sandboxOrder(tx: Tx, id: string): Promise<SandboxOrder | null> {
  const [row] = await tx.orm.select().from(sandboxOrders).where(eq(sandboxOrders.id, id));
  return row ?? null;
}

/** What a person decided on the payment page; the first decision stays. The webhook's timer commits with it. */
export async function decideOrder(
  tx: Tx,
  order: { id: string; amountMinor: bigint; currency: string; outcome: 'PAID' | 'DECLINED' },
  delayMs: number,
): Promise<SandboxOrder> {
  await tx.orm
    .insert(sandboxOrders)
    .values({ ...order, eventId: newUuid(tx.now), decidedAt: tx.now })
    .onConflictDoNothing();
  const decided = await sandboxOrder(tx, order.id);
  if (!decided) throw new Error('the order was not kept');
  if (decided.deliveredAt === null) await setTimer(tx, { kind: WEBHOOK_TIMER, key: order.id, dueAt: new Date(tx.now.getTime() + delayMs) });
  return decided;
}

/** Orders paid in a range of time: the settlement report. */
export async function paidOrders(tx: Tx, from: Date, to: Date): Promise<SandboxOrder[]> {
  return tx.orm
    .select()
    .from(sandboxOrders)
    .where(and(eq(sandboxOrders.outcome, 'PAID'), gte(sandboxOrders.decidedAt, from), lt(sandboxOrders.decidedAt, to)));
}

/** Tells the merchant what became of an order, until the merchant says that it heard. */
export function sandboxWebhooks(options: { db: Database; secret: string; webhookUrl: () => string; faults?: SandboxFaults }): OutsideWork<SandboxOrder> {
  const { db, faults = NO_FAULTS } = options;
  return {
    kind: WEBHOOK_TIMER,
    leaseMs: WEBHOOK_TIMEOUT_MS + 5_000,
    claim: async (tx, id) => {
      const order = await sandboxOrder(tx, id);
      if (!order || order.deliveredAt !== null || order.webhookAttempts >= MAX_WEBHOOK_ATTEMPTS) return null;
      const webhookAttempts = order.webhookAttempts + 1;
      await tx.orm.update(sandboxOrders).set({ webhookAttempts }).where(eq(sandboxOrders.id, id));
      return { ...order, webhookAttempts };
    },
    perform: async (order, cause) => {
      const heard = await deliver(order).catch(() => false);
      await inTransaction(systemActor('sandbox'), db, cause, async (tx) => {
        if (!heard) return setTimer(tx, { kind: WEBHOOK_TIMER, key: order.id, dueAt: retryAt(tx.now, order.webhookAttempts) });
        await cancelTimer(tx, WEBHOOK_TIMER, order.id);
        await tx.orm.update(sandboxOrders).set({ deliveredAt: tx.now }).where(eq(sandboxOrders.id, order.id));
      });
    },
  };

  /** Tells of an order with the faults that were asked for. A copy that was heard is enough. */
  async function deliver(order: SandboxOrder): Promise<boolean> {
    const { copies, drop, reorder, amountOffMinor } = faultsOf(order.amountMinor, faults);
    if (order.webhookAttempts <= drop) return false;
    const told = { ...order, amountMinor: order.amountMinor - amountOffMinor };
    const heard = await Promise.all(Array.from({ length: Math.max(1, copies) }, () => send(told).catch(() => false)));
    if (reorder && order.outcome === 'PAID') await send({ ...told, outcome: 'DECLINED' }, `${order.eventId}:earlier`);
    return heard.includes(true);
  }

  function send(order: SandboxOrder, id: string = order.eventId): Promise<boolean> {
    return sendWebhook(options, {
      id,
      type: order.outcome === 'PAID' ? 'payment.paid' : 'payment.declined',
      orderId: order.id,
      amount: formatAmount(money(order.amountMinor, order.currency)),
      currency: order.currency,
      occurredAt: order.decidedAt.toISOString(),
    });
  }
}
