import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { systemActor, userIdOf } from '../platform/actor.js';
import { Refusal } from '../platform/errors.js';
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
  await eventually(async () => (await db.owner`select 1 from timers`).length === 0, 'all fired');
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
  await eventually(async () => (await db.owner`select 1 from timers where kind = 'ring'`).length === 0, 'the timer to be done');
  expect(attempts).toBe(2);
  expect(await db.owner`select 1 from timers where kind = 'effect'`).toHaveLength(1);
  await sweeper.stop();
});

test('EV-03: a timer that may never be put off keeps the earlier of two times', async () => {
  await using db = await openTestDatabase();
  const dueIn = async (...times: number[]) => {
    await inTransaction(systemActor('test'), db, cause, async (tx) => {
      for (const ms of times) await setTimer(tx, { kind: 'ring', key: times.join(), dueAt: new Date(ms), neverLater: true });
    });
    const [timer] = await db.owner`select due_at from timers where key = ${times.join()}`;
    return new Date(timer?.due_at as string).getTime();
  };
  expect([await dueIn(5_000, 9_000), await dueIn(9_000, 5_000), await dueIn(9_000)]).toEqual([5_000, 5_000, 9_000]);
});

test('EV-03: a timer can be moved and taken back', async () => {
  await using db = await openTestDatabase();
  await inTransaction(systemActor('test'), db, cause, async (tx) => {
    await setTimer(tx, { kind: 'ring', key: 'moved', dueAt: tx.now });
    await setTimer(tx, { kind: 'ring', key: 'moved', dueAt: inMs(tx, 1e9) });
    await setTimer(tx, { kind: 'ring', key: 'gone', dueAt: tx.now });
    await cancelTimer(tx, 'ring', 'gone');
  });
  expect((await db.owner`select key from timers where due_at > now()`).map((row) => row.key)).toEqual(['moved']);
  expect(await db.owner`select key from timers`).toHaveLength(1);
});

test('ID-08: a person sets, moves and takes back timers, and sees none in raw SQL, not even those', async () => {
  await using db = await openTestDatabase();
  const asPerson = <T>(work: (tx: Tx) => Promise<T>) => inTransaction(user('CUSTOMER'), db, cause, work);
  const due = async () => (await db.owner`select key from timers order by due_at`).map((row) => row.key);
  const set = (key: string, ms: number) => asPerson((tx) => setTimer(tx, { kind: 'ring', key, dueAt: inMs(tx, ms), payload: { for: key } }));
  await set('a', 1e9);
  await set('b', 2e9);
  await set('b', 1e8);
  expect(await due()).toEqual(['b', 'a']);
  for (const statement of [
    'select * from timers',
    `update timers set due_at = now() returning 1`,
    'delete from timers returning 1',
    `update timers set payload = '{}' where kind = 'ring' returning 1`,
  ]) {
    expect({ statement, rows: await asPerson((tx) => tx.orm.execute(statement)) }).toEqual({ statement, rows: [] });
    expect({ statement, rows: await db.sql.begin((sql) => sql.unsafe(statement)) }).toEqual({ statement, rows: [] });
  }
  await expect(
    asPerson((tx) => tx.orm.execute(`insert into timers (id, kind, key, payload, due_at, metadata) values (gen_random_uuid(), 'x', 'y', '{}', now(), '{}')`)),
  ).rejects.toMatchObject({ cause: { code: '42501' } });
  expect((await inTransaction(user('ADMIN'), db, cause, (tx) => tx.orm.execute('select 1 from timers'))).length).toBe(2);
  await asPerson((tx) => cancelTimer(tx, 'ring', 'a'));
  expect(await due()).toEqual(['b']);
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
  await expect(call({ a: 3, b: 1 })).rejects.toMatchObject({
    code: 'IDEMPOTENCY_KEY_REUSED',
    message: expect.stringContaining('differs in a.'),
    details: { differs: ['a'] },
  });
  expect((await call({ a: 3, b: 1 }, 'other')).replayed).toBe(false);
});

test('GW-26: what a domain refused is the answer to its key too; what decided nothing is decided anew', async () => {
  await using db = await openTestDatabase();
  const actor = user('CUSTOMER');
  let decisions = 0;
  const call = (key: string, refusal: Refusal | null, input: unknown = { a: 1 }) =>
    inTransaction(actor, db, cause, (tx) =>
      once(tx, { mutation: 'make', key, input }, async () => {
        decisions += 1;
        await setTimer(tx, { kind: 'effect', key: randomUUID(), dueAt: inMs(tx, 1e9) });
        if (refusal) throw refusal;
        return randomUUID();
      }),
    );
  const poor = new Refusal('INSUFFICIENT_FUNDS', 'Add money.', { details: { leftMinor: '5' } });
  await expect(call('poor', poor)).rejects.toMatchObject({ code: 'INSUFFICIENT_FUNDS', message: 'Add money.', details: { leftMinor: '5' } });
  // By now it would be accepted.
  await expect(call('poor', null)).rejects.toMatchObject({
    code: 'INSUFFICIENT_FUNDS',
    message: expect.stringMatching(/^Add money\..*use a new key\.$/),
    details: { leftMinor: '5', replayed: true },
  });
  await expect(call('poor', null, { a: 2 })).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED', details: { differs: ['a'] } });
  expect(decisions).toBe(1);
  expect((await call('anew', null)).replayed).toBe(false);
  for (const nothing of [
    new Refusal('VALIDATION_ERROR', 'No.'),
    new Refusal('NOT_FOUND', 'No.'),
    new Refusal('CONFLICT', 'No.'),
    new Refusal('GATEWAY_BUSY', 'No.', { retryAfter: 5 }),
  ]) {
    await expect(call(nothing.code, nothing)).rejects.toMatchObject({ code: nothing.code });
    expect((await call(nothing.code, null)).replayed).toBe(false);
  }
  // Of many at once, some of which would be refused, whoever decides first decides for all.
  const race = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => call('race', n % 2 === 0 ? poor : null)));
  expect(new Set(race.map((one) => (one.status === 'fulfilled' ? one.value.entityId : one.reason.code))).size).toBe(1);
  // A refusal leaves nothing but itself.
  const accepted = 5 + (race[0]?.status === 'fulfilled' ? 1 : 0);
  expect(await db.owner`select 1 from timers where kind = 'effect'`).toHaveLength(accepted);
});

test('ID-08: the actor is set for the transaction and no longer', async () => {
  await using db = await openTestDatabase();
  const actor = user('ADMIN');
  const inside = await inTransaction(actor, db, cause, (tx) => tx.orm.execute('select waygraph_actor_id() as id, waygraph_is_privileged() as privileged'));
  expect(inside[0]).toEqual({ id: userIdOf(actor), privileged: true });
  for (let i = 0; i < 25; i += 1) expect((await db.sql`select waygraph_actor_id() as id, waygraph_is_privileged() as privileged`)[0]?.id).toBeNull();
});
