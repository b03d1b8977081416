import { systemActor } from '../../platform/actor.js';
import { type Database, inTransaction, type Tx } from '../../platform/postgres.js';

/** Facts that the way of positions notices and Postgres has to know soon: they wait here, so that no point waits for Postgres. */
export interface Journal<T> {
  add(entries: readonly T[]): void;
  /** Writes all that waits. Resolves also when Postgres does not take it: then it goes on waiting. */
  flush(): Promise<void>;
  waiting(): number;
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 500;
const BATCH = 1_000;
const CAUSE = { traceId: '0'.repeat(32), causationId: 'positions' };

/** `write` gets entries in the order in which they were added, each at least once. When `maxWaiting` are there, the oldest go. */
export function openJournal<T>(options: { db: Database; name: string; maxWaiting: number; write: (tx: Tx, entries: T[]) => Promise<void> }): Journal<T> {
  const { db, name, maxWaiting, write } = options;
  const log = db.log.child({ part: name });
  const waiting: T[] = [];
  let running: Promise<void> | null = null;

  const bound = () => {
    const over = waiting.length - maxWaiting;
    if (over <= 0) return;
    waiting.splice(0, over);
    log.error({ over }, 'entries are lost: Postgres has not taken them for too long');
  };
  const writeAll = async () => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH);
      try {
        await inTransaction(systemActor(name), db, CAUSE, (tx) => write(tx, batch));
      } catch (error) {
        waiting.unshift(...batch);
        bound();
        log.warn({ err: error, waiting: waiting.length }, 'entries wait for Postgres');
        return;
      }
    }
  };
  /** One write at a time: entries of one driver must not overtake each other. */
  const flush = () => {
    running ??= writeAll().finally(() => {
      running = null;
    });
    return running;
  };
  const looking = setInterval(() => void flush(), LOOK_EVERY_MS);

  return {
    add: (entries) => {
      waiting.push(...entries);
      bound();
    },
    flush,
    waiting: () => waiting.length,
    stop: async () => {
      clearInterval(looking);
      await flush();
      await flush();
    },
  };
}
