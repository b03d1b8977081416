import { and, eq, isNull, sql } from 'drizzle-orm';
import type { z } from 'zod';
import { userIdOf } from '../../platform/actor.js';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import { airportQueue, zones } from './locationTables.js';
import { MAX_ZONES, zoneSchema } from './zone.js';
import { activeZones, type ZoneRow, zoneById } from './zoneQueries.js';

/** Only one draws at a time: two at once could make one zone more than there may be. */
const ZONES_LOCK = 7_401_964;

/** Draws a zone, which is in force at once. @throws Refusal VALIDATION_ERROR, CONFLICT when there are too many */
export async function createZone(tx: Tx, dispatch: Dispatch, input: z.input<typeof zoneSchema>): Promise<ZoneRow> {
  const { kind, name, polygon } = parseInput(zoneSchema, input);
  await tx.orm.execute(sql`select pg_advisory_xact_lock(${ZONES_LOCK})`);
  if ((await activeZones(tx.orm)).length >= MAX_ZONES)
    throw new Refusal('CONFLICT', `There are ${MAX_ZONES} zones already. Retire one first.`, { details: { field: 'input', rule: 'too_many' } });
  const [row] = await tx.orm
    .insert(zones)
    .values({ id: newUuid(tx.now), kind, name, polygon, createdBy: userIdOf(tx.actor), createdAt: tx.now })
    .returning();
  if (!row) throw new Error('the zone was not inserted');
  tx.afterCommit(() => dispatch.zones.changed());
  return row;
}

/** Takes a zone out of force; who waited in its queue waits no more. Repeating it answers with the zone as it is. @throws Refusal NOT_FOUND */
export async function retireZone(tx: Tx, dispatch: Dispatch, zoneId: string): Promise<ZoneRow> {
  const [row] = await tx.orm
    .update(zones)
    .set({ retiredAt: tx.now })
    .where(and(eq(zones.id, zoneId), isNull(zones.retiredAt)))
    .returning();
  if (!row) {
    const present = await zoneById(tx.orm, zoneId);
    if (!present) throw notFound('zone');
    return present;
  }
  await tx.orm.delete(airportQueue).where(eq(airportQueue.zoneId, zoneId));
  tx.afterCommit(() => dispatch.zones.changed());
  return row;
}
