import { eq } from 'drizzle-orm';
import { describeActor, isPrivileged } from '../../platform/actor.js';
import { brokenConstraint, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import { arrayOf, lockAll, openMissing, readAccounts, reopen, unopened } from './accountCommands.js';
import type { LedgerTx } from './desk.js';
import {
  type AccountRef,
  type AccountState,
  accountIdOf,
  applyPosting,
  closedAccount,
  type AppliedPosting,
  type EntryFacts,
  hashedFacts,
  insufficientFunds,
  movedEntries,
  type Posting,
  recordingTime,
} from './ledger.js';
import { POST, WRITE_POSTINGS } from './ledgerStatements.js';
import { transactions } from './ledgerTables.js';

/** Postings of one batch: more would hold their accounts' locks for too long. */
const MAX_BATCH = 500;

/**
 * The one way in which money moves. Opens the accounts that do not exist yet, locks all in the order of their ids (no two postings can wait for each
 * other in a circle), writes the transaction and its numbered, chained entries, and moves the balances: one call of `ledger_post`, which applies the rules
 * of `applyPosting` where the locks are. A command posts once: a second posting in the same transaction would lock out of order; `postBatch` posts several.
 * What is to be posted when the money is not there is given as `otherwise`, so that its accounts are locked in the same order.
 * Invariant: after it, every account's balance, number and hash are those of its last entry, and all accounts of a currency add up to zero.
 * @throws Refusal INSUFFICIENT_FUNDS before anything is written, so that the caller may still record the failure; CONFLICT for a closed account
 */
export async function post(tx: LedgerTx, posting: Posting, otherwise?: Posting): Promise<{ posted: Posting; transactionId: string }> {
  const refs = refsOf(otherwise ? [posting, otherwise] : [posting]);
  const all = [...refs.keys()];
  let chosen = posting;
  let answer = await callLedger(tx, posting, all);
  if (answer.outcome === 'MISSING') {
    await openMissing(tx, refs);
    answer = await callLedger(tx, posting, all);
  }
  if (answer.outcome === 'CLOSED' && (await reopen(tx, refs)) > 0) answer = await callLedger(tx, posting, all);
  if (answer.outcome === 'INSUFFICIENT' && otherwise) {
    chosen = otherwise;
    answer = await callLedger(tx, otherwise, all);
  }
  if (answer.outcome === 'INSUFFICIENT') throw insufficientFunds();
  if (answer.outcome === 'CLOSED') throw closedAccount();
  if (answer.outcome !== 'POSTED') throw new Error(`posting ${chosen.key}: accounts are missing that were just opened`);
  tellOwners(
    tx,
    chosen.entries.map((entry) => entry.account.ownerId),
  );
  return { posted: chosen, transactionId: answer.transactionId };
}

/** Who and what brought a posting about: stored with it, and hashed. */
function causeOf(tx: Tx): Record<string, string> {
  return { ...tx.cause, actor: describeActor(tx.actor) };
}

type PostOutcome = 'POSTED' | 'MISSING' | 'CLOSED' | 'INSUFFICIENT';

/** Locks `locked`, which are the posting's accounts and maybe more, and posts. Nothing is written unless the outcome is POSTED. */
async function callLedger(tx: LedgerTx, posting: Posting, locked: readonly string[]): Promise<{ outcome: PostOutcome; transactionId: string }> {
  const entries = movedEntries(posting);
  const transactionId = newUuid(tx.now);
  const cause = causeOf(tx);
  const rows = await called(
    tx.prepared<{ outcome: PostOutcome }>(POST, [
      transactionId,
      posting.key,
      posting.kind,
      posting.reference.type,
      posting.reference.id,
      JSON.stringify(posting.metadata ?? {}),
      JSON.stringify(cause),
      posting.reverses ?? null,
      tx.now.toISOString(),
      posting.effectiveAt?.toISOString() ?? null,
      arrayOf(entries.map((entry) => accountIdOf(entry.account))),
      arrayOf(entries.map((entry) => entry.account.currency)),
      arrayOf(entries.map((entry) => entry.amountMinor.toString())),
      arrayOf(entries.map((entry) => entry.floorMinor?.toString() ?? 'null')),
      arrayOf(locked),
      hashedFacts(transactionId, posting, cause),
    ]),
  );
  const outcome = rows[0]?.outcome;
  if (!outcome) throw new Error(`posting ${posting.key} has no outcome`);
  return { outcome, transactionId };
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
  const states = await readAccounts(tx, [...refs.keys()]);
  for (const [id, state] of states) if (state.closed && refs.get(id)?.reopens) states.set(id, { ...state, closed: false });
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

/** The accounts of postings, each once. */
function refsOf(postings: readonly Posting[]): Map<string, AccountRef> {
  const entriesOfAll = postings.flatMap((posting) => posting.entries.filter((entry) => entry.amountMinor !== 0n));
  return new Map(entriesOfAll.map((entry) => [accountIdOf(entry.account), entry.account]));
}

/** Each posting upon what the one before left. All are recorded at one time. */
function applyAll(tx: LedgerTx, locked: ReadonlyMap<string, AccountState>, postings: readonly Posting[]): AppliedPosting[] {
  const states = new Map(locked);
  const recordedAt = recordingTime(locked.values(), tx.now);
  return postings.map((posting) => {
    const applied = applyPosting(states, posting, { id: newUuid(tx.now), recordedAt, cause: causeOf(tx) });
    for (const account of applied.accounts) states.set(account.id, account);
    return applied;
  });
}

async function record(tx: LedgerTx, postings: readonly Posting[], applied: readonly AppliedPosting[]): Promise<Posted[]> {
  const cause = causeOf(tx);
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
  await called(
    tx.prepared(
      WRITE_POSTINGS,
      [rows, lines, balances, cause].map((part) => JSON.stringify(part)),
    ),
  );
  tellOwners(
    tx,
    [...last.values()].map((account) => account.ownerId),
  );
  return posted;
}

function tellOwners(tx: LedgerTx, ownerIds: readonly (string | null)[]): void {
  const owners = new Set(ownerIds.filter((owner) => owner !== null));
  tx.afterCommit(() => {
    for (const owner of owners) tx.desk.walletChanged(owner);
  });
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

/**
 * The rule in code has said yes to what the database refuses: the client gets the same words, and nothing commits. Any other constraint that is broken here is
 * a bug, and must not look like an empty wallet.
 */
async function called<T>(statement: Promise<T>): Promise<T> {
  try {
    return await statement;
  } catch (error) {
    if (brokenConstraint(error) === 'accounts_min_balance') throw insufficientFunds();
    throw error;
  }
}

/** Whether a posting of this key is on the books. */
export async function isPosted(tx: Tx, key: string): Promise<boolean> {
  const rows = await tx.orm.select({ id: transactions.id }).from(transactions).where(eq(transactions.postingKey, key));
  return rows.length > 0;
}

/** Whether a refusal says that the money is not there: sagas record that, anything else is thrown on. */
export function isInsufficientFunds(error: unknown): boolean {
  return error instanceof Refusal && error.code === 'INSUFFICIENT_FUNDS';
}
