import { eq } from 'drizzle-orm';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import type { Tx } from '../../platform/postgres.js';
import { type AccountRef, accountIdOf, ownedAccount } from './ledger.js';
import { type LedgerTx, lockAccounts, openAccounts, post } from './ledgerCommands.js';
import { accounts } from './tables.js';

/** $1: owner, $2: currency. */
const WALLET_OF = `select type from accounts where owner_id = $1::uuid and type in ('CUSTOMER_WALLET', 'DRIVER_WALLET') and currency = $2::text
  and closed_at is null order by type desc limit 1`;

export type WalletType = 'CUSTOMER_WALLET' | 'DRIVER_WALLET';

/** The wallet that a person pays from and is paid into: a driver's own when there is one, else the customer's; null when there is none yet. */
export async function walletAccount(tx: Tx, ownerId: string, currency: string = DEFAULT_CURRENCY): Promise<AccountRef | null> {
  const rows = await tx.prepared<{ type: WalletType }>(WALLET_OF, [ownerId, currency]);
  const type = rows[0]?.type;
  return type ? ownedAccount(type, ownerId, currency) : null;
}

/** The person's wallet; a customer's, which a posting then opens, when there is none yet: money may come before the news of the person. */
export async function requireWallet(tx: Tx, ownerId: string, currency: string): Promise<AccountRef> {
  return (await walletAccount(tx, ownerId, currency)) ?? ownedAccount('CUSTOMER_WALLET', ownerId, currency);
}

/** A driver's wallet for earnings, which a posting opens when the news of the driver is still on its way. */
export async function requireDriverWallet(tx: Tx, ownerId: string, currency: string): Promise<AccountRef> {
  return (await walletAccount(tx, ownerId, currency)) ?? ownedAccount('DRIVER_WALLET', ownerId, currency);
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
