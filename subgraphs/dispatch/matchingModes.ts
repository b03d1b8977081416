import { and, desc, eq, ne, sql } from 'drizzle-orm';
import { newUuid } from '../../platform/ids.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import { matchingModeSwitches, matchingModes } from './matchingTables.js';

/**
 * Degraded modes of matching (DP-25). POSITIONS_FROM_POSTGRES: Redis does not answer, drivers are found by their last position in Postgres.
 * OVERLOAD: so many search that rounds are longer, and riders are told their place in the queue.
 */
export const MATCHING_MODES = ['POSITIONS_FROM_POSTGRES', 'OVERLOAD'] as const;
export type MatchingMode = (typeof MATCHING_MODES)[number];

export interface ModeState {
  mode: MatchingMode;
  isOn: boolean;
  since: Date;
}
export type ModeSwitch = typeof matchingModeSwitches.$inferSelect;

/** Rounds last this many times as long while overloaded. */
export const OVERLOAD_FACTOR = 2;
/** Overload is over when this share of what began it is left: without the gap it would go on and off with every request. */
const OVER_AT = 0.8;
const MAX_SWITCHES = 100;

/** Whether so many searches are an overload, given whether it was one before. */
export function isOverload(searching: number, limit: number, before: boolean): boolean {
  return before ? searching > limit * OVER_AT : searching > limit;
}

/** How many searches run, counted no further than `atMost`, and whether that counts as an overload at the moment. */
export async function searchLoad(orm: Orm, atMost: number): Promise<{ searching: number; isOverloaded: boolean }> {
  const [row] = await orm.execute<{ searching: number; is_on: boolean }>(sql`select
    (select count(*)::int from (select 1 from trips where status = 'SEARCHING' limit ${atMost}) s) as searching,
    (select is_on from matching_modes where mode = 'OVERLOAD') as is_on`);
  return { searching: row?.searching ?? 0, isOverloaded: row?.is_on ?? false };
}

/** Notes that a mode is on or off. Only a switch is written and logged, whichever of many processes sees it first. */
export async function switchMode(tx: Tx, mode: MatchingMode, isOn: boolean, reason: string): Promise<void> {
  const [switched] = await tx.orm
    .update(matchingModes)
    .set({ isOn, since: tx.now })
    .where(and(eq(matchingModes.mode, mode), ne(matchingModes.isOn, isOn)))
    .returning({ mode: matchingModes.mode });
  if (!switched) return;
  await tx.orm.insert(matchingModeSwitches).values({ id: newUuid(tx.now), mode, isOn, reason, at: tx.now });
  tx.log.warn({ mode, isOn, reason }, 'matching mode switched');
}

export async function modeStates(orm: Orm): Promise<ModeState[]> {
  const rows = await orm.select().from(matchingModes);
  return MATCHING_MODES.flatMap((mode) => rows.filter((row) => row.mode === mode).map(({ isOn, since }) => ({ mode, isOn, since })));
}

/** The newest first. */
export async function modeSwitches(orm: Orm, first: number): Promise<ModeSwitch[]> {
  return orm.select().from(matchingModeSwitches).orderBy(desc(matchingModeSwitches.at), desc(matchingModeSwitches.id)).limit(Math.min(first, MAX_SWITCHES));
}

/** A search's place in the queue, from 1, while there is an overload; null otherwise. Counts others' searches, and tells nothing else about them. */
export async function queuePositionOf(orm: Orm, tripId: string): Promise<number | null> {
  const [row] = await orm.execute<{ ahead: number; is_on: boolean }>(
    sql`select searches_ahead(${tripId}::uuid) as ahead, is_on from matching_modes where mode = 'OVERLOAD'`,
  );
  return row?.is_on ? row.ahead + 1 : null;
}
