import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { systemActor, userIdOf } from '../platform/actor.js';
import { once } from '../platform/idempotency.js';
import { inTransaction, type Tx } from '../platform/postgres.js';
import { cancelTimer, setTimer, startSweeper } from '../platform/timers.js';
import { openTestDatabase } from './given/database.js';
import { eventually, user } from './subgraphHarness.js';

const cause = { traceId: '0'.repeat(32), causationId: 'test' };
const inMs = (tx: Tx, ms: number) => new Date(tx.now.getTime() + ms);

test('EV-03: a timer fires once, however many sweepers look', async () => {
  await using db = await openTestDatabase();
  const fired: string[] = [];
  const handlers = { ring: async (_tx: Tx, timer: { key: string }) => void fired.push(timer.key) };
  const sweepers = [1, 2, 3].map(() => startSweeper({ db, handlers }));
  const keys = Array.from({ length: 40 }, (_, n) => `k${n}`);
  await inTransaction(systemActor('test'), db, cause, async (tx) => {
    for (const key of keys) await setTimer(tx, { kind: 'ring', key, dueAt: inMs(tx, 20) });
  });
  await eventually(async () => (await db.sql`select 1 from timers`).length === 0, 'all fired');
  expect(fired.sort()).toEqual(keys.sort());
  for (const sweeper of sweepers) await sweeper.stop();
});

test('EV-03: a timer that was left behind by a process that died is found by looking', async () => {
  await using db = await openTestDatabase();
  await inTransaction(systemActor('test'), db, cause, (tx) => setTimer(tx, { kind: 'ring', key: 'a', dueAt: inMs(tx, -1_000) }));
  const fired: string[] = [];
  const sweeper = startSweeper({ db, handlers: { ring: async (_tx, timer) => void fired.push(timer.key) } });
  await eventually(() => fired.length === 1, 'the timer');
  await sweeper.stop();
});

test('EV-03: a timer that fails takes its effect back, stays, and is tried again', async () => {
  await using db = await openTestDatabase();
  let attempts = 0;
  const sweeper = startSweeper({
    db,
    handlers: {
      ring: async (tx) => {
        attempts += 1;
        await setTimer(tx, { kind: 'effect', key: randomUUID(), dueAt: inMs(tx, 1e9) });
        if (attempts === 1) throw new Error('not yet');
      },
    },
  });
  await inTransaction(systemActor('test'), db, cause, (tx) => setTimer(tx, { kind: 'ring', key: 'a', dueAt: tx.now }));
  await eventually(async () => (await db.sql`select 1 from timers where kind = 'ring'`).length === 0, 'the timer to be done');
  expect(attempts).toBe(2);
  expect(await db.sql`select 1 from timers where kind = 'effect'`).toHaveLength(1);
  await sweeper.stop();
});

test('EV-03: a timer can be moved and taken back', async () => {
  await using db = await openTestDatabase();
  await inTransaction(systemActor('test'), db, cause, async (tx) => {
    await setTimer(tx, { kind: 'ring', key: 'moved', dueAt: tx.now });
    await setTimer(tx, { kind: 'ring', key: 'moved', dueAt: inMs(tx, 1e9) });
    await setTimer(tx, { kind: 'ring', key: 'gone', dueAt: tx.now });
    await cancelTimer(tx, 'ring', 'gone');
  });
  expect((await db.sql`select key from timers where due_at > now()`).map((row) => row.key)).toEqual(['moved']);
  expect(await db.sql`select key from timers`).toHaveLength(1);
});

test('a deadlock is repeated, and both transactions come through', async () => {
  await using db = await openTestDatabase();
  const [a, b] = [randomUUID(), randomUUID()];
  const run = (tx: Tx, key: string) => setTimer(tx, { kind: 'lock', key, dueAt: inMs(tx, 1e9) });
  await inTransaction(systemActor('test'), db, cause, async (tx) => {
    await run(tx, a);
    await run(tx, b);
  });
  let waiting = 0;
  const crossed = (first: string, second: string) =>
    inTransaction(systemActor('test'), db, cause, async (tx) => {
      await run(tx, first);
      waiting += 1;
      if (waiting <= 2) await eventually(() => waiting >= 2, 'both to hold one lock');
      await run(tx, second);
    });
  await Promise.all([crossed(a, b), crossed(b, a)]);
  expect(waiting).toBeGreaterThanOrEqual(3);
});

test('GW-26: of equal calls at once one has an effect, and all get its entity', async () => {
  await using db = await openTestDatabase();
  const actor = user('CUSTOMER');
  let effects = 0;
  const call = (input: unknown, key = 'same') =>
    inTransaction(actor, db, cause, (tx) =>
      once(tx, { mutation: 'make', key, input }, async () => {
        effects += 1;
        return randomUUID();
      }),
    );
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => call({ b: 1, a: 2 })));
  expect(effects).toBe(1);
  expect(new Set(outcomes.map((outcome) => outcome.entityId)).size).toBe(1);
  expect(outcomes.filter((outcome) => !outcome.replayed)).toHaveLength(1);
  expect((await call({ a: 2, b: 1 })).replayed).toBe(true);
  await expect(call({ a: 3, b: 1 })).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  expect((await call({ a: 3, b: 1 }, 'other')).replayed).toBe(false);
});

test('ID-08: the actor is set for the transaction and no longer', async () => {
  await using db = await openTestDatabase();
  const actor = user('ADMIN');
  const inside = await inTransaction(actor, db, cause, (tx) => tx.orm.execute('select waygraph_actor_id() as id, waygraph_is_privileged() as privileged'));
  expect(inside[0]).toEqual({ id: userIdOf(actor), privileged: true });
  for (let i = 0; i < 25; i += 1) expect((await db.sql`select waygraph_actor_id() as id, waygraph_is_privileged() as privileged`)[0]?.id).toBeNull();
});
