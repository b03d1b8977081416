import { systemActor } from '../../platform/actor.js';
import { DEMO_ACCOUNTS } from '../../platform/demoAccounts.js';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import { ownedAccount, systemAccount } from './ledger.js';
import { atDesk, type Desk, type LedgerTx } from './desk.js';
import { isPosted, post } from './ledgerCommands.js';
import { openCustomerWallet, openDriverWallet, type WalletType } from './wallets.js';

interface OpeningBalance {
  userId: string;
  type: WalletType;
  amountMinor: bigint;
}

const BALANCES: readonly OpeningBalance[] = [
  { userId: DEMO_ACCOUNTS.customer.id, type: 'CUSTOMER_WALLET', amountMinor: 20_000_00n },
  { userId: DEMO_ACCOUNTS.customer2.id, type: 'CUSTOMER_WALLET', amountMinor: 20_000_00n },
  { userId: DEMO_ACCOUNTS.driver.id, type: 'DRIVER_WALLET', amountMinor: 500_00n },
  { userId: DEMO_ACCOUNTS.driver2.id, type: 'DRIVER_WALLET', amountMinor: 0n },
];

/** Wallets of the demo accounts and their money, out of OPENING so that the books balance. Whether their users are known yet does not matter. */
export async function seedPayments(db: Database, desk: Desk): Promise<void> {
  const cause = { traceId: '0'.repeat(32), causationId: 'seed' };
  for (const balance of BALANCES) {
    await inTransaction(systemActor('seed'), db, cause, (tx) => openWithBalance(atDesk(tx, desk), balance));
  }
}

async function openWithBalance(tx: LedgerTx, { userId, type, amountMinor }: OpeningBalance): Promise<void> {
  await (type === 'DRIVER_WALLET' ? openDriverWallet(tx, userId) : openCustomerWallet(tx, userId));
  const key = `opening:${userId}`;
  if (amountMinor === 0n || (await isPosted(tx, key))) return;
  await post(tx, {
    key,
    kind: 'OPENING_BALANCE',
    reference: { type: 'USER', id: userId },
    entries: [
      { account: systemAccount('OPENING', DEFAULT_CURRENCY, userId), amountMinor: -amountMinor },
      { account: ownedAccount(type, userId, DEFAULT_CURRENCY), amountMinor },
    ],
  });
}
