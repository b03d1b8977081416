import type postgres from 'postgres';
import { publicId } from '../../platform/ids.js';
import { accountIdOf, brokenLink, type EntryFacts, GENESIS_HASH } from './ledger.js';

/** Something in the ledger that is not as it was written. */
export interface LedgerDamage {
  kind: 'ENTRY' | 'ACCOUNT' | 'TRANSACTION' | 'LEDGER';
  /** `wal_… entry 17`, `txn_…` or a currency. */
  where: string;
  problem: string;
}

export interface Verification {
  accounts: number;
  entries: number;
  damage: LedgerDamage[];
}

const BATCH = 5_000;
const MAX_DAMAGE = 1_000;

/**
 * Reads the whole ledger and names every place that does not hold (PL-07): each account's chain from its first entry to what the account says, each
 * transaction's number of entries and balance, that accounts are whose they were opened for, and zero per currency. One snapshot, so that postings may go on meanwhile; needs a role that sees all.
 * A changed entry is named itself; after a missing one, the entry that follows; past the first break of an account the rest of it is not looked at.
 */
export async function verifyLedger(sql: postgres.Sql): Promise<Verification> {
  const result = await sql.begin('isolation level repeatable read read only', async (tx) => {
    const found: LedgerDamage[] = [];
    const add = (damage: LedgerDamage) => void (found.length < MAX_DAMAGE && found.push(damage));
    const counts = await verifyChains(tx, add);
    for (const each of await forgedAccounts(tx)) add(each);
    for (const each of await brokenTransactions(tx)) add(each);
    for (const each of await unbalancedCurrencies(tx)) add(each);
    return { ...counts, damage: found };
  });
  return result as Verification;
}

async function verifyChains(tx: postgres.TransactionSql, add: (damage: LedgerDamage) => void): Promise<{ accounts: number; entries: number }> {
  let accounts = 0;
  let entries = 0;
  let end = null as { id: string; number: bigint; balanceMinor: bigint; hash: Buffer; broken: boolean } | null;
  const said = new Map(
    (await tx`select id, balance_minor::text as balance, entry_count::text as count, last_hash as hash from accounts`).map((row) => [row.id as string, row]),
  );
  const finish = (account: string, last: { number: bigint; balanceMinor: bigint; hash: Buffer }) => {
    const says = said.get(account);
    said.delete(account);
    if (!says) return add({ kind: 'ACCOUNT', where: publicId('wal', account), problem: 'has entries, and does not exist' });
    const problem =
      BigInt(says.count) !== last.number
        ? `counts ${says.count} entries, and the last one is number ${last.number}`
        : BigInt(says.balance) !== last.balanceMinor
          ? `says ${says.balance}, and its last entry ${last.balanceMinor}`
          : last.number > 0n && !last.hash.equals(says.hash)
            ? 'does not end with the hash of its last entry'
            : null;
    if (problem) add({ kind: 'ACCOUNT', where: publicId('wal', account), problem });
  };
  const rows =
    tx`select e.account_id, e.number::text as number, e.transaction_id, t.kind, t.reference_type, t.reference_id, t.metadata, t.posting_key, t.cause, t.reverses,
      e.amount_minor::text as amount, e.currency, e.balance_after_minor::text as balance, e.effective_at, e.recorded_at, e.previous_hash, e.hash
    from entries e left join transactions t on t.id = e.transaction_id order by e.account_id, e.number`.cursor(BATCH);
  for await (const batch of rows) {
    for (const row of batch) {
      const entry = toFacts(row);
      if (end?.id !== entry.accountId) {
        if (end && !end.broken) finish(end.id, end);
        accounts += 1;
        end = { id: entry.accountId, number: 0n, balanceMinor: 0n, hash: GENESIS_HASH, broken: false };
      }
      entries += 1;
      if (end.broken) continue;
      const broken = brokenLink([entry], end);
      if (broken) {
        add({ kind: 'ENTRY', where: `${publicId('wal', entry.accountId)} entry ${entry.number}`, problem: broken.reason });
        said.delete(entry.accountId);
      }
      end = { id: entry.accountId, number: entry.number, balanceMinor: entry.balanceAfterMinor, hash: entry.hash, broken: broken !== null };
    }
  }
  if (end && !end.broken) finish(end.id, end);
  for (const id of [...said.keys()]) finish(id, { number: 0n, balanceMinor: 0n, hash: GENESIS_HASH });
  return { accounts, entries };
}

function toFacts(row: postgres.Row): EntryFacts {
  const text = (name: string) => String(row[name]);
  return {
    accountId: text('account_id'),
    number: BigInt(text('number')),
    transactionId: text('transaction_id'),
    kind: text('kind'),
    referenceType: text('reference_type'),
    referenceId: text('reference_id'),
    metadata: row.metadata ?? {},
    postingKey: text('posting_key'),
    cause: row.cause ?? {},
    reverses: row.reverses ?? null,
    amountMinor: BigInt(text('amount')),
    currency: text('currency'),
    balanceAfterMinor: BigInt(text('balance')),
    effectiveAt: new Date(row.effective_at),
    recordedAt: new Date(row.recorded_at),
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}

/** An account's id follows from its type, owner, currency and number: one whose owner was changed is no longer what its id, which all hashes cover, says. */
async function forgedAccounts(tx: postgres.TransactionSql): Promise<LedgerDamage[]> {
  const rows = await tx`select id, type, owner_id, currency, shard from accounts order by id`;
  return rows
    .filter(({ id, type, owner_id, currency, shard }) => accountIdOf({ type, ownerId: owner_id, currency, shard }) !== id)
    .map(({ id }) => ({ kind: 'ACCOUNT', where: publicId('wal', id), problem: 'is not of the owner, type or currency that its id was made from' }));
}

async function brokenTransactions(tx: postgres.TransactionSql): Promise<LedgerDamage[]> {
  const rows = await tx`select t.id, t.entry_count, coalesce(sum(g.entries), 0)::int as entries, coalesce(bool_or(g.minor <> 0), false) as off
    from transactions t left join (select transaction_id, currency, count(*) as entries, sum(amount_minor) as minor from entries group by 1, 2) g
      on g.transaction_id = t.id
    group by t.id having coalesce(sum(g.entries), 0) <> t.entry_count or coalesce(bool_or(g.minor <> 0), false) order by t.id limit ${MAX_DAMAGE}`;
  return rows.map((row) => ({
    kind: 'TRANSACTION',
    where: publicId('txn', row.id),
    problem: row.entries !== row.entry_count ? `says ${row.entry_count} entries, and has ${row.entries}` : 'does not balance',
  }));
}

async function unbalancedCurrencies(tx: postgres.TransactionSql): Promise<LedgerDamage[]> {
  const rows = await tx`select currency, sum(balance_minor)::text as minor from accounts group by currency having sum(balance_minor) <> 0`;
  return rows.map((row) => ({ kind: 'LEDGER', where: row.currency, problem: `all accounts add up to ${row.minor}` }));
}
