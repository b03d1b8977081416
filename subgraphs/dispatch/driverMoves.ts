import { and, inArray, isNull, sql } from 'drizzle-orm';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { leaveQueues } from './airportQueue.js';
import type { Dispatch } from './context.js';
import { type DriverRow, type DriverState, statesBefore } from './driver.js';
import { asSystem } from './elevation.js';
import { tellStanding } from './signals.js';
import { driverShifts } from './matchingTables.js';
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
      .where(and(sql`${drivers.id} = any(${`{${ids.join(',')}}`}::uuid[])`, inArray(drivers.state, before)))
      .returning(),
  );
  if (to === 'OFFLINE') await endShifts(tx, rows);
  if (before.includes('OFFLINE')) await beginShifts(tx, rows);
  for (const row of rows) tellStanding(tx, dispatch, row, options.tripId ?? null);
  if (to === 'OFFLINE' || to === 'BUSY')
    await asSystem(tx, () =>
      leaveQueues(
        tx,
        rows.map((row) => row.id),
      ),
    );
  if (to !== 'AVAILABLE') return rows;
  // Who was suspended on a trip or while resting, or whose car was retired, does not come back on the road after it (DP-01b).
  const suspended = await moveDrivers(
    tx,
    dispatch,
    rows.filter((row) => row.approval !== 'APPROVED' || row.vehicleStatus !== 'ACTIVE').map((row) => row.id),
    'OFFLINE',
  );
  return rows.map((row) => suspended.find((other) => other.id === row.id) ?? row);
}

/** Notes since when drivers are online, for utilisation (DP-37); who was online already goes on with the shift that has begun. */
async function beginShifts(tx: Tx, rows: readonly DriverRow[]): Promise<void> {
  if (rows.length === 0) return;
  const shifts = rows.map((row) => ({ id: newUuid(tx.now), driverId: row.id, beganAt: tx.now }));
  await asSystem(tx, () => tx.orm.insert(driverShifts).values(shifts).onConflictDoNothing());
}

async function endShifts(tx: Tx, rows: readonly DriverRow[]): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map((row) => row.id);
  await asSystem(tx, () =>
    tx.orm
      .update(driverShifts)
      .set({ endedAt: tx.now })
      .where(and(inArray(driverShifts.driverId, ids), isNull(driverShifts.endedAt))),
  );
}
