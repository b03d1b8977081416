import { and, eq } from 'drizzle-orm';
import { Refusal } from '../../platform/errors.js';
import { newUuid, uuidOf } from '../../platform/ids.js';
import { DEFAULT_CURRENCY, type Money } from '../../platform/money.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import type { GatewayEvent } from './adapters/gatewayPort.js';
import type { DepositRow } from './deposit.js';
import { depositCompleted } from './events.js';
import { lookAtSoon } from './fraudCommands.js';
import { systemAccount } from './ledger.js';
import { type LedgerTx, post } from './ledgerCommands.js';
import { deposits, webhookEvents } from './tables.js';
import { requireWallet } from './wallets.js';

/** Begins a deposit; nothing is credited before the gateway says, signed, that it was paid. @throws Refusal VALIDATION_ERROR for another currency */
export async function initiateDeposit(tx: Tx, deposit: { userId: string; amount: Money; adapter: string }): Promise<string> {
  assertWalletCurrency(deposit.amount.currency);
  const id = newUuid(tx.now);
  await tx.orm.insert(deposits).values({ id, userId: deposit.userId, adapter: deposit.adapter, ...deposit.amount, status: 'PENDING', createdAt: tx.now });
  return id;
}

/** Wallets hold one currency so far. */
export function assertWalletCurrency(currency: string): void {
  if (currency === DEFAULT_CURRENCY) return;
  throw new Refusal('VALIDATION_ERROR', `input.amount.currency: wallets are in ${DEFAULT_CURRENCY}.`, {
    details: { field: 'input.amount.currency', rule: 'wallet_currency' },
  });
}

/** What taking a gateway's event did. Kept with the event, for people who look for money. */
export type EventOutcome = 'CREDITED' | 'DECLINED' | 'FLAGGED' | 'NOTHING_TO_DO' | 'UNKNOWN_ORDER' | 'DUPLICATE' | 'TOO_EARLY';

/** An order id carries its time of birth: one that is younger than this and not there may be in a transaction that has not committed. */
const TOO_EARLY_MS = 60_000;

/**
 * Takes an event of a gateway, once whatever is delivered how often and in which order (PL-10): a paid deposit is credited once, also when the gateway
 * had called it declined before; one that was paid with another amount is flagged for people to look at, and not credited.
 */
export async function takeGatewayEvent(tx: LedgerTx, adapter: string, event: GatewayEvent): Promise<EventOutcome> {
  if (await mayComeSoon(tx, event.orderId)) return 'TOO_EARLY';
  const known = await tx.orm
    .insert(webhookEvents)
    .values({ adapter, eventId: event.id, type: event.type, orderId: event.orderId, outcome: 'TAKEN', receivedAt: tx.now })
    .onConflictDoNothing()
    .returning({ eventId: webhookEvents.eventId });
  if (known.length === 0) return 'DUPLICATE';
  const outcome = await applyEvent(tx, adapter, event);
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

async function applyEvent(tx: LedgerTx, adapter: string, event: GatewayEvent): Promise<EventOutcome> {
  const id = uuidOf('dep', event.orderId);
  const [deposit] = id ? await tx.orm.select().from(deposits).where(eq(deposits.id, id)).for('update') : [];
  if (!deposit || deposit.adapter !== adapter) return 'UNKNOWN_ORDER';
  if (deposit.status === 'COMPLETED' || deposit.status === 'FLAGGED') return 'NOTHING_TO_DO';
  if (event.type === 'DECLINED') {
    if (deposit.status !== 'PENDING') return 'NOTHING_TO_DO';
    await tx.orm.update(deposits).set({ status: 'DECLINED', settledAt: tx.now }).where(eq(deposits.id, deposit.id));
    return 'DECLINED';
  }
  if (event.amount?.amountMinor !== deposit.amountMinor || event.amount.currency !== deposit.currency) {
    const flagReason = event.amount?.currency === deposit.currency ? 'AMOUNT_MISMATCH' : 'CURRENCY_MISMATCH';
    await tx.orm.update(deposits).set({ status: 'FLAGGED', flagReason, settledAt: tx.now }).where(eq(deposits.id, deposit.id));
    tx.log.warn({ depositId: deposit.id, flagReason }, 'deposit paid with another amount; not credited');
    return 'FLAGGED';
  }
  await credit(tx, deposit);
  return 'CREDITED';
}

async function credit(tx: LedgerTx, deposit: DepositRow): Promise<void> {
  const { id, userId, amountMinor, currency } = deposit;
  await post(tx, {
    key: `deposit:${id}`,
    kind: 'DEPOSIT',
    reference: { type: 'DEPOSIT', id },
    entries: [
      { account: systemAccount('GATEWAY_CLEARING', currency, id), amountMinor: -amountMinor },
      { account: await requireWallet(tx, userId, currency), amountMinor },
    ],
  });
  await tx.orm.update(deposits).set({ status: 'COMPLETED', settledAt: tx.now }).where(eq(deposits.id, id));
  await lookAtSoon(tx, userId);
  await appendEvent(tx, depositCompleted, id, { depositId: id, userId, amountMinor: amountMinor.toString(), currency });
}
