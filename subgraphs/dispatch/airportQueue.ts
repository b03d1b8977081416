import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Orm, Tx } from '../../platform/postgres.js';
import { asSystem } from './elevation.js';
import { airportQueue } from './locationTables.js';
import { distanceM, type Place } from './point.js';
import { drivers } from './tables.js';
import type { VehicleType } from './vehicleType.js';
import { type ZoneRow, zoneById } from './zoneQueries.js';

/** Somebody came to an airport, or left (zone null). */
export interface QueueChange {
  driverId: string;
  zoneId: string | null;
  at: Date;
}

/** Positions in Postgres may be this old: 60 s as in Redis, and the 5 s that they may wait to be written. */
const FRESH_MS = 65_000;
/** Who has been silent for this long has lost the place in line. */
const PATIENCE_MS = 10 * 60_000;

/** A driver in line, and how far from the pickup. */
export interface InLine {
  driverId: string;
  distanceM: number;
}

/**
 * The next drivers in line at an airport (DP-07): free, approved, in good standing, of one of the types, seen in the last minute; who has waited longest
 * is first. For matching, which offers pickups in the zone in this order.
 */
export async function nextInQueue(tx: Tx, zoneId: string, types: readonly VehicleType[], pickup: Place, count: number): Promise<InLine[]> {
  const since = new Date(tx.now.getTime() - FRESH_MS).toISOString();
  const rows = await asSystem(tx, () =>
    tx.orm.execute<{ id: string; lat: number; lng: number }>(sql`select q.driver_id as id, p.lat, p.lng from airport_queue q
      join drivers d on d.id = q.driver_id join driver_positions p on p.driver_id = q.driver_id
      where q.zone_id = ${zoneId}::uuid and d.state = 'AVAILABLE' and d.approval = 'APPROVED' and d.standing = 'GOOD'
        and d.vehicle_type = any(${`{${types.join(',')}}`}::text[]) and p.recorded_at > ${since}::timestamptz
      order by q.entered_at, q.driver_id limit ${count}`),
  );
  return rows.map(({ id, ...place }) => ({ driverId: id, distanceM: Math.round(distanceM(pickup, place)) }));
}

/** Keeps what the way of positions has noticed. Whoever is in a line already keeps the place, also when Redis has forgotten it meanwhile. */
export async function writeQueueChanges(tx: Tx, changes: readonly QueueChange[]): Promise<void> {
  const last = [...new Map(changes.map((change) => [change.driverId, change])).values()].sort((a, b) => (a.driverId < b.driverId ? -1 : 1));
  const gone = last.filter((change) => change.zoneId === null).map((change) => change.driverId);
  if (gone.length > 0) await tx.orm.delete(airportQueue).where(inArray(airportQueue.driverId, gone));
  const come = last.filter((change) => change.zoneId !== null);
  if (come.length === 0) return;
  // Only who can get trips waits: a driver who has taken one since then begins again at the end of the line.
  await tx.orm.execute(sql`insert into airport_queue (driver_id, zone_id, entered_at)
    select c."driverId", c."zoneId", c.at from json_to_recordset(${JSON.stringify(come)}::json) as c("driverId" uuid, "zoneId" uuid, at timestamptz)
      join drivers d on d.id = c."driverId" and d.state in ('AVAILABLE', 'OFFERED', 'COOLDOWN')
      join zones z on z.id = c."zoneId" and z.retired_at is null
    on conflict (driver_id) do update set zone_id = excluded.zone_id, entered_at = excluded.entered_at
      where airport_queue.zone_id <> excluded.zone_id`);
}

/** For drivers who have gone offline or taken a trip: they wait no more. */
export async function leaveQueues(tx: Tx, driverIds: readonly string[]): Promise<void> {
  if (driverIds.length > 0) await tx.orm.delete(airportQueue).where(inArray(airportQueue.driverId, [...driverIds]));
}

/** Takes out of all lines who has been silent for ten minutes. */
export async function dropSilent(tx: Tx): Promise<void> {
  const since = new Date(tx.now.getTime() - PATIENCE_MS).toISOString();
  await tx.orm.execute(sql`delete from airport_queue q where q.entered_at < ${since}::timestamptz and not exists
    (select 1 from driver_positions p where p.driver_id = q.driver_id and p.recorded_at > ${since}::timestamptz)`);
}

export async function queueLength(orm: Orm, zoneId: string): Promise<number> {
  const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(airportQueue).where(eq(airportQueue.zoneId, zoneId));
  return row?.count ?? 0;
}

/** Where a driver is in line: all who wait count, also those who are answering an offer, because they may come back. */
export async function placeInQueue(tx: Tx, driverId: string): Promise<{ zone: ZoneRow; position: number; enteredAt: Date } | null> {
  // The line is made of other drivers, whom this one may not see; only the number of them is told.
  return asSystem(tx, async () => {
    const [mine] = await tx.orm
      .select({ zoneId: airportQueue.zoneId, enteredAt: airportQueue.enteredAt })
      .from(airportQueue)
      .innerJoin(drivers, eq(drivers.id, airportQueue.driverId))
      .where(eq(airportQueue.driverId, driverId));
    const zone = mine && (await zoneById(tx.orm, mine.zoneId));
    if (!mine || !zone) return null;
    const [ahead] = await tx.orm
      .select({ count: sql<number>`count(*)::int` })
      .from(airportQueue)
      .where(
        and(
          eq(airportQueue.zoneId, mine.zoneId),
          sql`(${airportQueue.enteredAt}, ${airportQueue.driverId}) < (${mine.enteredAt.toISOString()}::timestamptz, ${driverId}::uuid)`,
        ),
      );
    return { zone, position: (ahead?.count ?? 0) + 1, enteredAt: mine.enteredAt };
  });
}
