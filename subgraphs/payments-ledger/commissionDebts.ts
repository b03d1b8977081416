import { DEFAULT_CURRENCY } from '../../platform/money.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer, type TimerHandlers } from '../../platform/timers.js';
import { type AccountRef, accountIdOf, ownedAccount } from './ledger.js';
import { lockAccounts } from './accountCommands.js';
import { atDesk, type Desk, type LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';

/** Timer of one collection; its key is the driver's user id, so that many trips at once are one. */
export const COMMISSION_TIMER = 'commission.collect';

/** Tells a driver's debt of commission apart from what the same person owes as a rider: that one is settled payment by payment. */
const COMMISSION_SHARD = 1;

/** Where commission on cash trips is owed that the driver's wallet could not bear: its limit was reached (PL-02, PL-12). */
export function commissionDebt(driverId: string, currency: string): AccountRef {
  return { type: 'RECEIVABLE', ownerId: driverId, currency, shard: COMMISSION_SHARD };
}

/** $1: the account. */
const OWES = 'select 1 as owes from accounts where id = $1::uuid and balance_minor < 0';

/** Has what a driver owes taken out of the wallet soon, if anything is owed: money is about to come in. */
export async function collectSoon(tx: Tx, driverId: string, currency: string): Promise<void> {
  const owes = await tx.prepared(OWES, [accountIdOf(commissionDebt(driverId, currency))]);
  if (owes.length > 0) await setTimer(tx, { kind: COMMISSION_TIMER, key: driverId, dueAt: tx.now });
}

/**
 * Takes what a driver owes out of what the wallet has above zero, all or a part; what is left waits for the next earnings. Both accounts are locked
 * before it is decided how much: nothing is taken twice, and never more than is owed.
 */
export async function collectCommission(tx: LedgerTx, driverId: string, currency: string = DEFAULT_CURRENCY): Promise<void> {
  const [wallet, debt] = [ownedAccount('DRIVER_WALLET', driverId, currency), commissionDebt(driverId, currency)];
  const locked = await lockAccounts(tx, [accountIdOf(wallet), accountIdOf(debt)]);
  const [purse, owed] = [locked.get(accountIdOf(wallet)), locked.get(accountIdOf(debt))];
  if (!purse || !owed || purse.closed) return;
  const owedMinor = -owed.balanceMinor;
  const amountMinor = purse.balanceMinor < owedMinor ? purse.balanceMinor : owedMinor;
  if (amountMinor <= 0n) return;
  await post(tx, {
    key: `commission:${driverId}:${currency}:${owed.entryCount}`,
    kind: 'DEBT_PAYMENT',
    reference: { type: 'USER', id: driverId },
    entries: [
      { account: wallet, amountMinor: -amountMinor, floorMinor: 0n },
      { account: debt, amountMinor },
    ],
  });
}

export function commissionCollection(desk: Desk): TimerHandlers[string] {
  return (tx, timer) => collectCommission(atDesk(tx, desk), timer.key);
}
