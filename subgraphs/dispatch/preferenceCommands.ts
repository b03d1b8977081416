import { and, count, eq } from 'drizzle-orm';
import { userIdOf } from '../../platform/actor.js';
import { notFound, Refusal } from '../../platform/errors.js';
import type { Tx } from '../../platform/postgres.js';
import { driverPreferences } from './matchingTables.js';
import { tripsByIds } from './tripQueries.js';

export const PREFERENCES = ['FAVOURITE', 'BLOCKED'] as const;
export type Preference = (typeof PREFERENCES)[number];
export type PreferenceRow = typeof driverPreferences.$inferSelect;

/** Drivers that one rider may keep an opinion on. */
const MAX_PREFERENCES = 200;

/**
 * The rider wants the driver of this trip first, or never again (DP-20). The newest word counts; repeating it changes nothing.
 * @throws Refusal NOT_FOUND (no such trip of the actor's as a rider), NO_DRIVER_YET, TOO_MANY_PREFERENCES
 */
export async function preferDriver(tx: Tx, tripId: string, kind: Preference): Promise<PreferenceRow> {
  const { riderId, driverId } = await tripOfRider(tx, tripId);
  const [{ kept } = { kept: 0 }] = await tx.orm.select({ kept: count() }).from(driverPreferences).where(eq(driverPreferences.riderId, riderId));
  if (kept >= MAX_PREFERENCES) {
    throw new Refusal('TOO_MANY_PREFERENCES', `You can keep ${MAX_PREFERENCES} drivers. Forget some with \`forgetDriver\`.`, {
      details: { field: 'tripId', rule: 'kept_drivers', most: MAX_PREFERENCES },
    });
  }
  const [row] = await tx.orm
    .insert(driverPreferences)
    .values({ riderId, driverId, kind, since: tx.now })
    .onConflictDoUpdate({ target: [driverPreferences.riderId, driverPreferences.driverId], set: { kind, since: tx.now }, setWhere: differs(kind) })
    .returning();
  return row ?? (await preferenceOf(tx, riderId, driverId));
}

/** The rider has no opinion on this driver any longer; whether there was one. */
export async function forgetDriver(tx: Tx, driverId: string): Promise<boolean> {
  const riderId = userIdOf(tx.actor);
  if (riderId === null) return false;
  const gone = await tx.orm
    .delete(driverPreferences)
    .where(and(eq(driverPreferences.riderId, riderId), eq(driverPreferences.driverId, driverId)))
    .returning({ driverId: driverPreferences.driverId });
  return gone.length > 0;
}

/** Of the rider, the newest first. */
export async function preferencesOf(tx: Tx, riderId: string): Promise<PreferenceRow[]> {
  const rows = await tx.orm.select().from(driverPreferences).where(eq(driverPreferences.riderId, riderId)).limit(MAX_PREFERENCES);
  return rows.sort((a, b) => b.since.getTime() - a.since.getTime());
}

async function preferenceOf(tx: Tx, riderId: string, driverId: string): Promise<PreferenceRow> {
  const [row] = await tx.orm
    .select()
    .from(driverPreferences)
    .where(and(eq(driverPreferences.riderId, riderId), eq(driverPreferences.driverId, driverId)));
  if (!row) throw new Error('the preference vanished');
  return row;
}

const differs = (kind: Preference) => eq(driverPreferences.kind, kind === 'BLOCKED' ? 'FAVOURITE' : 'BLOCKED');

async function tripOfRider(tx: Tx, tripId: string): Promise<{ riderId: string; driverId: string }> {
  const [trip] = await tripsByIds(tx.orm, [tripId]);
  if (!trip || trip.riderId !== userIdOf(tx.actor)) throw notFound('trip', 'tripId');
  if (trip.driverId === null)
    throw new Refusal('NO_DRIVER_YET', 'This trip has no driver that you could mean.', {
      details: { field: 'tripId', rule: 'has_driver', status: trip.status },
    });
  return { riderId: trip.riderId, driverId: trip.driverId };
}
