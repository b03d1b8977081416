import { eq } from 'drizzle-orm';
import { Refusal } from '../../platform/errors.js';
import { newUuid, uuidOf } from '../../platform/ids.js';
import { DEFAULT_CURRENCY, type Money } from '../../platform/money.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import type { GatewayEvent } from './adapters/gatewayPort.js';
import { collectSoon } from './commissionDebts.js';
import type { DepositRow } from './deposit.js';
import { depositCompleted } from './events.js';
import { lookAtSoon } from './fraudCommands.js';
import { systemAccount } from './ledger.js';
import type { LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';
import { deposits } from './flowTables.js';
import { requireWallet } from './wallets.js';

/** Begins a deposit; nothing is credited before the gateway says, signed, that it was paid. @throws Refusal VALIDATION_ERROR for another currency */
export async function initiateDeposit(tx: Tx, deposit: { userId: string; amount: Money; adapter: string }): Promise<string> {
  assertWalletCurrency(deposit.amount.currency);
  const id = newUuid(tx.now);
  await tx.orm.insert(deposits).values({ id, userId: deposit.userId, adapter: deposit.adapter, ...deposit.amount, status: 'PENDING', createdAt: tx.now });
  return id;
}

/** Wallets hold one currency so far. */
export function assertWalletCurrency(currency: string, field = 'input.amount.currency'): void {
  if (currency === DEFAULT_CURRENCY) return;
  throw new Refusal('VALIDATION_ERROR', `${field}: wallets are in ${DEFAULT_CURRENCY}.`, { details: { field, rule: 'wallet_currency' } });
}

/** What taking a gateway's event did. Kept with the event, for people who look for money. */
export type EventOutcome = 'CREDITED' | 'PAID_OUT' | 'DECLINED' | 'FLAGGED' | 'NOTHING_TO_DO' | 'ASKED' | 'UNKNOWN_ORDER' | 'DUPLICATE' | 'TOO_EARLY';

/**
 * What an event of the payment page does to its deposit: a paid one is credited once, also when the gateway had called it declined or told of another
 * amount before; one that was paid with another amount is flagged for people to look at, and not credited.
 */
export async function applyDepositEvent(tx: LedgerTx, adapter: string, event: GatewayEvent): Promise<EventOutcome> {
  const id = uuidOf('dep', event.orderId);
  const deposit = id && (await lockDeposit(tx, id));
  if (!deposit || deposit.adapter !== adapter) return 'UNKNOWN_ORDER';
  if (deposit.status === 'COMPLETED' || deposit.status === 'REVERSED') return 'NOTHING_TO_DO';
  if (event.type === 'DECLINED') {
    if (deposit.status !== 'PENDING') return 'NOTHING_TO_DO';
    await settle(tx, deposit, { status: 'DECLINED' });
    return 'DECLINED';
  }
  if (event.amount?.amountMinor !== deposit.amountMinor || event.amount.currency !== deposit.currency) {
    const flagReason = event.amount?.currency === deposit.currency ? 'AMOUNT_MISMATCH' : 'CURRENCY_MISMATCH';
    await settle(tx, deposit, { status: 'FLAGGED', flagReason });
    tx.log.warn({ depositId: deposit.id, flagReason }, 'deposit paid with another amount; not credited');
    return 'FLAGGED';
  }
  await creditDeposit(tx, deposit, deposit.amountMinor);
  return 'CREDITED';
}

export async function lockDeposit(tx: Tx, id: string): Promise<DepositRow | null> {
  const [row] = await tx.orm.select().from(deposits).where(eq(deposits.id, id)).for('update');
  return row ?? null;
}

/** Ends a locked deposit that brought nothing, or whose money waits for people. */
export async function settle(tx: Tx, deposit: DepositRow, end: { status: 'DECLINED' | 'FLAGGED'; flagReason?: string }): Promise<void> {
  await tx.orm
    .update(deposits)
    .set({ ...end, settledAt: tx.now })
    .where(eq(deposits.id, deposit.id));
}

/** Puts a locked deposit's money into its wallet, once. `amountMinor` is what was paid: what an admin credits may be another amount than was asked for. */
export async function creditDeposit(tx: LedgerTx, deposit: DepositRow, amountMinor: bigint): Promise<void> {
  const { id, userId, currency } = deposit;
  // Its timer before the accounts, as who collects takes them: docs/ledger.md.
  await collectSoon(tx, userId, currency);
  await post(tx, {
    key: `deposit:${id}`,
    kind: 'DEPOSIT',
    reference: { type: 'DEPOSIT', id },
    entries: [
      { account: systemAccount('GATEWAY_CLEARING', currency, id), amountMinor: -amountMinor },
      { account: await requireWallet(tx, userId, currency), amountMinor },
    ],
  });
  await tx.orm.update(deposits).set({ status: 'COMPLETED', amountMinor, settledAt: tx.now }).where(eq(deposits.id, id));
  await lookAtSoon(tx, userId);
  await appendEvent(tx, depositCompleted, id, { depositId: id, userId, amountMinor: amountMinor.toString(), currency });
}
