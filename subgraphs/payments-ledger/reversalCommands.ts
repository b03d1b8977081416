import { asc, eq, inArray } from 'drizzle-orm';
import { notFound, Refusal } from '../../platform/errors.js';
import type { Tx } from '../../platform/postgres.js';
import { lockDeposit } from './depositCommands.js';
import type { AccountRef, AccountType, AppliedPosting, Posting, PostingEntry, ReferenceType, TransactionKind } from './ledger.js';
import type { LedgerTx } from './desk.js';
import { type Posted, postBatch, preview } from './ledgerCommands.js';
import { deposits } from './flowTables.js';
import { accounts, entries, transactions } from './ledgerTables.js';
import { requireWallet } from './wallets.js';

/** Kinds that only their own rules may take back: a hold is voided, a reversal is answered by a new posting. */
const NEVER_REVERTED: ReadonlySet<string> = new Set<TransactionKind>(['HOLD', 'HOLD_RELEASE', 'WALLET_MERGE', 'REVERSAL']);
/** Kinds that a payment or withdrawal tells of as well: taken back on the books alone, they would say what is no longer so. With what does both. */
const BELONGS_ELSEWHERE: Readonly<Partial<Record<TransactionKind, string>>> = {
  BOOKING_PAYMENT: 'Use `refundPayment`, or cancel the booking.',
  TRIP_SETTLEMENT: 'Use `refundPayment`: the driver keeps the earnings, and the payer gets the money back.',
  CANCELLATION_FEE: 'Use `refundPayment`.',
  DEBT_PAYMENT: 'Use `refundPayment`.',
  REFUND: 'A refund is final; what is owed anew is charged by what it is for.',
  WITHDRAWAL_PAYOUT: 'The bank has paid it out; money that came back is deposited anew.',
};

/**
 * Takes transactions back, all or none, each by a new one that mirrors it (PL-08b). What came out of a hold goes to the wallet: the hold is over. Of two
 * who revert the same, one does; the accounts' locks make the other wait, and see it.
 * @throws Refusal NOT_FOUND, ALREADY_REVERTED, CANNOT_REVERT, or INSUFFICIENT_FUNDS when the money has been spent since
 */
export async function revertBatch(tx: LedgerTx, ids: readonly string[], reason: string): Promise<Posted[]> {
  const postings = await reversalsOf(tx, ids, reason);
  // Its subject before the accounts, as a webhook takes them: docs/ledger.md.
  const depositIds = postings.filter(({ reference }) => reference.type === 'DEPOSIT').map(({ reference }) => reference.id);
  for (const id of depositIds.sort()) await lockDeposit(tx, id);
  // Once the accounts are locked: a reversal that was being written has committed by then.
  const posted = await postBatch(tx, postings, () => assertNotReverted(tx, ids));
  // The deposit says what the books say: its money is not in the wallet any more.
  if (depositIds.length > 0) await tx.orm.update(deposits).set({ status: 'REVERSED' }).where(inArray(deposits.id, depositIds));
  return posted;
}

/** What `revertBatch` would do, without doing it (PL-08c). Refuses alike. */
export async function previewRevert(tx: LedgerTx, ids: readonly string[], reason: string): Promise<AppliedPosting[]> {
  const postings = await reversalsOf(tx, ids, reason);
  await assertNotReverted(tx, ids);
  return preview(tx, postings);
}

async function assertNotReverted(tx: Tx, ids: readonly string[]): Promise<void> {
  const [before] = await tx.orm
    .select({ id: transactions.reverses })
    .from(transactions)
    .where(inArray(transactions.reverses, [...ids]))
    .limit(1);
  if (before) throw new Refusal('ALREADY_REVERTED', 'This transaction was taken back before.', { details: { transactionId: before.id } });
}

async function reversalsOf(tx: LedgerTx, ids: readonly string[], reason: string): Promise<Posting[]> {
  const found = await tx.orm
    .select({ id: transactions.id, kind: transactions.kind, type: transactions.referenceType, referenceId: transactions.referenceId })
    .from(transactions)
    .where(inArray(transactions.id, [...ids]));
  const postings: Posting[] = [];
  for (const id of new Set(ids)) {
    const original = found.find((row) => row.id === id);
    if (!original) throw notFound('transaction');
    if (NEVER_REVERTED.has(original.kind)) {
      throw new Refusal('CANNOT_REVERT', `A transaction of kind ${original.kind} is not taken back: void its hold, or post anew.`, {
        details: { transactionId: id, kind: original.kind },
      });
    }
    const instead = BELONGS_ELSEWHERE[original.kind as TransactionKind];
    if (instead) {
      throw new Refusal('CANNOT_REVERT', `A transaction of kind ${original.kind} is not taken back on the books alone. ${instead}`, {
        details: { transactionId: id, kind: original.kind },
      });
    }
    postings.push({
      key: `revert:${id}`,
      kind: 'REVERSAL',
      reference: { type: original.type as ReferenceType, id: original.referenceId },
      entries: await mirrored(tx, id),
      metadata: { reverts: id, reason },
      reverses: id,
    });
  }
  return postings;
}

/** The entries of a transaction the other way round, one per account. */
async function mirrored(tx: LedgerTx, id: string): Promise<PostingEntry[]> {
  const rows = await tx.orm
    .select({
      type: accounts.type,
      ownerId: accounts.ownerId,
      currency: accounts.currency,
      shard: accounts.shard,
      closedAt: accounts.closedAt,
      amountMinor: entries.amountMinor,
    })
    .from(entries)
    .innerJoin(accounts, eq(accounts.id, entries.accountId))
    .where(eq(entries.transactionId, id))
    .orderBy(asc(entries.accountId), asc(entries.number));
  const sums = new Map<string, PostingEntry>();
  for (const { type, ownerId, currency, shard, closedAt, amountMinor } of rows) {
    const movedOn = ownerId !== null && (type === 'HELD_FUNDS' || closedAt !== null);
    const account: AccountRef = movedOn ? await requireWallet(tx, ownerId, currency) : { type: type as AccountType, ownerId, currency, shard };
    const key = JSON.stringify(account);
    // Credit and debt limits are for other things: what is taken back has to be there.
    sums.set(key, {
      account,
      amountMinor: (sums.get(key)?.amountMinor ?? 0n) - amountMinor,
      ...(ownerId !== null && type !== 'RECEIVABLE' && { floorMinor: 0n }),
    });
  }
  return [...sums.values()];
}
