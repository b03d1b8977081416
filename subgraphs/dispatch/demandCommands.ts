import { and, eq, inArray, min, sql } from 'drizzle-orm';
import { gridDisk } from 'h3-js';
import { z } from 'zod';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { demandCounts, demandSeasons, surgeCells } from './cityTables.js';
import { requestsByCell } from './cityQueries.js';
import type { Dispatch } from './context.js';
import { bestProspect, nextSeasons, type Prospect, QUARTER_MS, quarterOf, reliableLevel, type Season, slotOf } from './demand.js';
import { distanceM, type Place } from './point.js';
import { cellOf, shapeOf } from './surge.js';

/** Timer that counts the quarter hour that has just ended. */
export const DEMAND_TIMER = 'city.demand';
/** A request may commit a moment after the quarter that it is of. */
const SETTLE_MS = 20_000;
/** Quarters that are caught up at once after a pause; older ones are left out. */
const MAX_CATCH_UP = 4 * 24 * 7;
const WEEK_MS = 7 * 24 * 3_600_000;
const KEEP_COUNTS_MS = 120 * 24 * 3_600_000;
/** A driver looks this many cells around, about 5 km. */
const RINGS = 5;

const payloadSchema = z.object({ countedUntil: z.coerce.date().optional() });

/** Counts the quarters since the last run and learns from each (DP-35). How far it got lies in its timer, so that none is counted twice or left out. */
export async function countDemand(tx: Tx, dispatch: Dispatch, key: string, payload: unknown): Promise<void> {
  const until = quarterOf(new Date(tx.now.getTime() - SETTLE_MS));
  const { countedUntil } = payloadSchema.parse(payload ?? {});
  const earliest = until.getTime() - MAX_CATCH_UP * QUARTER_MS;
  for (let at = Math.max(earliest, countedUntil?.getTime() ?? until.getTime() - QUARTER_MS); at < until.getTime(); at += QUARTER_MS) {
    await countQuarter(tx, dispatch, new Date(at));
  }
  await tx.orm.execute(sql`delete from demand_counts where quarter_at < ${new Date(tx.now.getTime() - KEEP_COUNTS_MS).toISOString()}::timestamptz`);
  const dueAt = new Date(until.getTime() + QUARTER_MS + SETTLE_MS);
  await setTimer(tx, { kind: DEMAND_TIMER, key, dueAt, payload: { countedUntil: until.toISOString() } });
}

async function countQuarter(tx: Tx, dispatch: Dispatch, quarter: Date): Promise<void> {
  const counts = await requestsByCell(tx.orm, quarter, new Date(quarter.getTime() + QUARTER_MS));
  if (counts.size > 0) {
    const rows = [...counts].map(([cell, requests]) => ({ cell, quarterAt: quarter, requests }));
    await tx.orm.insert(demandCounts).values(rows).onConflictDoNothing();
  }
  const slot = slotOf(quarter, dispatch.cityTime);
  const known = await tx.orm.select().from(demandSeasons).where(eq(demandSeasons.slot, slot));
  const seasons = nextSeasons(new Map(known.map((row): [string, Season] => [row.cell, row])), counts, await weeksCounted(tx, quarter));
  await tx.orm.delete(demandSeasons).where(eq(demandSeasons.slot, slot));
  const kept = [...seasons].map(([cell, { level, meanError, weeks }]) => ({ cell, slot, level, meanError, weeks, updatedAt: tx.now }));
  if (kept.length > 0) await tx.orm.insert(demandSeasons).values(kept);
}

/** How often this quarter of the week was counted before, since the first request of all. Beyond the time that counts are kept, more weeks make no difference. */
async function weeksCounted(tx: Tx, quarter: Date): Promise<number> {
  const [row] = await tx.orm.select({ first: min(demandCounts.quarterAt) }).from(demandCounts);
  return row?.first ? Math.max(0, Math.floor((quarter.getTime() - row.first.getTime()) / WEEK_MS)) : 0;
}

export interface RepositionHint {
  place: Place;
  cell: string;
  expectedRequests: number;
  availableDrivers: number;
  distanceM: number;
}

/**
 * Where an idle driver at a place would rather be in the next quarter hour; null when here. Reads sums only. `available` is of the whole city: were drivers
 * counted around him only, up to some number, all places beyond the nearest ones would look empty.
 */
export async function repositionHint(
  tx: Tx,
  dispatch: Dispatch,
  driverId: string,
  place: Place,
  available: ReadonlyMap<string, number>,
): Promise<RepositionHint | null> {
  const own = cellOf(place);
  const cells = gridDisk(own, RINGS);
  const slot = slotOf(quarterOf(new Date(tx.now.getTime() + QUARTER_MS)), dispatch.cityTime);
  const seasons = await tx.orm
    .select({ cell: demandSeasons.cell, level: demandSeasons.level, weeks: demandSeasons.weeks })
    .from(demandSeasons)
    .where(and(eq(demandSeasons.slot, slot), inArray(demandSeasons.cell, cells)));
  const expected = new Map(seasons.map((row) => [row.cell, reliableLevel(row)]));
  // The last count of the surge job: demand of this moment, as a floor under what the season says.
  const present = await tx.orm.select({ cell: surgeCells.cell, requests: surgeCells.requests }).from(surgeCells).where(inArray(surgeCells.cell, cells));
  for (const { cell, requests } of present) expected.set(cell, Math.max(expected.get(cell) ?? 0, requests / 2));
  const toProspect = (cell: string): Prospect => ({
    cell,
    expected: expected.get(cell) ?? 0,
    available: available.get(cell) ?? 0,
    awayM: cell === own ? 0 : distanceM(place, shapeOf(cell).center),
  });
  const best = bestProspect(toProspect(own), [...expected.keys()].filter((cell) => cell !== own).map(toProspect), spreadOf(driverId));
  if (!best) return null;
  return {
    place: shapeOf(best.cell).center,
    cell: best.cell,
    expectedRequests: Math.round(best.expected * 10) / 10,
    availableDrivers: best.available,
    distanceM: Math.round(best.awayM),
  };
}

/** A driver's own number from 0 to 1: random digits of his id. */
function spreadOf(driverId: string): number {
  return Number.parseInt(driverId.slice(-8), 16) / 0xffffffff;
}
