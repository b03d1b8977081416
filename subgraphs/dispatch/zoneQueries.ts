import { and, asc, eq, isNull } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';
import { zones } from './locationTables.js';
import { MAX_ZONES, type Zone, type ZoneKind } from './zone.js';

export type ZoneRow = typeof zones.$inferSelect;

/** All zones in force, the oldest first; of one kind when it is named. */
export async function activeZones(orm: Orm, kind?: ZoneKind): Promise<ZoneRow[]> {
  return orm
    .select()
    .from(zones)
    .where(and(isNull(zones.retiredAt), kind && eq(zones.kind, kind)))
    .orderBy(asc(zones.createdAt), asc(zones.id))
    .limit(MAX_ZONES);
}

export async function zoneById(orm: Orm, id: string): Promise<ZoneRow | undefined> {
  const [row] = await orm.select().from(zones).where(eq(zones.id, id));
  return row;
}

export const zoneOf = (row: ZoneRow): Zone => ({ id: row.id, kind: row.kind as ZoneKind, name: row.name, polygon: row.polygon });
