import { createHash } from 'node:crypto';
import { Refusal } from '../../platform/errors.js';

/**
 * Rules of the double-entry ledger, over plain data.
 *
 * Sign convention: an entry's amount is signed, **credits are positive and debits negative**, in whole minor units. A transaction's entries sum
 * to zero per currency, and an account's balance is the sum of its entries. A wallet is what the company owes a person, so it is credit-normal:
 * its balance reads as people expect. Debit-normal accounts (what others owe the company) hold negative balances; `normalBalance` turns them.
 */
export const ACCOUNT_TYPES = [
  'CUSTOMER_WALLET',
  'DRIVER_WALLET',
  'PARTNER_WALLET',
  'HELD_FUNDS',
  'PLATFORM_REVENUE',
  'TAX',
  'PAYOUT_CLEARING',
  'CASH_FLOAT',
  'GATEWAY_CLEARING',
  'REFUND_EXPENSE',
  'RECEIVABLE',
  'OPENING',
] as const;
export type AccountType = (typeof ACCOUNT_TYPES)[number];

/** The side on which an account of a type grows (PL-02). */
const NORMAL_SIDE: Readonly<Record<AccountType, 'CREDIT' | 'DEBIT'>> = {
  CUSTOMER_WALLET: 'CREDIT',
  DRIVER_WALLET: 'CREDIT',
  PARTNER_WALLET: 'CREDIT',
  HELD_FUNDS: 'CREDIT',
  PLATFORM_REVENUE: 'CREDIT',
  TAX: 'CREDIT',
  PAYOUT_CLEARING: 'CREDIT',
  CASH_FLOAT: 'DEBIT',
  GATEWAY_CLEARING: 'DEBIT',
  REFUND_EXPENSE: 'DEBIT',
  RECEIVABLE: 'DEBIT',
  OPENING: 'DEBIT',
};

export function normalSide(type: AccountType): 'CREDIT' | 'DEBIT' {
  return NORMAL_SIDE[type];
}

/** The balance as an accountant reads it: positive on the account's normal side. */
export function normalBalance(type: AccountType, balanceMinor: bigint): bigint {
  return NORMAL_SIDE[type] === 'CREDIT' ? balanceMinor : -balanceMinor;
}

export const TRANSACTION_KINDS = [
  'OPENING_BALANCE',
  'DEPOSIT',
  'HOLD',
  'HOLD_RELEASE',
  'BOOKING_PAYMENT',
  'TRIP_SETTLEMENT',
  'CANCELLATION_FEE',
  'REFUND',
  'WITHDRAWAL_PAYOUT',
  'WALLET_MERGE',
  'DEBT_PAYMENT',
  'REVERSAL',
] as const;
export type TransactionKind = (typeof TRANSACTION_KINDS)[number];

export const REFERENCE_TYPES = ['USER', 'BOOKING', 'TRIP', 'DEPOSIT', 'WITHDRAWAL', 'RENTAL_DEPOSIT'] as const;
export type ReferenceType = (typeof REFERENCE_TYPES)[number];

/** Names an account. `ownerId` is the person's UUID, null for the company's own; `shard` tells sub-accounts of one system account apart. */
export interface AccountRef {
  type: AccountType;
  ownerId: string | null;
  currency: string;
  shard: number;
  /** A wallet that is opened again when it was closed, if its owner has no other by then. */
  reopens?: boolean;
}

/**
 * Sub-accounts of each system account (PL-05): every trip posts to revenue, and one row would make all trips wait for each other, through the commit and
 * its fsync. Their sum is the account. May be raised at any time; accounts that exist stay. Why this and not another design: docs/ledger.md.
 */
export const SUB_ACCOUNTS = 32;

export function ownedAccount(type: AccountType, ownerId: string, currency: string): AccountRef {
  return { type, ownerId, currency, shard: 0 };
}

/** A system account's sub-account for a posting, spread by any text of it. */
export function systemAccount(type: AccountType, currency: string, spreadBy: string): AccountRef {
  const digest = createHash('sha256').update(spreadBy).digest();
  return { type, ownerId: null, currency, shard: (digest[0] ?? 0) % SUB_ACCOUNTS };
}

/** A version 8 UUID (RFC 9562) that follows from what it names. */
function uuidFrom(parts: readonly unknown[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16);
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** An account's id follows from what it is, so that a posting needs no look-up and nothing can open it twice. */
export function accountIdOf(ref: AccountRef): string {
  return uuidFrom([ref.type, ref.ownerId, ref.currency, ref.shard]);
}

/** Entries are known by account and number; clients get one id. */
export function entryIdOf(accountId: string, number: bigint): string {
  return uuidFrom(['ENTRY', accountId, number.toString()]);
}

export interface PostingEntry {
  account: AccountRef;
  /** Signed minor units: a credit is positive. Zero is left out of the posting. */
  amountMinor: bigint;
  /** A higher floor than the account's own for this debit: a driver's debt limit is for commission, not for withdrawals. */
  floorMinor?: bigint;
}

export interface Posting {
  /** Names this effect for all times, such as `hold:<id>:capture`: unique in the database, so that it cannot be posted twice. */
  key: string;
  kind: TransactionKind;
  reference: { type: ReferenceType; id: string };
  entries: readonly PostingEntry[];
  /** Ids and facts, never personal data. */
  metadata?: Readonly<Record<string, string>>;
  /** When it counts; the time of recording when not given (PL-08b). */
  effectiveAt?: Date;
  /** The transaction that this one takes back; each can be taken back once. */
  reverses?: string;
}

/** An account row as locked for a posting. */
export interface AccountState {
  id: string;
  type: AccountType;
  ownerId: string | null;
  currency: string;
  balanceMinor: bigint;
  /** Null: may go anywhere. */
  minBalanceMinor: bigint | null;
  entryCount: bigint;
  lastHash: Buffer;
  /** When its last entry was recorded: the next one is never recorded before it, so that `balanceAt` can search. */
  changedAt: Date;
  closed: boolean;
}

/** One entry as stored: everything that its hash covers, and the hashes. */
export interface EntryFacts {
  accountId: string;
  number: bigint;
  transactionId: string;
  kind: string;
  referenceType: string;
  referenceId: string;
  metadata: Readonly<Record<string, string>>;
  /** Of the transaction: the effect that it is, who caused it, and what it takes back. */
  postingKey: string;
  cause: Readonly<Record<string, string>>;
  reverses: string | null;
  amountMinor: bigint;
  currency: string;
  balanceAfterMinor: bigint;
  effectiveAt: Date;
  recordedAt: Date;
  previousHash: Buffer;
  hash: Buffer;
}

/** What an account's first entry follows. */
export const GENESIS_HASH = Buffer.alloc(32);

/**
 * SHA-256 over the hash before and all facts in a fixed order (PL-07): changing any of them, or leaving an entry out, breaks the chain. `ledger_post`
 * writes the same text in SQL. The account's owner is not among them: its id, which is, follows from the owner.
 */
export function entryHash(entry: Omit<EntryFacts, 'hash'>): Buffer {
  return hashOver(entry, [originOf(entry)]);
}

/** As entries were hashed before their transaction's key, cause and reversal were covered: they keep what they have, and cannot be rewritten. */
function earlierHash(entry: Omit<EntryFacts, 'hash'>): Buffer {
  return hashOver(entry, []);
}

function hashOver(entry: Omit<EntryFacts, 'hash'>, origin: readonly unknown[]): Buffer {
  const facts = [
    entry.accountId,
    entry.number.toString(),
    entry.transactionId,
    entry.kind,
    entry.referenceType,
    entry.referenceId,
    sortedMetadata(entry.metadata),
    ...origin,
    entry.amountMinor.toString(),
    entry.currency,
    entry.balanceAfterMinor.toString(),
    entry.effectiveAt.toISOString(),
    entry.recordedAt.toISOString(),
  ];
  return createHash('sha256').update(entry.previousHash).update(JSON.stringify(facts)).digest();
}

const sortedMetadata = (metadata: Readonly<Record<string, string>>) => Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1));

/** The part of what is hashed that is the same for all entries of a posting, as it stands in their JSON: between their number and their amount. */
export function hashedFacts(transactionId: string, posting: Omit<Posting, 'entries' | 'effectiveAt'>, cause: Readonly<Record<string, string>>): string {
  const { key, kind, reference, metadata = {}, reverses = null } = posting;
  const origin = originOf({ postingKey: key, cause, reverses });
  return JSON.stringify([transactionId, kind, reference.type, reference.id, sortedMetadata(metadata), origin]).slice(1, -1);
}

function originOf({ postingKey, cause, reverses }: Pick<EntryFacts, 'postingKey' | 'cause' | 'reverses'>): unknown[] {
  return [postingKey, sortedMetadata(cause), reverses];
}

/** What a posting is recorded as. `cause` is who and what brought it about, as it is stored: ids only. */
export interface RecordedTransaction {
  id: string;
  recordedAt: Date;
  cause?: Readonly<Record<string, string>>;
}

export interface AppliedPosting {
  entries: EntryFacts[];
  accounts: AccountState[];
}

/** When a posting is recorded: now, or with the latest entry of its accounts if that came from a clock ahead of ours. */
export function recordingTime(accounts: Iterable<AccountState>, now: Date): Date {
  let latest = now;
  for (const account of accounts) if (account.changedAt > latest) latest = account.changedAt;
  return latest;
}

/**
 * The entries that a posting makes, and the accounts after it. Entries of one account are numbered on in the order given.
 * @throws Refusal INSUFFICIENT_FUNDS when a debit would take an account below its floor, CONFLICT for a closed account
 * @throws Error for a posting that no caller may make
 */
export function applyPosting(accounts: ReadonlyMap<string, AccountState>, posting: Posting, transaction: RecordedTransaction): AppliedPosting {
  const given = movedEntries(posting);
  const states = new Map(accounts);
  const entries = given.map((entry) => {
    const id = accountIdOf(entry.account);
    const before = states.get(id);
    if (!before) throw new Error(`posting ${posting.key}: account ${id} was not locked`);
    if (before.closed) throw closedAccount();
    if (before.currency !== entry.account.currency) throw new Error(`posting ${posting.key}: account ${id} holds ${before.currency}`);
    const after = { ...before, balanceMinor: before.balanceMinor + entry.amountMinor, entryCount: before.entryCount + 1n, changedAt: transaction.recordedAt };
    assertCovered(after, entry);
    const facts = {
      accountId: id,
      number: after.entryCount,
      transactionId: transaction.id,
      kind: posting.kind,
      referenceType: posting.reference.type,
      referenceId: posting.reference.id,
      metadata: posting.metadata ?? {},
      postingKey: posting.key,
      cause: transaction.cause ?? {},
      reverses: posting.reverses ?? null,
      amountMinor: entry.amountMinor,
      currency: after.currency,
      balanceAfterMinor: after.balanceMinor,
      effectiveAt: posting.effectiveAt ?? transaction.recordedAt,
      recordedAt: transaction.recordedAt,
      previousHash: before.lastHash,
    };
    after.lastHash = entryHash(facts);
    states.set(id, after);
    return { ...facts, hash: after.lastHash };
  });
  const touched = new Set(entries.map((entry) => entry.accountId));
  return { entries, accounts: [...states.values()].filter((account) => touched.has(account.id)) };
}

/** The entries of a posting that move something. @throws Error for a posting that no caller may make: less than two of them, or out of balance */
export function movedEntries({ key, entries }: Pick<Posting, 'key' | 'entries'>): PostingEntry[] {
  const moved = entries.filter((entry) => entry.amountMinor !== 0n);
  if (moved.length < 2) throw new Error(`posting ${key} moves nothing`);
  const sums = new Map<string, bigint>();
  for (const { account, amountMinor } of moved) sums.set(account.currency, (sums.get(account.currency) ?? 0n) + amountMinor);
  for (const [currency, sum] of sums) if (sum !== 0n) throw new Error(`posting ${key} is off by ${sum} ${currency}`);
  return moved;
}

/** Whoever chose this account read an older state; reading again finds the one that took its place. */
export function closedAccount(): Refusal {
  return new Refusal('CONFLICT', 'This wallet has just moved. Try again.', { retryAfter: 1 });
}

function assertCovered(after: AccountState, entry: PostingEntry): void {
  if (entry.amountMinor > 0n) return;
  const floors = [after.minBalanceMinor, entry.floorMinor].filter((floor) => floor != null);
  if (floors.some((floor) => after.balanceMinor < floor)) throw insufficientFunds();
}

export function insufficientFunds(): Refusal {
  return new Refusal('INSUFFICIENT_FUNDS', 'The wallet does not hold enough for this. Add money, or choose a smaller amount.');
}

/** The first entry of an account that does not follow from the one before it, and why; null when the chain is whole. Entries by number. */
export function brokenLink(
  entries: readonly EntryFacts[],
  before: { number: bigint; balanceMinor: bigint; hash: Buffer },
): { entry: EntryFacts; reason: string } | null {
  let last = before;
  for (const entry of entries) {
    const reason =
      entry.number !== last.number + 1n
        ? `number ${entry.number} follows ${last.number}`
        : entry.balanceAfterMinor !== last.balanceMinor + entry.amountMinor
          ? `balance ${entry.balanceAfterMinor} after ${last.balanceMinor} and ${entry.amountMinor}`
          : !entry.previousHash.equals(last.hash)
            ? 'does not name the entry before it'
            : entryHash(entry).equals(entry.hash) || earlierHash(entry).equals(entry.hash)
              ? null
              : 'was changed after it was written';
    if (reason) return { entry, reason };
    last = { number: entry.number, balanceMinor: entry.balanceAfterMinor, hash: entry.hash };
  }
  return null;
}
