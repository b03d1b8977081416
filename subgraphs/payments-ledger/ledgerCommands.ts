import { eq, inArray, sql } from 'drizzle-orm';
import { describeActor, isPrivileged } from '../../platform/actor.js';
import { Refusal, sqlState } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import type { Tx } from '../../platform/postgres.js';
import {
  type AccountRef,
  type AccountState,
  type AccountType,
  accountIdOf,
  applyPosting,
  type AppliedPosting,
  GENESIS_HASH,
  insufficientFunds,
  ownedAccount,
  type Posting,
} from './ledger.js';
import { accounts, entries, transactions } from './tables.js';

/** What the ledger needs beside a transaction: whom to tell of changed wallets, and a driver's credit. */
export interface Desk {
  /** A hint to whoever watches this person's wallet, once the change has committed; it may be lost. */
  walletChanged(ownerId: string): void;
  /** How far a driver's wallet may go below zero for commission on cash trips: positive minor units of EGP. */
  driverDebtLimitMinor: bigint;
}

export interface LedgerTx extends Tx {
  desk: Desk;
}

/** A transaction of any kind with the ledger's desk: commands that move money take this. */
export function atDesk(tx: Tx, desk: Desk): LedgerTx {
  return { ...tx, desk };
}

/**
 * The one way in which money moves. Locks the accounts in the order of their ids (no two postings can wait for each other in a circle), opens those
 * that do not exist yet, writes the transaction and its numbered, chained entries, and moves the balances. A command posts once: a second posting
 * in the same transaction would lock out of order. What is to be posted when the money is not there is given as `otherwise`, so that its accounts
 * are locked in the same order.
 * @throws Refusal INSUFFICIENT_FUNDS before anything is written, so that the caller may still record the failure; CONFLICT for a closed account
 */
export async function post(tx: LedgerTx, posting: Posting, otherwise?: Posting): Promise<{ posted: Posting; transactionId: string; applied: AppliedPosting }> {
  const preferred = refsOf(posting);
  const locked = await lockAccounts(tx, new Map([...preferred, ...(otherwise ? refsOf(otherwise) : [])]));
  const transaction = { id: newUuid(tx.now), recordedAt: tx.now };
  await openMissing(tx, locked, preferred);
  try {
    return await record(tx, posting, transaction, applyPosting(locked, posting, transaction));
  } catch (error) {
    if (!otherwise || !isInsufficientFunds(error)) throw error;
    await openMissing(tx, locked, refsOf(otherwise));
    return record(tx, otherwise, transaction, applyPosting(locked, otherwise, transaction));
  }
}

function refsOf(posting: Posting): Map<string, AccountRef> {
  return new Map(posting.entries.filter((entry) => entry.amountMinor !== 0n).map((entry) => [accountIdOf(entry.account), entry.account]));
}

async function record(tx: LedgerTx, posting: Posting, transaction: { id: string; recordedAt: Date }, applied: AppliedPosting) {
  await tx.orm.insert(transactions).values({
    id: transaction.id,
    postingKey: posting.key,
    kind: posting.kind,
    referenceType: posting.reference.type,
    referenceId: posting.reference.id,
    metadata: { ...posting.metadata },
    cause: { ...tx.cause, actor: describeActor(tx.actor) },
    reverses: posting.reverses ?? null,
    effectiveAt: posting.effectiveAt ?? tx.now,
    recordedAt: tx.now,
  });
  await tx.orm.insert(entries).values(applied.entries);
  await keepBalances(tx, applied.accounts);
  const owners = new Set(applied.accounts.map((account) => account.ownerId).filter((owner) => owner !== null));
  tx.afterCommit(() => {
    for (const owner of owners) tx.desk.walletChanged(owner);
  });
  return { posted: posting, transactionId: transaction.id, applied };
}

/** Whether a posting of this key is on the books. */
export async function isPosted(tx: Tx, key: string): Promise<boolean> {
  const rows = await tx.orm.select({ id: transactions.id }).from(transactions).where(eq(transactions.postingKey, key));
  return rows.length > 0;
}

/** Opens the accounts that a posting is the first to touch, and adds them to those that are locked. */
async function openMissing(tx: LedgerTx, locked: Map<string, AccountState>, refs: ReadonlyMap<string, AccountRef>): Promise<void> {
  const missing = [...refs].filter(([id]) => !locked.has(id));
  if (missing.length === 0) return;
  // A person's request only touches wallets of that person; one that was never opened holds nothing.
  if (!isPrivileged(tx.actor)) throw insufficientFunds();
  await openAccounts(
    tx,
    missing.map(([, ref]) => ref),
  );
  for (const [id, state] of await lockAccounts(tx, new Map(missing))) locked.set(id, state);
}

async function lockAccounts(tx: Tx, refs: ReadonlyMap<string, AccountRef>): Promise<Map<string, AccountState>> {
  const rows = await tx.orm
    .select({
      id: accounts.id,
      type: accounts.type,
      ownerId: accounts.ownerId,
      currency: accounts.currency,
      balanceMinor: accounts.balanceMinor,
      minBalanceMinor: accounts.minBalanceMinor,
      entryCount: accounts.entryCount,
      lastHash: accounts.lastHash,
      closedAt: accounts.closedAt,
    })
    .from(accounts)
    .where(inArray(accounts.id, [...refs.keys()]))
    .orderBy(accounts.id)
    .for('no key update');
  return new Map(rows.map(({ closedAt, ...row }) => [row.id, { ...row, type: row.type as AccountType, closed: closedAt !== null }]));
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

async function keepBalances(tx: Tx, states: readonly AccountState[]): Promise<void> {
  const rows = states.map(
    (state) =>
      sql`(${state.id}::uuid, ${state.balanceMinor.toString()}::bigint, ${state.entryCount.toString()}::bigint,
      decode(${state.lastHash.toString('hex')}, 'hex'))`,
  );
  try {
    await tx.orm.execute(sql`update accounts a set balance_minor = s.balance_minor, entry_count = s.entry_count, last_hash = s.last_hash,
        updated_at = ${tx.now.toISOString()}::timestamptz
      from (values ${sql.join(rows, sql`, `)}) as s(id, balance_minor, entry_count, last_hash) where a.id = s.id`);
  } catch (error) {
    // The rule in code has said yes to what the database refuses: the client gets the same words, and nothing commits.
    if (sqlState(error) === '23514') throw insufficientFunds();
    throw error;
  }
}

export type WalletType = 'CUSTOMER_WALLET' | 'DRIVER_WALLET';

/** The wallet that a person pays from and is paid into: a driver's own when there is one, else the customer's; null when there is none yet. */
export async function walletAccount(tx: Tx, ownerId: string, currency: string = DEFAULT_CURRENCY): Promise<AccountRef | null> {
  const rows = await tx.orm.execute<{ type: WalletType }>(sql`select type from accounts
    where owner_id = ${ownerId}::uuid and type in ('CUSTOMER_WALLET', 'DRIVER_WALLET') and currency = ${currency} and closed_at is null
    order by type desc limit 1`);
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
  const old = (await lockAccounts(tx, new Map([customer, driver].map((ref) => [accountIdOf(ref), ref])))).get(accountIdOf(customer));
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

/** Whether a refusal says that the money is not there: sagas record that, anything else is thrown on. */
export function isInsufficientFunds(error: unknown): boolean {
  return error instanceof Refusal && error.code === 'INSUFFICIENT_FUNDS';
}
