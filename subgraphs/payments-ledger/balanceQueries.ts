import { sql } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';

/** Which of an entry's two times counts (PL-08b): when it took effect, or when we wrote it down. */
export const TIME_AXES = ['EFFECTIVE', 'RECORDED'] as const;
export type TimeAxis = (typeof TIME_AXES)[number];

/**
 * The number of an account's last entry that was recorded before a time (at it too, when `inclusive`); 0 when there is none. Entries of an account are
 * recorded in the order of their numbers, so this is a search of some twenty index probes, however long the account is.
 */
export async function lastNumberAt(orm: Orm, accountId: string, time: Date, inclusive: boolean): Promise<bigint> {
  const at = sql`${time.toISOString()}::timestamptz`;
  const early = inclusive ? sql`e.recorded_at <= ${at}` : sql`e.recorded_at < ${at}`;
  const [row] = await orm.execute<{ number: string }>(sql`
    with recursive search(low, high) as (
      select 0::bigint, a.entry_count from accounts a where a.id = ${accountId}::uuid
      union all
      select case when middle.early then middle.number else s.low end, case when middle.early then s.high else middle.number - 1 end
      from search s cross join lateral (select (s.low + s.high + 1) / 2 as number,
        -- A scalar: looked up by the key, whatever the planner thinks of the join.
        (select ${early} from entries e where e.account_id = ${accountId}::uuid and e.number = (s.low + s.high + 1) / 2) as early offset 0) middle
      where s.low < s.high)
    select low::text as number from search where low >= high limit 1`);
  return BigInt(row?.number ?? '0');
}

/**
 * An account's balance at a time, in minor units, credits positive; the time itself included. By RECORDED it is what we said then; by EFFECTIVE what we
 * know now of then: entries that count at another time than that of their recording are moved there.
 */
export async function balanceAt(orm: Orm, accountId: string, time: Date, by: TimeAxis): Promise<bigint> {
  const number = await lastNumberAt(orm, accountId, time, true);
  const moved =
    by === 'RECORDED'
      ? sql`0`
      : sql`(select coalesce(sum(case when effective_at <= ${time.toISOString()}::timestamptz then amount_minor else 0 end)
          - sum(case when number <= ${number.toString()}::bigint then amount_minor else 0 end), 0)
          from entries where account_id = ${accountId}::uuid and effective_at <> recorded_at)`;
  const [row] = await orm.execute<{ minor: string }>(sql`select (coalesce((select balance_after_minor from entries
    where account_id = ${accountId}::uuid and number = ${number.toString()}::bigint), 0) + ${moved})::text as minor`);
  return BigInt(row?.minor ?? '0');
}
