import { sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { allSurgeCells, availableByCell, requestsByCell } from './cityQueries.js';
import { surgeCells } from './cityTables.js';
import { type CellSurge, DEMAND_WINDOW_MS, nextSurge, SURGE_INTERVAL_MS, surgePermille } from './surge.js';

/** Timer that moves the surge of the whole city by one step. */
export const SURGE_TIMER = 'city.surge';
/** Rows of one statement. */
const BATCH = 1_000;

/**
 * One step of the city's surge (DP-12), run by its timer as SYSTEM. Everything that it decides from is in Postgres: after a crash it goes on where it was.
 * A step that comes late is one step all the same, so that nobody's price jumps because we slept.
 */
export async function moveSurge(tx: Tx, key: string): Promise<void> {
  const before = await allSurgeCells(tx.orm);
  const requests = await requestsByCell(tx.orm, new Date(tx.now.getTime() - DEMAND_WINDOW_MS), new Date(tx.now.getTime() + 1));
  const available = await availableByCell(tx.orm, tx.now);
  const targets = new Map([...requests].map(([cell, count]) => [cell, Number(surgePermille(count, available.get(cell) ?? 0))]));
  const next = nextSurge(new Map(before.map((row): [string, CellSurge] => [row.cell, row])), targets);
  const rows = [...new Set([...next.keys(), ...requests.keys()])].map((cell) => ({
    cell,
    surgePermille: next.get(cell)?.surgePermille ?? 1_000,
    targetPermille: targets.get(cell) ?? 1_000,
    requests: requests.get(cell) ?? 0,
    available: available.get(cell) ?? 0,
    recent: [...(next.get(cell)?.recent ?? [])],
    updatedAt: tx.now,
  }));
  for (let from = 0; from < rows.length; from += BATCH) {
    await tx.orm
      .insert(surgeCells)
      .values(rows.slice(from, from + BATCH))
      .onConflictDoUpdate({
        target: surgeCells.cell,
        set: {
          surgePermille: sql`excluded.surge_permille`,
          targetPermille: sql`excluded.target_permille`,
          requests: sql`excluded.requests`,
          available: sql`excluded.available`,
          recent: sql`excluded.recent`,
          updatedAt: sql`excluded.updated_at`,
        },
      });
  }
  // What was not written now is calm, and asked for by nobody.
  await tx.orm.execute(sql`delete from surge_cells where updated_at < ${tx.now.toISOString()}::timestamptz`);
  await setTimer(tx, { kind: SURGE_TIMER, key, dueAt: new Date(tx.now.getTime() + SURGE_INTERVAL_MS) });
}
