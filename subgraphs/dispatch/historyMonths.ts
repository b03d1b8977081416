import { sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';

/** How long every point is kept (PF-33). */
export const HISTORY_DAYS = 90;
const DAY_MS = 24 * 3_600_000;
/** Months are made this far ahead: a job that does not run for weeks costs nothing. */
const AHEAD_MS = 62 * DAY_MS;

/** Makes the partitions that points of the coming weeks go into (DP-06). Answers how many were missing. */
export async function prepareHistory(tx: Tx): Promise<number> {
  const from = new Date(tx.now.getTime() - DAY_MS);
  const until = new Date(tx.now.getTime() + AHEAD_MS);
  return preparePartitions(tx, from, until);
}

export async function preparePartitions(tx: Tx, from: Date, until: Date): Promise<number> {
  const [row] = await tx.orm.execute<{ made: number }>(
    sql`select location_history_prepare(${from.toISOString()}::timestamptz, ${until.toISOString()}::timestamptz) as made`,
  );
  return row?.made ?? 0;
}

/** Drops the partitions of which every point is older than 90 days. Answers how many. */
export async function retireHistory(tx: Tx): Promise<number> {
  const before = new Date(tx.now.getTime() - HISTORY_DAYS * DAY_MS);
  const [row] = await tx.orm.execute<{ dropped: number }>(sql`select location_history_retire(${before.toISOString()}::timestamptz) as dropped`);
  return row?.dropped ?? 0;
}
