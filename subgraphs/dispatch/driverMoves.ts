import { and, inArray, sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import type { Dispatch } from './context.js';
import { type DriverRow, type DriverState, statesBefore } from './driver.js';
import { asSystem } from './elevation.js';
import { tellStanding } from './signals.js';
import { drivers } from './tables.js';

/** Timer that ends a driver's rest; its key is the driver's id. */
export const COOLDOWN_TIMER = 'driver.cooldown';

/** Ends a driver's rest after a trip; nothing when he is no longer resting. */
export async function endCooldown(tx: Tx, dispatch: Dispatch, driverId: string): Promise<void> {
  await moveDrivers(tx, dispatch, [driverId], 'AVAILABLE', { from: ['COOLDOWN'] });
}

/** Sends a driver to rest after a trip (DP-02); the timer, not this process, ends it. */
export async function rest(tx: Tx, dispatch: Dispatch, driverId: string): Promise<void> {
  await moveDrivers(tx, dispatch, [driverId], 'COOLDOWN', { count: { completedCount: 1 } });
  await setTimer(tx, { kind: COOLDOWN_TIMER, key: driverId, dueAt: new Date(tx.now.getTime() + dispatch.config.cooldownMs) });
}

interface MoveOptions {
  /** Only from these states; all that the table of transitions allows when not given. */
  from?: DriverState[];
  /** The trip that the driver is on from now. */
  tripId?: string;
  /** Added to the driver's record. */
  count?: Partial<Record<'offeredCount' | 'acceptedCount' | 'completedCount' | 'cancelledCount', number>>;
}

/**
 * The one place where drivers change state. Answers those that did: who is in a state that does not allow it stays there, and it is for the caller to
 * say whether that matters.
 */
export async function moveDrivers(tx: Tx, dispatch: Dispatch, ids: readonly string[], to: DriverState, options: MoveOptions = {}): Promise<DriverRow[]> {
  if (ids.length === 0) return [];
  const before = options.from ?? statesBefore(to);
  const counts = Object.entries(options.count ?? {}).map(([name, by]) => {
    const column = name as keyof NonNullable<MoveOptions['count']>;
    return [column, sql`${drivers[column]} + ${by}`] as const;
  });
  const rows = await asSystem(tx, () =>
    tx.orm
      .update(drivers)
      .set({ ...Object.fromEntries(counts), state: to, version: sql`${drivers.version} + 1`, availableSince: to === 'AVAILABLE' ? tx.now : null })
      .where(and(inArray(drivers.id, [...ids]), inArray(drivers.state, before)))
      .returning(),
  );
  for (const row of rows) tellStanding(tx, dispatch, row, options.tripId ?? null);
  return rows;
}
