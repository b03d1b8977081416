import { sql } from 'drizzle-orm';
import { systemActor } from '../../platform/actor.js';
import { sqlState } from '../../platform/errors.js';
import { type Database, inTransaction, type Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { preparePartitions } from './historyMonths.js';
import { type DriverPoint, newestOfEach } from './positions.js';
import { ROUTE_TIMER } from './route.js';
import { tripsDrivenBetween } from './tripQueries.js';

/** Points on their way to Postgres, in batches (DP-03). */
export interface LocationBuffer {
  add(points: readonly DriverPoint[]): void;
  /** Writes all that waits. Resolves also when Postgres does not take it: then it goes on waiting. */
  flush(): Promise<void>;
  waiting(): number;
  /** Points lost so far because the buffer was full. */
  dropped(): number;
  /** Writes what waits, as far as Postgres takes it, and ends. */
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 1_000;
/** Fewer rows than this wait for more, but not longer than HISTORY_PATIENCE_MS. */
const HISTORY_BATCH = 100;
const HISTORY_PATIENCE_MS = 5_000;
/** Rows of one statement. */
const MAX_ROWS = 2_000;
/** The latest position of a driver is written at most this often. */
const LATEST_EVERY_MS = 5_000;

interface Waiting extends DriverPoint {
  receivedAt: Date;
}

const CAUSE = { traceId: '0'.repeat(32), causationId: 'positions' };

export function openLocationBuffer(options: { db: Database; maxPoints: number }): LocationBuffer {
  const { db, maxPoints } = options;
  const log = db.log.child({ part: 'positions' });
  const history: Waiting[] = [];
  const latest = new Map<string, DriverPoint>();
  const writtenAt = new Map<string, number>();
  let dropped = 0;
  let running: Promise<void> = Promise.resolve();
  let writing = 0;

  const bound = () => {
    const over = history.length - maxPoints;
    if (over <= 0) return;
    history.splice(0, over);
    if (dropped === 0) log.error({ maxPoints }, 'positions are lost: Postgres has not taken them for too long');
    dropped += over;
  };

  /** Points leave the buffer before the statement runs, and come back in front when it fails: more may arrive meanwhile. */
  const writeHistory = async (all: boolean) => {
    const due = () => all || history.length >= HISTORY_BATCH || (history[0] && db.clock().getTime() - history[0].receivedAt.getTime() >= HISTORY_PATIENCE_MS);
    while (history.length > 0 && due()) {
      const batch = history.splice(0, MAX_ROWS);
      try {
        await insertHistory(db, batch).catch((error: unknown) => withPartitions(db, batch, error));
      } catch (error) {
        history.unshift(...batch);
        bound();
        throw error;
      }
    }
  };
  const writeLatest = async (all: boolean) => {
    const now = db.clock().getTime();
    for (const [driverId, at] of writtenAt) if (now - at >= LATEST_EVERY_MS) writtenAt.delete(driverId);
    const due = [...latest.values()].filter((point) => all || !writtenAt.has(point.driverId));
    for (let i = 0; i < due.length; i += MAX_ROWS) {
      const batch = due.slice(i, i + MAX_ROWS);
      // In the order of the ids, so that two processes that write the same drivers wait for each other rather than deadlock.
      await inTransaction(systemActor('positions'), db, CAUSE, (tx) =>
        tx.orm.execute(sql`insert into driver_positions
        (driver_id, lat, lng, heading, speed_kmh, recorded_at)
        select "driverId", lat, lng, heading, "speedKmh", "recordedAt" from json_to_recordset(${JSON.stringify(batch)}::json)
          as point("driverId" uuid, lat float8, lng float8, heading float8, "speedKmh" float8, "recordedAt" timestamptz) order by "driverId"
        on conflict (driver_id) do update set lat = excluded.lat, lng = excluded.lng, heading = excluded.heading, speed_kmh = excluded.speed_kmh,
          recorded_at = excluded.recorded_at where driver_positions.recorded_at < excluded.recorded_at`),
      );
      for (const point of batch) {
        writtenAt.set(point.driverId, now);
        if (latest.get(point.driverId) === point) latest.delete(point.driverId);
      }
    }
  };

  /** One write at a time; a failed one is tried again with the next look. */
  const write = (all: boolean) => {
    writing += 1;
    running = running.then(async () => {
      try {
        await writeHistory(all);
        await writeLatest(all);
      } catch (error) {
        log.warn({ err: error, waiting: history.length }, 'positions wait for Postgres');
      } finally {
        writing -= 1;
      }
    });
    return running;
  };
  const looking = setInterval(() => {
    // While Postgres hangs, looks must not queue up behind the one that waits for it.
    if (writing === 0) void write(false);
  }, LOOK_EVERY_MS);

  return {
    add: (points) => {
      const receivedAt = db.clock();
      for (const point of points) history.push({ ...point, receivedAt });
      for (const point of newestOfEach(points)) {
        const other = latest.get(point.driverId);
        if (!other || other.recordedAt < point.recordedAt) latest.set(point.driverId, point);
      }
      bound();
    },
    flush: () => write(true),
    waiting: () => history.length,
    dropped: () => dropped,
    stop: async () => {
      clearInterval(looking);
      await write(true);
    },
  };
}

async function insertHistory(db: Database, batch: readonly Waiting[]): Promise<void> {
  await inTransaction(systemActor('positions'), db, CAUSE, async (tx) => {
    await tx.orm.execute(sql`insert into driver_location_history
      (driver_id, recorded_at, received_at, lat, lng, heading, speed_kmh, accuracy_m)
      select "driverId", "recordedAt", "receivedAt", lat, lng, heading, "speedKmh", "accuracyM" from json_to_recordset(${JSON.stringify(batch)}::json)
        as point("driverId" uuid, "recordedAt" timestamptz, "receivedAt" timestamptz, lat float8, lng float8,
          heading float8, "speedKmh" float8, "accuracyM" float8)
      on conflict do nothing`);
    await routesAgain(tx, batch);
  });
}

/** Points that come so long after they were taken may belong to a trip that is over. */
const LATE_MS = 10_000;
/** Pause before a route is written again: a device that was offline sends its points in several calls. */
const ROUTE_AGAIN_MS = 2_000;

/** Has the routes of completed trips written again that late points lie in (DP-33). */
async function routesAgain(tx: Tx, batch: readonly Waiting[]): Promise<void> {
  const late = new Map<string, { driverId: string; from: Date; to: Date }>();
  for (const { driverId, recordedAt, receivedAt } of batch) {
    if (receivedAt.getTime() - recordedAt.getTime() < LATE_MS) continue;
    const known = late.get(driverId);
    const [from, to] = [known?.from ?? recordedAt, known?.to ?? recordedAt];
    late.set(driverId, { driverId, from: from < recordedAt ? from : recordedAt, to: to > recordedAt ? to : recordedAt });
  }
  if (late.size === 0) return;
  for (const tripId of await tripsDrivenBetween(tx.orm, [...late.values()])) {
    await setTimer(tx, { kind: ROUTE_TIMER, key: tripId, dueAt: new Date(tx.now.getTime() + ROUTE_AGAIN_MS) });
  }
}

/** A month that nobody has prepared must not hold up all points behind it: it is made now. @throws the error when that was not what is wrong */
async function withPartitions(db: Database, batch: readonly Waiting[], error: unknown): Promise<void> {
  if (sqlState(error) !== '23514') throw error;
  const times = batch.map((point) => point.recordedAt.getTime());
  await inTransaction(systemActor('positions'), db, CAUSE, (tx) => preparePartitions(tx, new Date(Math.min(...times)), new Date(Math.max(...times))));
  await insertHistory(db, batch);
}
