import { and, desc, eq, sql } from 'drizzle-orm';
import { newUuid } from '../../platform/ids.js';
import type { PageRequest } from '../../platform/page.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import { locationFlags } from './locationTables.js';
import type { Place } from './point.js';
import { MEMORY_MS, POOR_FROM, type Suspicion } from './spoofing.js';

const EPISODE_MS = 10 * 60_000;
const MAX_COUNT = 10_000;

/** A point that was not believed, and the last one that was. */
export interface Flagged {
  driverId: string;
  kind: Suspicion;
  from: (Place & { at: Date }) | null;
  to: Place & { at: Date };
  /** By our clock. */
  at: Date;
}

export type LocationFlagRow = typeof locationFlags.$inferSelect;

/** Keeps flags, one row per driver, kind and ten minutes with the first points as evidence, and lowers the standing of whom they repeat (DP-08). */
export async function writeFlags(tx: Tx, flags: readonly Flagged[]): Promise<void> {
  const byEpisode = new Map<string, { first: Flagged; count: number; lastAt: Date; episode: number }>();
  for (const flag of flags) {
    const episode = Math.floor(flag.at.getTime() / EPISODE_MS);
    const key = `${flag.driverId} ${flag.kind} ${episode}`;
    const known = byEpisode.get(key);
    byEpisode.set(key, { first: known?.first ?? flag, count: (known?.count ?? 0) + 1, lastAt: flag.at, episode });
  }
  // In one order in all processes, so that two that flag the same drivers wait for each other rather than deadlock.
  const rows = [...byEpisode.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  await tx.orm
    .insert(locationFlags)
    .values(
      rows.map(({ first, count, lastAt, episode }) => ({
        id: newUuid(tx.now),
        driverId: first.driverId,
        kind: first.kind,
        episode,
        count,
        fromLat: first.from?.lat ?? null,
        fromLng: first.from?.lng ?? null,
        fromAt: first.from?.at ?? null,
        toLat: first.to.lat,
        toLng: first.to.lng,
        toAt: first.to.at,
        firstAt: first.at,
        lastAt,
      })),
    )
    .onConflictDoUpdate({
      target: [locationFlags.driverId, locationFlags.kind, locationFlags.episode],
      set: { count: sql`${locationFlags.count} + excluded.count`, lastAt: sql`greatest(${locationFlags.lastAt}, excluded.last_at)` },
    });
  await tx.orm.execute(sql`update drivers d set standing = 'POOR' where d.standing = 'GOOD'
    and d.id = any(${`{${[...new Set(flags.map((flag) => flag.driverId))].sort().join(',')}}`}::uuid[]) and ${flaggedPoints(tx)} >= ${POOR_FROM}`);
}

/** Gives back the standing of those whose points have been true for a day, unless there is something else against them. */
export async function forgiveFlags(tx: Tx): Promise<void> {
  await tx.orm.execute(sql`update drivers d set standing = 'GOOD' where d.standing = 'POOR' and ${flaggedPoints(tx)} < ${POOR_FROM}
    and not exists (select 1 from fraud_flags f where f.user_id = d.user_id)`);
}

/** How many points of the driver `d` were flagged within the day. */
export const flaggedPoints = (tx: Tx) => sql`(select coalesce(sum(f.count), 0) from location_flags f where f.driver_id = d.id
  and f.last_at > ${new Date(tx.now.getTime() - MEMORY_MS).toISOString()}::timestamptz)`;

const ofDriver = (driverId: string | null) => (driverId === null ? undefined : eq(locationFlags.driverId, driverId));

/** Flags, the newest first, one more than the page holds. */
export async function findFlags(orm: Orm, driverId: string | null, page: PageRequest): Promise<{ flag: LocationFlagRow; sortValue: string }[]> {
  const after = page.after && sql`(${locationFlags.firstAt}, ${locationFlags.id}) < (${page.after[0]}::timestamptz, ${page.after[1]}::uuid)`;
  return orm
    .select({ flag: locationFlags, sortValue: sql<string>`${locationFlags.firstAt}::text` })
    .from(locationFlags)
    .where(and(ofDriver(driverId), after ?? undefined))
    .orderBy(desc(locationFlags.firstAt), desc(locationFlags.id))
    .limit(page.first + 1);
}

/** How many there are; exact up to 10,000. */
export async function countFlags(orm: Orm, driverId: string | null): Promise<number> {
  const matching = orm.select({ one: sql`1` }).from(locationFlags).where(ofDriver(driverId)).limit(MAX_COUNT).as('matching');
  const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(matching);
  return row?.count ?? 0;
}
