import { and, asc, eq, gt, inArray, ne, sql } from 'drizzle-orm';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import type { DriverRow, DriverStanding, DriverState } from './driver.js';
import type { DriverPoint, KnownDriver } from './positions.js';
import { driverPositions, drivers, trips } from './tables.js';
import type { VehicleType } from './vehicleType.js';

const MAX_COUNT = 10_000;

export async function driversByIds(orm: Orm, ids: readonly string[]): Promise<DriverRow[]> {
  return orm
    .select()
    .from(drivers)
    .where(inArray(drivers.id, [...ids]));
}

export async function driverOfUser(orm: Orm, userId: string): Promise<DriverRow | undefined> {
  const [row] = await orm.select().from(drivers).where(eq(drivers.userId, userId));
  return row;
}

/** The row, locked until the transaction ends; inserts that refer to it may go on. */
export async function lockDriverOfUser(orm: Orm, userId: string): Promise<DriverRow | undefined> {
  const [row] = await orm.select().from(drivers).where(eq(drivers.userId, userId)).for('no key update');
  return row;
}

export async function lockDriver(orm: Orm, id: string): Promise<DriverRow | undefined> {
  const [row] = await orm.select().from(drivers).where(eq(drivers.id, id)).for('no key update');
  return row;
}

/** What the cache of standings is rebuilt from (DP-02). */
export async function standingsOf(orm: Orm, driverIds: readonly string[]): Promise<DriverStanding[]> {
  const rows = await orm
    .select({
      driverId: drivers.id,
      userId: drivers.userId,
      vehicleType: drivers.vehicleType,
      state: drivers.state,
      version: drivers.version,
      tripId: trips.id,
    })
    .from(drivers)
    .leftJoin(trips, and(eq(trips.driverId, drivers.id), inArray(trips.status, ['ACCEPTED', 'DRIVER_ARRIVED', 'STARTED'])))
    .where(inArray(drivers.id, [...driverIds]));
  return rows.map((row) => ({ ...row, vehicleType: row.vehicleType as VehicleType, state: row.state as DriverState }));
}

/** Where these drivers were last, however long ago; nothing for who never was anywhere. */
export async function lastPlaces(orm: Orm, driverIds: readonly string[]): Promise<DriverPoint[]> {
  const rows = await orm
    .select()
    .from(driverPositions)
    .where(inArray(driverPositions.driverId, [...driverIds]));
  return rows.map((row) => ({ ...row, accuracyM: null }));
}

/** Drivers of one page of a rebuild. */
const KNOWN_PAGE = 500;

/** Drivers that are not offline, in the order of their ids, with where Postgres saw them last: what Redis is built from again (DP-02). */
export async function knownDrivers(orm: Orm, afterId: string | null): Promise<KnownDriver[]> {
  const rows = await orm
    .select({ driverId: drivers.id, lat: driverPositions.lat, lng: driverPositions.lng, heading: driverPositions.heading, at: driverPositions.recordedAt })
    .from(drivers)
    .leftJoin(driverPositions, eq(driverPositions.driverId, drivers.id))
    .where(and(ne(drivers.state, 'OFFLINE'), afterId === null ? undefined : gt(drivers.id, afterId)))
    .orderBy(asc(drivers.id))
    .limit(KNOWN_PAGE);
  const standings = new Map(
    (
      await standingsOf(
        orm,
        rows.map((row) => row.driverId),
      )
    ).map((standing) => [standing.driverId, standing]),
  );
  return rows.flatMap(({ driverId, lat, lng, heading, at }) => {
    const standing = standings.get(driverId);
    if (!standing) return [];
    const last = lat === null || lng === null || at === null ? null : { driverId, lat, lng, heading, speedKmh: null, accuracyM: null, recordedAt: at };
    return [{ standing, last }];
  });
}

/** Which of these drivers the actor has a live trip with: what they do now is his business. Row-level security hides all other trips. */
export async function onLiveTripsWith(orm: Orm, driverIds: readonly string[]): Promise<Set<string>> {
  const rows = await orm
    .select({ driverId: trips.driverId })
    .from(trips)
    .where(and(inArray(trips.driverId, [...driverIds]), inArray(trips.status, ['ACCEPTED', 'DRIVER_ARRIVED', 'STARTED'])));
  return new Set(rows.flatMap((row) => row.driverId ?? []));
}

export interface FoundDriver {
  driver: DriverRow;
  sortValue: string;
}

const approvalIs = (approval: string | null) => (approval === null ? undefined : eq(drivers.approval, approval));

/** Drivers in the order of their registration, one more than the page holds. */
export async function findDrivers(orm: Orm, approval: string | null, page: PageRequest): Promise<FoundDriver[]> {
  const after = page.after && sql`(${drivers.createdAt}, ${drivers.id}) > (${page.after[0]}::timestamptz, ${page.after[1]}::uuid)`;
  return orm
    .select({ driver: drivers, sortValue: sql<string>`${drivers.createdAt}::text` })
    .from(drivers)
    .where(and(approvalIs(approval), after ?? undefined))
    .orderBy(asc(drivers.createdAt), asc(drivers.id))
    .limit(page.first + 1);
}

/** How many there are; exact up to 10,000. */
export async function countDrivers(orm: Orm, approval: string | null): Promise<number> {
  const matching = orm.select({ one: sql`1` }).from(drivers).where(approvalIs(approval)).limit(MAX_COUNT).as('matching');
  const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(matching);
  return row?.count ?? 0;
}
