import { and, asc, desc, eq, gt, gte, inArray, isNotNull, isNull, lt, lte, or, sql } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';
import { fareTables, priceEvents, surgeCells } from './cityTables.js';
import type { FareRates } from './fare.js';
import { driverPositions, drivers, fareRates, trips } from './tables.js';
import { cellOf } from './surge.js';

export type FareTableRow = typeof fareTables.$inferSelect;
export type PriceEventRow = typeof priceEvents.$inferSelect;
export type SurgeCellRow = typeof surgeCells.$inferSelect;

/** Rate tables and events that are shown at most. */
const MAX_LISTED = 200;
/** Drivers counted as supply at most: beyond that the newest positions are enough to know. */
const MAX_SUPPLY = 50_000;
/** How old a driver's position in Postgres may be: 60 s as in searches, and the 5 s that it may wait to be written. */
const FRESH_MS = 65_000;

/** The rates of each vehicle type that hold at a time: of the rate table that began last, and of such the one written last (DP-10). */
export async function ratesAt(orm: Orm, at: Date): Promise<Map<string, FareRates>> {
  const holding = orm
    .select({ id: fareTables.id })
    .from(fareTables)
    .where(lte(fareTables.effectiveFrom, at))
    .orderBy(desc(fareTables.effectiveFrom), desc(fareTables.publishedAt))
    .limit(1);
  const rows = await orm
    .select()
    .from(fareRates)
    .where(and(eq(fareRates.tableId, holding), lte(fareRates.effectiveFrom, at), or(isNull(fareRates.effectiveUntil), gt(fareRates.effectiveUntil, at))));
  return new Map(rows.map((row) => [row.vehicleType, row]));
}

/** Rate tables, the one that begins last first, each with its rows. */
export async function fareTablesWithRates(orm: Orm): Promise<{ table: FareTableRow; rates: FareRates[] }[]> {
  const tables = await orm.select().from(fareTables).orderBy(desc(fareTables.effectiveFrom), desc(fareTables.publishedAt)).limit(MAX_LISTED);
  if (tables.length === 0) return [];
  const ids = tables.map((table) => table.id);
  const rates = await orm.select().from(fareRates).where(inArray(fareRates.tableId, ids)).orderBy(asc(fareRates.vehicleType), asc(fareRates.effectiveFrom));
  return tables.map((table) => ({ table, rates: rates.filter((rate) => rate.tableId === table.id) }));
}

/** Events that count at a time. */
export async function priceEventsAt(orm: Orm, at: Date): Promise<PriceEventRow[]> {
  return orm
    .select()
    .from(priceEvents)
    .where(and(lte(priceEvents.startsAt, at), gt(priceEvents.endsAt, at), isNull(priceEvents.endedAt)))
    .limit(MAX_LISTED);
}

/** Events that are not over, by their beginning. */
export async function priceEventsFrom(orm: Orm, at: Date): Promise<PriceEventRow[]> {
  return orm
    .select()
    .from(priceEvents)
    .where(and(gt(priceEvents.endsAt, at), isNull(priceEvents.endedAt)))
    .orderBy(asc(priceEvents.startsAt))
    .limit(MAX_LISTED);
}

/** Surge of these cells, where it is not 1.0. */
export async function surgeOf(orm: Orm, cells: readonly string[]): Promise<Map<string, SurgeCellRow>> {
  if (cells.length === 0) return new Map();
  const rows = await orm
    .select()
    .from(surgeCells)
    .where(inArray(surgeCells.cell, [...cells]));
  return new Map(rows.map((row) => [row.cell, row]));
}

/** All cells that the surge job knows. */
export async function allSurgeCells(orm: Orm): Promise<SurgeCellRow[]> {
  return orm.select().from(surgeCells);
}

/** Cells with surge above 1.0. */
export async function raisedCells(orm: Orm): Promise<SurgeCellRow[]> {
  return orm.select().from(surgeCells).where(gt(surgeCells.surgePermille, 1_000));
}

/**
 * Rides that were wanted per pickup cell in a time: those asked for then, to go at once, and those for later whose departure fell into it. Who planned
 * ahead and gave up before is no demand. For SYSTEM, who sees all trips.
 */
export async function requestsByCell(orm: Orm, from: Date, until: Date): Promise<Map<string, number>> {
  const within = (column: typeof trips.requestedAt | typeof trips.departAt) => and(gte(column, from), lt(column, until));
  // Two conditions with an index each, rather than one on whichever of the two times counts.
  const rows = await orm
    .select({ cell: trips.pickupCell, requests: sql<number>`count(*)::int` })
    .from(trips)
    .where(
      or(
        and(isNull(trips.departAt), within(trips.requestedAt)),
        and(isNotNull(trips.departAt), within(trips.departAt), or(isNull(trips.cancelledAt), gte(trips.cancelledAt, trips.departAt))),
      ),
    )
    .groupBy(trips.pickupCell);
  return new Map(rows.map((row) => [row.cell, row.requests]));
}

/**
 * Free drivers per cell, by the positions in Postgres, which are some seconds older than those in Redis: a flushed Redis knows no drivers at all for a
 * while, and must not make every ride dear. For SYSTEM.
 */
export async function availableByCell(orm: Orm, now: Date): Promise<Map<string, number>> {
  const since = new Date(now.getTime() - FRESH_MS);
  const rows = await orm
    .select({ lat: driverPositions.lat, lng: driverPositions.lng })
    .from(driverPositions)
    .innerJoin(drivers, eq(drivers.id, driverPositions.driverId))
    .where(and(eq(drivers.state, 'AVAILABLE'), gt(driverPositions.recordedAt, since)))
    .orderBy(desc(driverPositions.recordedAt))
    .limit(MAX_SUPPLY);
  const counts = new Map<string, number>();
  for (const place of rows) counts.set(cellOf(place), (counts.get(cellOf(place)) ?? 0) + 1);
  return counts;
}
