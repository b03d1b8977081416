import { type SQL, sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import type { DayRange } from './reconciliation.js';

/** A part of an account's chain of entries; both numbers are inside. */
export interface Stretch {
  accountId: string;
  first: bigint;
  last: bigint;
}

/** Of each account with entries of a day: from the first of them to its latest entry. */
export async function stretchesSince(tx: Tx, day: DayRange): Promise<Stretch[]> {
  const rows = await tx.orm.execute<{ account_id: string; first: string; last: string }>(sql`
    select d.account_id, d.first::text, (select max(number) from entries e where e.account_id = d.account_id)::text as last
    from (select account_id, min(number) as first from entries
      where recorded_at >= ${day.from.toISOString()}::timestamptz and recorded_at < ${day.to.toISOString()}::timestamptz group by account_id) d
    order by d.account_id`);
  return rows.map(toStretch);
}

/** As `hashedFacts` sorts and writes them. */
const sortedFacts = (facts: SQL) => sql`case when ${facts} = '{}' then '[]' else
  (select '[' || string_agg('[' || to_json(key) || ',' || to_json(value) || ']', ',' order by key collate "C") || ']' from jsonb_each_text(${facts})) end`;

/** The same of a cause, which nearly always has these three facts: to sort them took a third of the whole. */
const sortedCause = sql`case when t.cause ?& array['actor', 'causationId', 'traceId'] and t.cause - array['actor', 'causationId', 'traceId'] = '{}'
  then concat('[["actor",', t.cause -> 'actor', '],["causationId",', t.cause -> 'causationId', '],["traceId",', t.cause -> 'traceId', ']]')
  else ${sortedFacts(sql`t.cause`)} end`;

const moment = (at: SQL) => sql`to_char(${at} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/**
 * What `entryHash` hashes, in SQL: the entry is `e`, its transaction `t`. Texts are escaped as JSON escapes them, or a quotation mark in one of them could stand
 * for the border to the next; ids and numbers have nothing to escape, and of a currency both neighbours are numbers.
 */
const HASH = sql`sha256(e.previous_hash || convert_to(concat('["', e.account_id, '","', e.number, '","', t.id, '",', to_json(t.kind), ',', to_json(t.reference_type), ',"',
  t.reference_id, '",', ${sortedFacts(sql`t.metadata`)}, ',[', to_json(t.posting_key), ',', ${sortedCause}, ',', coalesce('"' || t.reverses || '"', 'null'), '],"',
  e.amount_minor, '","', e.currency, '","', e.balance_after_minor, '","', ${moment(sql`e.effective_at`)}, '","', ${moment(sql`e.recorded_at`)}, '"]'), 'UTF8'))`;

/**
 * Of each stretch the rest that begins with the first entry that does not seem to follow the one before it, for `brokenLink` to say whether and why: entries
 * that were hashed in an earlier form are among them. The database hashes an entry in less time than it takes to send it here. An account may be in `stretches` once.
 */
export async function doubtfulLinks(tx: Tx, stretches: readonly Stretch[]): Promise<Stretch[]> {
  const list = (values: readonly unknown[]) => `{${values.join(',')}}`;
  const rows = await tx.orm.execute<{ account_id: string; first: string; last: string }>(sql`
    select s.account_id, min(e.number)::text as first, max(s.last)::text as last
    from unnest(${list(stretches.map((s) => s.accountId))}::uuid[], ${list(stretches.map((s) => s.first))}::bigint[],
        ${list(stretches.map((s) => s.last))}::bigint[]) as s(account_id, first, last)
      cross join lateral (
        select *, lag(number, 1, 0::bigint) over chain as number_before, lag(balance_after_minor, 1, 0::bigint) over chain as balance_before,
          lag(hash, 1, decode(repeat('00', 32), 'hex')) over chain as hash_before
        from entries where account_id = s.account_id and number between s.first - 1 and s.last window chain as (order by number)) e
      -- By its key, entry by entry: the planner cannot know how many entries there will be, and must not read all transactions for a few.
      left join lateral (select * from transactions where id = e.transaction_id limit 1) t on true
    where e.number >= s.first and (e.number <> e.number_before + 1 or e.balance_after_minor <> e.balance_before + e.amount_minor
      or e.previous_hash <> e.hash_before or ${HASH} <> e.hash)
    group by s.account_id order by s.account_id`);
  return rows.map(toStretch);
}

const toStretch = (row: { account_id: string; first: string; last: string }): Stretch => ({
  accountId: row.account_id,
  first: BigInt(row.first),
  last: BigInt(row.last),
});
