import { sql } from 'drizzle-orm';
import { systemActor } from '../../platform/actor.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import { type DriverPoint, newestOfEach } from './positions.js';

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
        await inTransaction(systemActor('positions'), db, CAUSE, (tx) =>
          tx.orm.execute(sql`insert into driver_location_history
          (driver_id, recorded_at, received_at, lat, lng, heading, speed_kmh, accuracy_m)
          select "driverId", "recordedAt", "receivedAt", lat, lng, heading, "speedKmh", "accuracyM" from json_to_recordset(${JSON.stringify(batch)}::json)
            as point("driverId" uuid, "recordedAt" timestamptz, "receivedAt" timestamptz, lat float8, lng float8,
              heading float8, "speedKmh" float8, "accuracyM" float8)
          on conflict do nothing`),
        );
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
