import { eq, inArray } from 'drizzle-orm';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import type { Tx } from '../../platform/postgres.js';
import { commissionDebt } from './commissionDebts.js';
import { type AccountRef, accountIdOf, ownedAccount } from './ledger.js';
import { lockAccounts, openAccounts } from './accountCommands.js';
import type { LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';
import { accounts } from './ledgerTables.js';

/** $1: owner, $2: currency. */
const WALLET_OF = `select type from accounts where owner_id = $1::uuid and type in ('CUSTOMER_WALLET', 'DRIVER_WALLET', 'PARTNER_WALLET') and currency = $2::text
  and closed_at is null order by type desc limit 1`;

export type WalletType = 'CUSTOMER_WALLET' | 'DRIVER_WALLET' | 'PARTNER_WALLET';

/** The wallet that a person pays from and is paid into: a partner's or driver's own when there is one, else the customer's; null when there is none yet. */
export async function walletAccount(tx: Tx, ownerId: string, currency: string = DEFAULT_CURRENCY): Promise<AccountRef | null> {
  const rows = await tx.prepared<{ type: WalletType }>(WALLET_OF, [ownerId, currency]);
  const type = rows[0]?.type;
  return type ? ownedAccount(type, ownerId, currency) : null;
}

/** How far a wallet may go down for what its owner buys: a partner's as far as its credit, all others to zero; a driver's limit is for commission. */
export function spendingFloor(wallet: AccountRef): bigint | undefined {
  return wallet.type === 'PARTNER_WALLET' ? undefined : 0n;
}

/**
 * The person's wallet; a customer's, which a posting then opens, when there is none yet: money may come before the news of the person. One that was closed
 * with its account takes what comes late all the same, such as a refund: the posting opens it again, under the locks of all its accounts.
 */
export async function requireWallet(tx: Tx, ownerId: string, currency: string): Promise<AccountRef> {
  return (await walletAccount(tx, ownerId, currency)) ?? { ...ownedAccount('CUSTOMER_WALLET', ownerId, currency), reopens: true };
}

/** A driver's wallet for earnings, which a posting opens when the news of the driver is still on its way. */
export async function requireDriverWallet(tx: Tx, ownerId: string, currency: string): Promise<AccountRef> {
  return (await walletAccount(tx, ownerId, currency)) ?? { ...ownedAccount('DRIVER_WALLET', ownerId, currency), reopens: true };
}

/** $1: limit in minor units, positive. */
const SET_DRIVER_LIMIT = 'select ledger_set_driver_limit($1::bigint) as changed';

/** Lets all drivers' wallets go as far below zero as is configured now. One that is lower already keeps what it has used. Returns how many have changed. */
export async function setDriverLimit(tx: LedgerTx): Promise<number> {
  const rows = await tx.prepared<{ changed: number }>(SET_DRIVER_LIMIT, [tx.desk.driverDebtLimitMinor.toString()]);
  return rows[0]?.changed ?? 0;
}

/**
 * Closes the wallet of a person whose account was deleted (ID-04), when nothing is in it, set aside or owed. One that holds money is kept for the law: its
 * entries name an id, and the person behind it is gone from everywhere else. Doing it again changes nothing.
 */
export async function closeWallet(tx: LedgerTx, ownerId: string, currency: string = DEFAULT_CURRENCY): Promise<void> {
  const wallet = await walletAccount(tx, ownerId, currency);
  if (!wallet) return;
  const all = [wallet, ownedAccount('HELD_FUNDS', ownerId, currency), ownedAccount('RECEIVABLE', ownerId, currency), commissionDebt(ownerId, currency)];
  const present = await tx.orm
    .select({ id: accounts.id })
    .from(accounts)
    .where(inArray(accounts.id, all.map(accountIdOf)));
  const locked = await lockAccounts(
    tx,
    present.map(({ id }) => id),
  );
  if ([...locked.values()].some((account) => account.balanceMinor !== 0n)) {
    tx.log.info({ walletId: accountIdOf(wallet) }, 'the wallet of a deleted account is kept: money is in it, set aside or owed');
    return;
  }
  await tx.orm
    .update(accounts)
    .set({ closedAt: tx.now })
    .where(eq(accounts.id, accountIdOf(wallet)));
}

/** Opens a person's wallet, and the account for what is held out of it. A driver keeps the wallet that a driver has. */
export async function openCustomerWallet(tx: LedgerTx, ownerId: string, currency: string = DEFAULT_CURRENCY): Promise<void> {
  if (await walletAccount(tx, ownerId, currency)) return;
  await openAccounts(tx, [ownedAccount('CUSTOMER_WALLET', ownerId, currency), ownedAccount('HELD_FUNDS', ownerId, currency)]);
}

/** Opens a driver's wallet. A customer's wallet of the same person is closed, and its money moves over: a person has one wallet. */
export async function openDriverWallet(tx: LedgerTx, ownerId: string, currency: string = DEFAULT_CURRENCY): Promise<void> {
  const driver = ownedAccount('DRIVER_WALLET', ownerId, currency);
  const customer = ownedAccount('CUSTOMER_WALLET', ownerId, currency);
  await openAccounts(tx, [driver, ownedAccount('HELD_FUNDS', ownerId, currency)]);
  const old = (await lockAccounts(tx, [customer, driver].map(accountIdOf))).get(accountIdOf(customer));
  if (!old || old.closed) return;
  if (old.balanceMinor > 0n) {
    await post(tx, {
      key: `wallet-merge:${old.id}`,
      kind: 'WALLET_MERGE',
      reference: { type: 'USER', id: ownerId },
      entries: [
        { account: customer, amountMinor: -old.balanceMinor },
        { account: driver, amountMinor: old.balanceMinor },
      ],
    });
  }
  await tx.orm.update(accounts).set({ closedAt: tx.now, updatedAt: tx.now }).where(eq(accounts.id, old.id));
}
