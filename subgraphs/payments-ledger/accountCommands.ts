import { isPrivileged } from '../../platform/actor.js';
import type { Tx } from '../../platform/postgres.js';
import type { Desk, LedgerTx } from './desk.js';
import { type AccountRef, type AccountState, type AccountType, accountIdOf, GENESIS_HASH, insufficientFunds } from './ledger.js';
import { LOCK_ACCOUNTS, READ_ACCOUNTS } from './ledgerStatements.js';
import { accounts } from './ledgerTables.js';

/**
 * Locks accounts, and before that opens those that do not exist. Nothing is locked while one is missing, so that who waits for another's opening
 * holds nothing but openings of its own, which are made in the order of ids as well: there is no circle to wait in.
 */
export async function lockAll(tx: LedgerTx, refs: ReadonlyMap<string, AccountRef>): Promise<Map<string, AccountState>> {
  let found = await lockAccounts(tx, [...refs.keys()]);
  if (found.size < refs.size) {
    await openMissing(tx, refs);
    found = await lockAccounts(tx, [...refs.keys()]);
  }
  const shut = [...found.values()].some((account) => account.closed);
  return shut && (await reopen(tx, refs)) > 0 ? lockAccounts(tx, [...refs.keys()]) : found;
}

export async function openMissing(tx: LedgerTx, refs: ReadonlyMap<string, AccountRef>): Promise<void> {
  // A person's request only touches wallets of that person; one that was never opened holds nothing.
  if (!isPrivileged(tx.actor)) throw insufficientFunds();
  await openAccounts(tx, [...refs.values()]);
}

interface AccountLine {
  id: string;
  type: AccountType;
  owner_id: string | null;
  currency: string;
  balance_minor: string;
  min_balance_minor: string | null;
  entry_count: string;
  last_hash: Buffer;
  closed: boolean;
  updated_at: string;
}

function toStates(lines: readonly AccountLine[]): Map<string, AccountState> {
  return new Map(
    lines.map((line) => [
      line.id,
      {
        id: line.id,
        type: line.type,
        ownerId: line.owner_id,
        currency: line.currency,
        balanceMinor: BigInt(line.balance_minor),
        minBalanceMinor: line.min_balance_minor === null ? null : BigInt(line.min_balance_minor),
        entryCount: BigInt(line.entry_count),
        lastHash: line.last_hash,
        changedAt: new Date(line.updated_at),
        closed: line.closed,
      },
    ]),
  );
}

/** A Postgres array of texts that need no quotes: ids, numbers, currency codes. */
export const arrayOf = (texts: readonly string[]) => `{${texts.join(',')}}`;

/** Those of the accounts that exist, as they are by now; nothing is locked. */
export async function readAccounts(tx: Tx, ids: readonly string[]): Promise<Map<string, AccountState>> {
  return toStates(await tx.prepared<AccountLine>(READ_ACCOUNTS, [arrayOf(ids)]));
}

/** All of the accounts, locked in the order of their ids; or, when one does not exist, none. */
export async function lockAccounts(tx: Tx, ids: readonly string[]): Promise<Map<string, AccountState>> {
  return toStates(await tx.prepared<AccountLine>(LOCK_ACCOUNTS, [arrayOf(ids), String(ids.length)]));
}

/** What an account would be if it were opened now. */
export function unopened(ref: AccountRef, tx: LedgerTx): Omit<AccountState, 'id'> {
  const { type, ownerId, currency } = ref;
  const state = { type, ownerId, currency, balanceMinor: 0n, entryCount: 0n, lastHash: GENESIS_HASH, changedAt: tx.now, closed: false };
  return { ...state, minBalanceMinor: minBalanceOf(type, tx.desk) };
}

/** Opens accounts; those that exist stay as they are. In the order of their ids, as they are locked. */
export async function openAccounts(tx: LedgerTx, refs: readonly AccountRef[]): Promise<void> {
  const values = refs
    .map((ref) => ({
      ...ref,
      id: accountIdOf(ref),
      minBalanceMinor: minBalanceOf(ref.type, tx.desk),
      lastHash: GENESIS_HASH,
      createdAt: tx.now,
      updatedAt: tx.now,
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  await tx.orm.insert(accounts).values(values).onConflictDoNothing();
}

function minBalanceOf(type: AccountType, desk: Desk): bigint | null {
  if (type === 'DRIVER_WALLET') return -desk.driverDebtLimitMinor;
  return type === 'CUSTOMER_WALLET' || type === 'PARTNER_WALLET' || type === 'HELD_FUNDS' ? 0n : null;
}

/** $1: accounts as an array, locked already. */
const REOPEN = `update accounts a set closed_at = null where a.id = any($1::uuid[]) and a.closed_at is not null and not exists (select 1 from accounts o
  where o.owner_id = a.owner_id and o.currency = a.currency and o.closed_at is null and o.type in ('CUSTOMER_WALLET', 'DRIVER_WALLET', 'PARTNER_WALLET'))
  returning a.id`;

/** Opens wallets again that were closed with their account. All accounts of the posting are locked by now, so that this one is locked in their order. */
export async function reopen(tx: LedgerTx, refs: ReadonlyMap<string, AccountRef>): Promise<number> {
  const ids = [...refs].filter(([, ref]) => ref.reopens).map(([id]) => id);
  return ids.length === 0 ? 0 : (await tx.prepared(REOPEN, [arrayOf(ids)])).length;
}
