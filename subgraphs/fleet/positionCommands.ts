import { and, eq, inArray, lt, sql } from 'drizzle-orm';
import { appendEvent } from '../../platform/outbox.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import { vehicleMoved } from './events.js';
import { vehiclePositions, vehicles } from './tables.js';

export type PositionRow = typeof vehiclePositions.$inferSelect;

export interface ReportedPosition {
  vehicleId: string;
  lat: number;
  lng: number;
  at: Date;
}

/** How often the others are told where one car is: it moves two or three kilometres in this time. */
const TELL_EVERY_MS = 2 * 60_000;
/** Three digits are about a hundred metres: enough to tell when a car can be back, and no more. */
const coarse = (degrees: number) => Math.round(degrees * 1000) / 1000;

export async function lastPositions(orm: Orm, vehicleIds: readonly string[]): Promise<PositionRow[]> {
  return orm
    .select()
    .from(vehiclePositions)
    .where(inArray(vehiclePositions.vehicleId, [...vehicleIds]));
}

/**
 * Keeps where rental cars are, the newest of each, and tells booking now and then (BK-06b). Cars that are not of the rental fleet, and reports that are older
 * than what is known, are passed over. Returns how many were kept.
 */
export async function reportPositions(tx: Tx, reports: readonly ReportedPosition[]): Promise<number> {
  const newest = new Map<string, ReportedPosition>();
  for (const report of reports) if ((newest.get(report.vehicleId)?.at ?? new Date(0)) < report.at) newest.set(report.vehicleId, report);
  const ours = await tx.orm
    .select({ id: vehicles.id })
    .from(vehicles)
    .where(and(inArray(vehicles.id, [...newest.keys()]), eq(vehicles.use, 'RENTAL')));
  let kept = 0;
  // In one order for all: two batches that name the same cars would wait for each other.
  for (const id of ours.map((row) => row.id).sort()) {
    const report = newest.get(id);
    if (report && (await keepPosition(tx, report))) kept += 1;
  }
  return kept;
}

async function keepPosition(tx: Tx, { vehicleId, lat, lng, at }: ReportedPosition): Promise<boolean> {
  const [row] = await tx.orm
    .insert(vehiclePositions)
    .values({ vehicleId, lat, lng, at, toldAt: new Date(0) })
    .onConflictDoUpdate({ target: vehiclePositions.vehicleId, set: { lat, lng, at }, setWhere: lt(vehiclePositions.at, sql`excluded.at`) })
    .returning({ toldAt: vehiclePositions.toldAt });
  if (!row) return false;
  if (tx.now.getTime() - row.toldAt.getTime() < TELL_EVERY_MS) return true;
  await tx.orm.update(vehiclePositions).set({ toldAt: tx.now }).where(eq(vehiclePositions.vehicleId, vehicleId));
  await appendEvent(tx, vehicleMoved, vehicleId, { vehicleId, lat: coarse(lat), lng: coarse(lng), at: at.toISOString() });
  return true;
}
