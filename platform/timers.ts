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

export interface TimerSetting {
  kind: string;
  key: string;
  dueAt: Date;
  payload?: unknown;
  /** One that is set for an earlier time keeps that time: for what many ask for, and nobody may put off. */
  neverLater?: boolean;
  /** What it is a consequence of, when that is not what the transaction is. */
  cause?: Cause;
}

const SET_TIMER = 'select waygraph_set_timer($1::uuid, $2, $3, $4::text::jsonb, $5::timestamptz, $6::text::jsonb, $7::text::boolean)';
const SET_TIMERS = `select waygraph_set_timer(t.id, t.kind, t.key, t.payload, t."dueAt", t.cause, t."neverLater")
  from (select * from json_to_recordset($1::text::json) as w(id uuid, kind text, key text, payload jsonb, "dueAt" timestamptz, cause jsonb, "neverLater" boolean)
    order by w.kind, w.key) t`;

/** Sets or moves the timer that `kind` and `key` name. It belongs to the transaction: no commit, no timer. */
export async function setTimer(tx: Tx, timer: TimerSetting): Promise<void> {
  const { id, kind, key, payload, dueAt, cause, neverLater } = rowOf(tx, timer);
  await tx.prepared(SET_TIMER, [id, kind, key, JSON.stringify(payload), dueAt, JSON.stringify(cause), String(neverLater)]);
  wakeAt(tx, [timer]);
}

/** As many in one statement, in the order of their names: two transactions that set the same ones wait for each other, and not both. */
export async function setTimers(tx: Tx, timers: readonly TimerSetting[]): Promise<void> {
  if (timers.length === 0) return;
  await tx.prepared(SET_TIMERS, [JSON.stringify(timers.map((timer) => rowOf(tx, timer)))]);
  wakeAt(tx, timers);
}

function rowOf(tx: Tx, { kind, key, dueAt, payload = {}, neverLater = false, cause = tx.cause }: TimerSetting) {
  return { id: newUuid(tx.now), kind, key, payload, dueAt: dueAt.toISOString(), cause, neverLater };
}

function wakeAt(tx: Tx, timers: readonly TimerSetting[]): void {
  tx.afterCommit(() => {
    for (const { dueAt, kind } of timers) for (const wake of tx.wakers.timers) wake(dueAt, kind);
  });
}

/** Takes a timer back. Harmless when it has fired already: its handler finds that there is nothing left to do. */
export async function cancelTimer(tx: Tx, kind: string, key: string): Promise<void> {
  await tx.orm.execute(sql`select waygraph_cancel_timer(${kind}, ${key})`);
}

/** A timer that is due, and taken. */
export interface FiredTimer {
  key: string;
  payload: unknown;
  attempts: number;
  /** What it was set for: events that follow from it name this, also where many are fired together. */
  cause: Cause;
}

/** What to do when a timer of a kind is due: a command, in the transaction that removes the timer. */
export type TimerHandler = (tx: Tx, timer: FiredTimer) => Promise<void>;

/**
 * What to do when many timers of a kind are due: one command for at most `most` of them, in the one transaction that removes them. `together` answers keys
 * of those that it has left alone, because somebody holds what they need: the others must not wait for that. Those, and all of them when it fails, are
 * then fired `alone`, so that one that cannot succeed does not keep the others from it.
 */
export interface JointHandler {
  most: number;
  /** Waited for before any are taken, so that those that are about to be set come along; it has to come to an end soon, by itself. */
  gather?: () => Promise<void>;
  together: (tx: Tx, timers: readonly FiredTimer[]) => Promise<readonly string[]>;
  alone: TimerHandler;
}

export type TimerHandlers = Readonly<Record<string, TimerHandler>>;
export type JointHandlers = Readonly<Record<string, JointHandler>>;

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

const firedOf = ({ key, payload, attempts, metadata }: DueTimer): FiredTimer => ({ key, payload, attempts, cause: metadata });

/**
 * Fires due timers, each in a transaction of its own that also deletes it, or those of a joint handler in one for all of them: done once, whichever of many
 * sweepers gets it (SKIP LOCKED). One that fails stays, and is tried again with a growing pause.
 */
export function startSweeper(options: { db: Database; handlers: TimerHandlers; joint?: JointHandlers }): Sweeper {
  const { db, handlers, joint = {} } = options;
  const log = db.log.child({ part: 'timers' });
  const handlerOf = (kind: string) => joint[kind]?.alone ?? handlers[kind];

  const find = (kinds: readonly string[], most: number) =>
    asSweeper(db, (tx) =>
      tx.prepared<DueTimer>(
        `select id, kind, key, payload, attempts, metadata from timers where due_at <= $1::timestamptz and kind = any($2::text[]) order by due_at limit $3::int`,
        [db.clock().toISOString(), `{${kinds.join(',')}}`, String(most)],
      ),
    );

  const fire = async (due: DueTimer) => {
    try {
      await inTransaction(systemActor(`timer:${due.kind}`), db, due.metadata, async (tx) => {
        const [timer] = await tx.orm.execute<DueTimer>(sql`delete from timers where id in
          (select id from timers where id = ${due.id}::uuid and due_at <= ${tx.now.toISOString()}::timestamptz for update skip locked)
          returning id, kind, key, payload, attempts, metadata`);
        if (timer) await handlerOf(timer.kind)?.(tx, firedOf(timer));
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

  /** Answers whether there may be more. */
  const fireSome = async (kinds: readonly string[]): Promise<boolean> => {
    const due = await find(kinds, BATCH);
    await Promise.all(due.map(fire));
    return due.length === BATCH;
  };

  /** Those that are being fired alone: not waited for, because what holds them up is not what others wait for. */
  const apart = new Map<string, Promise<void>>();
  const fireApart = async (due: readonly DueTimer[]) => {
    for (const timer of due) {
      if (apart.size >= BATCH) await Promise.race(apart.values());
      apart.set(
        timer.id,
        fire(timer)
          // Nobody else would hear of it: not even the failure could be written down. The timer is still due.
          .catch((error: unknown) => log.warn({ err: error, kind: timer.kind }, 'timer not put off; tried again'))
          .finally(() => apart.delete(timer.id)),
      );
    }
  };

  /** Answers whether there may be more. */
  const fireTogether = async (kind: string, { most, gather, together }: JointHandler): Promise<boolean> => {
    let taken: DueTimer[] = [];
    let left: ReadonlySet<string> = new Set();
    // Looked for first: by the time that this has had its turn at a connection, more are due, and what is being written is told to `gather`.
    if ((await find([kind], 1)).length === 0) return false;
    await gather?.();
    try {
      await inTransaction(systemActor(`timer:${kind}`), db, { traceId: '0'.repeat(32), causationId: newUuid() }, async (tx) => {
        taken = await tx.prepared<DueTimer>(TAKE_SOME, [kind, tx.now.toISOString(), `{${[...apart.keys()].join(',')}}`, String(most)]);
        if (taken.length === 0) return;
        left = new Set(await together(tx, taken.map(firedOf)));
        await putBack(
          tx,
          taken.filter(({ key }) => left.has(key)),
        );
      });
    } catch (error) {
      log.warn({ err: error, kind, count: taken.length }, 'timers failed together; each is tried alone');
      left = new Set(taken.map(({ key }) => key));
    }
    await fireApart(taken.filter(({ key }) => left.has(key)));
    return taken.length === most;
  };

  const kinds = Object.keys(handlers);
  // Apart from each other: a handler that waits for a lock keeps only its own kind waiting.
  const loops = [
    ...(kinds.length > 0 ? [startLoop(db, kinds, () => fireSome(kinds))] : []),
    ...Object.entries(joint).map(([kind, handler]) => startLoop(db, [kind], () => fireTogether(kind, handler))),
  ];
  return {
    stop: async () => {
      await Promise.all(loops.map((loop) => loop.stop()));
      await Promise.all(apart.values());
    },
  };
}

/** Deleted first: what the handler sets anew for the same keys is another timer, and stays. */
const TAKE_SOME = `delete from timers where id in (select id from timers where kind = $1 and due_at <= $2::timestamptz and id <> all($3::uuid[])
  order by due_at limit $4::int for update skip locked) returning id, kind, key, payload, attempts, metadata, due_at::text as due_at, last_error`;

/** As they were, for those that are to be fired alone. */
async function putBack(tx: Tx, timers: readonly DueTimer[]): Promise<void> {
  if (timers.length === 0) return;
  await tx.prepared(
    `insert into timers (id, kind, key, payload, attempts, metadata, due_at, last_error)
      select id, kind, key, payload, attempts, metadata, due_at, last_error from json_to_recordset($1::text::json)
        as r(id uuid, kind text, key text, payload jsonb, attempts int, metadata jsonb, due_at timestamptz, last_error text)
      on conflict do nothing`,
    [JSON.stringify(timers)],
  );
}

/** Looks for due timers of some kinds when one is set, when one that was set here comes due, and now and then. `look` answers whether there may be more. */
function startLoop(db: Database, kinds: readonly string[], look: () => Promise<boolean>): Sweeper {
  const log = db.log.child({ part: 'timers' });
  let stopped = false;
  let wake: () => void = () => {};
  let woken = false;
  const alarms = new Set<NodeJS.Timeout>();
  const ring = () => {
    woken = true;
    wake();
  };
  const onTimerSet = (dueAt: Date, kind: string) => {
    if (!kinds.includes(kind)) return;
    const inMs = dueAt.getTime() - db.clock().getTime();
    if (inMs > ALARM_WITHIN_MS) return;
    if (inMs <= 0) return ring();
    const alarm = setTimeout(() => {
      alarms.delete(alarm);
      ring();
    }, inMs);
    alarms.add(alarm);
  };
  db.wakers.timers.add(onTimerSet);

  const loop = (async () => {
    while (!stopped) {
      woken = false;
      try {
        if (await look()) continue;
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
