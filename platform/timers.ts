import { sql } from 'drizzle-orm';
import { systemActor } from './actor.js';
import { newUuid } from './ids.js';
import { type Cause, type Database, inTransaction, type Tx } from './postgres.js';

/** How often a sweeper looks without having been woken: for timers of processes that died. */
const LOOK_EVERY_MS = 1_000;
const BATCH = 20;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 5 * 60_000;
/** A timer this far ahead is found by looking; nearer ones also get an alarm of their own, to be punctual. */
const ALARM_WITHIN_MS = LOOK_EVERY_MS;

/**
 * Sets or moves the timer that `kind` and `key` name. It belongs to the transaction: no commit, no timer. With `neverLater` one that is set for an earlier
 * time keeps that time: for what many ask for, and nobody may put off.
 */
export async function setTimer(tx: Tx, timer: { kind: string; key: string; dueAt: Date; payload?: unknown; neverLater?: boolean }): Promise<void> {
  await tx.orm.execute(sql`select waygraph_set_timer(${newUuid(tx.now)}::uuid, ${timer.kind}, ${timer.key}, ${JSON.stringify(timer.payload ?? {})}::jsonb,
    ${timer.dueAt.toISOString()}::timestamptz, ${JSON.stringify(tx.cause)}::jsonb, ${timer.neverLater ?? false})`);
  tx.afterCommit(() => {
    for (const wake of tx.wakers.timers) wake(timer.dueAt);
  });
}

/** Takes a timer back. Harmless when it has fired already: its handler finds that there is nothing left to do. */
export async function cancelTimer(tx: Tx, kind: string, key: string): Promise<void> {
  await tx.orm.execute(sql`select waygraph_cancel_timer(${kind}, ${key})`);
}

/** What to do when a timer of a kind is due: a command, in the transaction that removes the timer. */
export type TimerHandlers = Readonly<Record<string, (tx: Tx, timer: { key: string; payload: unknown; attempts: number }) => Promise<void>>>;

export interface Sweeper {
  stop(): Promise<void>;
}

interface DueTimer extends Record<string, unknown> {
  id: string;
  kind: string;
  key: string;
  payload: unknown;
  attempts: number;
  metadata: Cause;
}

/**
 * Fires due timers, each in a transaction of its own that also deletes it: done once, whichever of many sweepers gets it (SKIP LOCKED). One that
 * fails stays, and is tried again with a growing pause.
 */
export function startSweeper(options: { db: Database; handlers: TimerHandlers }): Sweeper {
  const { db, handlers } = options;
  const log = db.log.child({ part: 'timers' });
  const kinds = Object.keys(handlers);
  if (kinds.length === 0) return { stop: async () => {} };
  let stopped = false;
  let wake: () => void = () => {};
  let woken = false;
  const alarms = new Set<NodeJS.Timeout>();
  const ring = () => {
    woken = true;
    wake();
  };
  const onTimerSet = (dueAt: Date) => {
    const inMs = dueAt.getTime() - db.clock().getTime();
    if (inMs > ALARM_WITHIN_MS) return;
    const alarm = setTimeout(
      () => {
        alarms.delete(alarm);
        ring();
      },
      Math.max(0, inMs),
    );
    alarms.add(alarm);
  };
  db.wakers.timers.add(onTimerSet);

  const find = () =>
    asSweeper(db, (tx) =>
      tx.orm.execute<DueTimer & { due_at: string }>(sql`select id, kind, key, payload, attempts, metadata from timers
      where due_at <= ${db.clock().toISOString()}::timestamptz and kind = any(${`{${kinds.join(',')}}`}::text[]) order by due_at limit ${BATCH}`),
    );

  const fire = async (due: DueTimer) => {
    try {
      await inTransaction(systemActor(`timer:${due.kind}`), db, due.metadata, async (tx) => {
        const [timer] = await tx.orm.execute<DueTimer>(sql`delete from timers where id in
          (select id from timers where id = ${due.id}::uuid and due_at <= ${tx.now.toISOString()}::timestamptz for update skip locked)
          returning id, kind, key, payload, attempts, metadata`);
        if (timer) await handlers[timer.kind]?.(tx, timer);
      });
    } catch (error) {
      log.error({ err: error, kind: due.kind, key: due.key, attempts: due.attempts }, 'timer failed; tried again later');
      const waitMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(due.attempts, 16), MAX_RETRY_MS);
      await asSweeper(db, (tx) =>
        tx.orm.execute(sql`update timers set attempts = attempts + 1, last_error = ${String((error as Error).message).slice(0, 500)},
        due_at = ${new Date(db.clock().getTime() + waitMs).toISOString()}::timestamptz where id = ${due.id}::uuid`),
      );
    }
  };

  const loop = (async () => {
    while (!stopped) {
      woken = false;
      try {
        const due = await find();
        await Promise.all(due.map(fire));
        if (due.length === BATCH) continue;
      } catch (error) {
        if (!stopped) log.warn({ err: error }, 'timers not read; tried again');
      }
      if (woken && !stopped) continue;
      await new Promise<void>((resolve) => {
        const pause = setTimeout(resolve, LOOK_EVERY_MS);
        wake = () => {
          clearTimeout(pause);
          resolve();
        };
      });
    }
  })();

  return {
    stop: async () => {
      stopped = true;
      db.wakers.timers.delete(onTimerSet);
      for (const alarm of alarms) clearTimeout(alarm);
      wake();
      await loop;
    },
  };
}

/** As a job of ours: nobody else sees the timers (ID-08). */
function asSweeper<T>(db: Database, work: (tx: Tx) => Promise<T>): Promise<T> {
  return inTransaction(systemActor('timers'), db, { traceId: '0'.repeat(32), causationId: newUuid() }, work);
}
