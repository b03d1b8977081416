import { expect, test } from 'vitest';
import { systemActor } from '../platform/actor.js';
import { inTransaction, type Tx } from '../platform/postgres.js';
import { type FiredTimer, setTimer, setTimers, startSweeper } from '../platform/timers.js';
import { openTestDatabase } from './given/database.js';
import { eventually } from './subgraphHarness.js';

const cause = { traceId: '0'.repeat(32), causationId: 'test' };
const keys = (count: number) => Array.from({ length: count }, (_, n) => `k${String(n).padStart(3, '0')}`);
const noneLeft = (db: Awaited<ReturnType<typeof openTestDatabase>>) =>
  eventually(async () => (await db.owner`select 1 from timers where kind = 'ring'`).length === 0, 'all fired');

const setAll = (db: Awaited<ReturnType<typeof openTestDatabase>>, named: readonly string[]) =>
  inTransaction(systemActor('test'), db, cause, (tx) =>
    setTimers(
      tx,
      named.map((key) => ({ kind: 'ring', key, dueAt: tx.now, payload: { for: key }, cause: { ...cause, causationId: `cause of ${key}` } })),
    ),
  );

/** A trace of each effect that committed. */
const mark = (tx: Tx, key: string) => setTimer(tx, { kind: `done ${key}`, key: String(Math.random()), dueAt: new Date(tx.now.getTime() + 1e9) });
const done = async (db: Awaited<ReturnType<typeof openTestDatabase>>) =>
  (await db.owner`select kind from timers where kind like 'done %' order by 1`).map((row) => String(row.kind).slice(5));

test('EV-03: due timers of a joint kind are fired in one transaction, at most so many, each once, whichever of several sweepers takes them', async () => {
  await using db = await openTestDatabase();
  const batches: FiredTimer[][] = [];
  await setAll(db, keys(100));
  const together = async (tx: Tx, timers: readonly FiredTimer[]) => {
    batches.push([...timers]);
    for (const { key } of timers) await mark(tx, key);
    return [];
  };
  const ring = { most: 30, together, alone: (tx: Tx, { key }: FiredTimer) => mark(tx, key) };
  const sweepers = [1, 2].map(() => startSweeper({ db, handlers: {}, joint: { ring } }));
  await noneLeft(db);
  expect(await done(db)).toEqual(keys(100));
  expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(30);
  expect(batches.length).toBeLessThan(20);
  const [one] = batches.flat();
  expect(one).toMatchObject({ payload: { for: one?.key }, cause: { causationId: `cause of ${one?.key}` }, attempts: 0 });
  for (const sweeper of sweepers) await sweeper.stop();
});

test('EV-03: one that cannot succeed takes back what was done together, and the others are fired without it; it is tried again', async () => {
  await using db = await openTestDatabase();
  await setAll(db, keys(10));
  let attempts = 0;
  const alone = async (tx: Tx, { key }: { key: string }) => {
    await mark(tx, key);
    if (key !== 'k004') return;
    attempts += 1;
    if (attempts < 3) throw new Error('poisoned');
  };
  const together = async (tx: Tx, timers: readonly FiredTimer[]) => {
    for (const timer of timers) await alone(tx, timer);
    return [];
  };
  const sweeper = startSweeper({ db, handlers: {}, joint: { ring: { most: 100, together, alone } } });
  await eventually(async () => (await done(db)).length >= 9, 'the others');
  await noneLeft(db);
  expect(await done(db)).toEqual(keys(10));
  expect(attempts).toBeGreaterThanOrEqual(3);
  await sweeper.stop();
});

test('EV-03: those that a joint handler leaves alone are fired alone, and what it sets anew under the same name stays', async () => {
  await using db = await openTestDatabase();
  await setAll(db, keys(6));
  const fired: string[] = [];
  const sweeper = startSweeper({
    db,
    handlers: {},
    joint: {
      ring: {
        most: 100,
        together: async (tx, timers) => {
          await setTimer(tx, { kind: 'ring', key: 'k000', dueAt: new Date(tx.now.getTime() + 1e9) });
          return timers.map(({ key }) => key).filter((key) => key >= 'k003');
        },
        alone: async (tx, { key }) => {
          await mark(tx, key);
          tx.afterCommit(() => void fired.push(key));
        },
      },
    },
  });
  await eventually(() => fired.length >= 3, 'those that were left');
  expect(fired.sort()).toEqual(['k003', 'k004', 'k005']);
  expect((await db.owner`select key from timers where kind = 'ring'`).map(({ key }) => key)).toEqual(['k000']);
  await sweeper.stop();
});

test('EV-03: one whose lock somebody holds keeps no other waiting', async () => {
  await using db = await openTestDatabase();
  await setAll(db, ['held']);
  let letGo: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const fired: string[] = [];
  const sweeper = startSweeper({
    db,
    handlers: {},
    joint: {
      ring: {
        most: 100,
        together: async (_tx, timers) => {
          for (const { key } of timers) if (key !== 'held') fired.push(key);
          return timers.map(({ key }) => key).filter((key) => key === 'held');
        },
        alone: async (_tx, { key }) => {
          await held;
          fired.push(key);
        },
      },
    },
  });
  await eventually(
    async () => (await db.owner`select 1 from pg_stat_activity where state = 'idle in transaction' and datname = current_database()`).length > 0,
    'it to wait',
  );
  await setAll(db, ['free']);
  await eventually(() => fired.includes('free'), 'the other one');
  expect(fired).toEqual(['free']);
  letGo();
  await noneLeft(db);
  expect(fired).toEqual(['free', 'held']);
  await sweeper.stop();
});

test('EV-03: when a failure cannot even be written down, the process goes on, and the timer is tried again', async () => {
  await using db = await openTestDatabase();
  await setAll(db, ['one']);
  await db.owner.unsafe(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not now'; end $$;
    create trigger refuse before update on timers execute function refuse()`);
  let attempts = 0;
  const alone = async () => {
    attempts += 1;
    if (attempts < 3) throw new Error('poisoned');
  };
  const sweeper = startSweeper({ db, handlers: {}, joint: { ring: { most: 100, together: async (_tx, timers) => timers.map(({ key }) => key), alone } } });
  await noneLeft(db);
  expect(attempts).toBe(3);
  await sweeper.stop();
});

test('EV-03: a process that dies while it fires many has done nothing, and another does all of it', async () => {
  await using db = await openTestDatabase();
  await setAll(db, keys(20));
  let backends: number[] = [];
  let isFirst = true;
  const together = async (tx: Tx, timers: readonly FiredTimer[]) => {
    for (const { key } of timers) await mark(tx, key);
    if (isFirst) {
      isFirst = false;
      backends = (await tx.orm.execute<{ pid: number }>('select pg_backend_pid() as pid')).map(({ pid }) => pid);
      // As when its process is killed: the connection is gone in the middle of the transaction.
      await db.owner`select pg_terminate_backend(${backends[0] as number})`;
    }
    return [];
  };
  const sweeper = startSweeper({ db, handlers: {}, joint: { ring: { most: 100, together, alone: (tx, { key }) => mark(tx, key) } } });
  await noneLeft(db);
  expect(await done(db)).toEqual(keys(20));
  expect(backends).toHaveLength(1);
  await sweeper.stop();
});
