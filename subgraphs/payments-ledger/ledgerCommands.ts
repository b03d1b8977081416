import { eq } from 'drizzle-orm';
import { describeActor, isPrivileged } from '../../platform/actor.js';
import { Refusal, sqlState } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import {
  type AccountRef,
  type AccountState,
  type AccountType,
  accountIdOf,
  applyPosting,
  type AppliedPosting,
  type EntryFacts,
  GENESIS_HASH,
  insufficientFunds,
  type Posting,
  recordingTime,
} from './ledger.js';
import { LOCK_ACCOUNTS, READ_ACCOUNTS, WRITE_POSTINGS } from './ledgerStatements.js';
import { accounts, transactions } from './tables.js';

/** Postings of one batch: more would hold their accounts' locks for too long. */
const MAX_BATCH = 500;

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
 * The one way in which money moves. Opens the accounts that do not exist yet, locks all in the order of their ids (no two postings can wait for each
 * other in a circle), writes the transaction and its numbered, chained entries, and moves the balances, in one statement. A command posts once: a
 * second posting in the same transaction would lock out of order; `postBatch` posts several. What is to be posted when the money is not there is given
 * as `otherwise`, so that its accounts are locked in the same order.
 * Invariant: after it, every account's balance, number and hash are those of its last entry, and all accounts of a currency add up to zero.
 * @throws Refusal INSUFFICIENT_FUNDS before anything is written, so that the caller may still record the failure; CONFLICT for a closed account
 */
export async function post(tx: LedgerTx, posting: Posting, otherwise?: Posting): Promise<Posted> {
  const locked = await lockAll(tx, refsOf(otherwise ? [posting, otherwise] : [posting]));
  let chosen = posting;
  let applied: AppliedPosting[];
  try {
    applied = applyAll(tx, locked, [posting]);
  } catch (error) {
    if (!otherwise || !isInsufficientFunds(error)) throw error;
    chosen = otherwise;
    applied = applyAll(tx, locked, [otherwise]);
  }
  const [posted] = await record(tx, [chosen], applied);
  if (!posted) throw new Error(`posting ${chosen.key} was not recorded`);
  return posted;
}

/**
 * Posts several transactions as one: all of them, each upon what the one before left, or none (PL-08b). `onceLocked` may still refuse, when nothing that
 * concerns these accounts can change any more. Refuses as `post` does.
 */
export async function postBatch(tx: LedgerTx, postings: readonly Posting[], onceLocked: () => Promise<void> = async () => {}): Promise<Posted[]> {
  if (postings.length === 0 || postings.length > MAX_BATCH) throw new Error(`a batch has 1 to ${MAX_BATCH} postings, not ${postings.length}`);
  const locked = await lockAll(tx, refsOf(postings));
  await onceLocked();
  return record(tx, postings, applyAll(tx, locked, postings));
}

/**
 * What a batch would do, by the same rules and without any effect or lock (PL-08c): the same refusals, the same entries. Only time may come between:
 * another posting may change the answer before the real one is asked for.
 * @throws Refusal as `post`; ALREADY_POSTED for a key that is on the books
 */
export async function preview(tx: LedgerTx, postings: readonly Posting[]): Promise<AppliedPosting[]> {
  for (const { key } of postings) if (await isPosted(tx, key)) throw alreadyPosted(key);
  const refs = refsOf(postings);
  const states = toStates(await tx.prepared<AccountLine>(READ_ACCOUNTS, [arrayOf([...refs.keys()])]));
  if (states.size < refs.size && !isPrivileged(tx.actor)) throw insufficientFunds();
  for (const [id, ref] of refs) if (!states.has(id)) states.set(id, { ...unopened(ref, tx), id });
  return applyAll(tx, states, postings);
}

export function alreadyPosted(key: string): Refusal {
  return new Refusal('ALREADY_POSTED', 'This is on the books already, and is not posted twice.', { details: { key } });
}

export interface Posted {
  posted: Posting;
  transactionId: string;
  applied: AppliedPosting;
}

function refsOf(postings: readonly Posting[]): Map<string, AccountRef> {
  const entriesOfAll = postings.flatMap((posting) => posting.entries.filter((entry) => entry.amountMinor !== 0n));
  return new Map(entriesOfAll.map((entry) => [accountIdOf(entry.account), entry.account]));
}

/** Each posting upon what the one before left. All are recorded at one time. */
function applyAll(tx: LedgerTx, locked: ReadonlyMap<string, AccountState>, postings: readonly Posting[]): AppliedPosting[] {
  const states = new Map(locked);
  const recordedAt = recordingTime(locked.values(), tx.now);
  return postings.map((posting) => {
    const applied = applyPosting(states, posting, { id: newUuid(tx.now), recordedAt });
    for (const account of applied.accounts) states.set(account.id, account);
    return applied;
  });
}

async function record(tx: LedgerTx, postings: readonly Posting[], applied: readonly AppliedPosting[]): Promise<Posted[]> {
  const cause = { ...tx.cause, actor: describeActor(tx.actor) };
  const last = new Map(applied.flatMap((each) => each.accounts.map((account) => [account.id, account] as const)));
  const posted = postings.map((posting, index) => {
    const each = applied[index];
    const first = each?.entries[0];
    if (!each || !first) throw new Error(`posting ${posting.key} moves nothing`);
    return { posted: posting, transactionId: first.transactionId, applied: each };
  });
  const rows = posted.map(({ posted: posting, transactionId, applied: each }) => ({
    id: transactionId,
    posting_key: posting.key,
    kind: posting.kind,
    reference_type: posting.reference.type,
    reference_id: posting.reference.id,
    metadata: posting.metadata ?? {},
    entry_count: each.entries.length,
    reverses: posting.reverses ?? null,
    effective_at: each.entries[0]?.effectiveAt,
    recorded_at: each.entries[0]?.recordedAt,
  }));
  const lines = applied.flatMap((each) => each.entries).map(toLine);
  const balances = [...last.values()].map((account) => ({
    id: account.id,
    balance_minor: account.balanceMinor.toString(),
    entry_count: account.entryCount.toString(),
    last_hash: account.lastHash.toString('hex'),
    updated_at: account.changedAt,
  }));
  await write(
    tx,
    [rows, lines, balances, cause].map((part) => JSON.stringify(part)),
  );
  const owners = new Set([...last.values()].map((account) => account.ownerId).filter((owner) => owner !== null));
  tx.afterCommit(() => {
    for (const owner of owners) tx.desk.walletChanged(owner);
  });
  return posted;
}

function toLine(entry: EntryFacts) {
  return {
    account_id: entry.accountId,
    number: entry.number.toString(),
    transaction_id: entry.transactionId,
    amount_minor: entry.amountMinor.toString(),
    currency: entry.currency,
    balance_after_minor: entry.balanceAfterMinor.toString(),
    effective_at: entry.effectiveAt,
    recorded_at: entry.recordedAt,
    previous_hash: entry.previousHash.toString('hex'),
    hash: entry.hash.toString('hex'),
  };
}

async function write(tx: LedgerTx, parameters: readonly string[]): Promise<void> {
  try {
    await tx.prepared(WRITE_POSTINGS, parameters);
  } catch (error) {
    // The rule in code has said yes to what the database refuses: the client gets the same words, and nothing commits.
    if (sqlState(error) === '23514') throw insufficientFunds();
    throw error;
  }
}

/** Whether a posting of this key is on the books. */
export async function isPosted(tx: Tx, key: string): Promise<boolean> {
  const rows = await tx.orm.select({ id: transactions.id }).from(transactions).where(eq(transactions.postingKey, key));
  return rows.length > 0;
}

/**
 * Locks accounts, and before that opens those that do not exist. Nothing is locked while one is missing, so that who waits for another's opening
 * holds nothing but openings of its own, which are made in the order of ids as well: there is no circle to wait in.
 */
async function lockAll(tx: LedgerTx, refs: ReadonlyMap<string, AccountRef>): Promise<Map<string, AccountState>> {
  const found = await lockAccounts(tx, [...refs.keys()]);
  if (found.size === refs.size) return found;
  // A person's request only touches wallets of that person; one that was never opened holds nothing.
  if (!isPrivileged(tx.actor)) throw insufficientFunds();
  await openAccounts(tx, [...refs.values()]);
  return lockAccounts(tx, [...refs.keys()]);
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

const arrayOf = (ids: readonly string[]) => `{${ids.join(',')}}`;

/** All of the accounts, locked in the order of their ids; or, when one does not exist, none. */
export async function lockAccounts(tx: Tx, ids: readonly string[]): Promise<Map<string, AccountState>> {
  return toStates(await tx.prepared<AccountLine>(LOCK_ACCOUNTS, [arrayOf(ids), String(ids.length)]));
}

function unopened(ref: AccountRef, tx: LedgerTx): Omit<AccountState, 'id'> {
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

/** Whether a refusal says that the money is not there: sagas record that, anything else is thrown on. */
export function isInsufficientFunds(error: unknown): boolean {
  return error instanceof Refusal && error.code === 'INSUFFICIENT_FUNDS';
}
