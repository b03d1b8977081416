import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { systemActor } from '../platform/actor.js';
import { type Consumption, consume, consumption, nothingOn, startConsumer } from '../platform/consumer.js';
import { appendEvent, type EventEnvelope, eventType } from '../platform/outbox.js';
import { once } from '../platform/idempotency.js';
import { type Database, inTransaction, type Tx } from '../platform/postgres.js';
import { createLog } from '../platform/log.js';
import { openQueue, startWorker } from '../platform/queue.js';
import { startRelay } from '../platform/relay.js';
import { openTestDatabase, openTestRedis } from './given/database.js';
import { eventually } from './subgraphHarness.js';

const counted = eventType({ type: 'thing.counted', version: 1, aggregateType: 'thing', payload: z.object({ n: z.int() }), consumers: ['reader'] });
const hidden = eventType({ type: 'thing.hidden', version: 1, aggregateType: 'thing', payload: z.object({}), consumers: [] });
const cause = { traceId: '0'.repeat(32), causationId: 'test' };
const emit = (db: Database, id: string, n: number) => inTransaction(systemActor('test'), db, cause, (tx) => appendEvent(tx, counted, id, { n }));

/** Remembers what it applied, in the database itself, so that a rolled-back effect is not remembered. */
function reader(db: Database): { consumes: Consumption[]; seen: (id: string) => Promise<number[]> } {
  return {
    consumes: [
      consumption({
        type: 'thing.counted',
        payload: z.object({ n: z.int() }),
        apply: async (tx, { payload, aggregateId }) => {
          await tx.orm.execute(sql`insert into timers (id, kind, key, payload, due_at, metadata)
            values (${randomUUID()}::uuid, 'seen', ${`${aggregateId}:${randomUUID()}`}, ${JSON.stringify({ n: payload.n })}::jsonb, clock_timestamp(), '{}')`);
        },
      }),
    ],
    seen: async (id) =>
      (
        await inTransaction(systemActor('reader'), db, cause, (tx) =>
          tx.orm.execute<{ n: number }>(sql`select (payload ->> 'n')::int as n from timers where kind = 'seen' and key like ${`${id}:%`} order by due_at`),
        )
      ).map((row) => row.n),
  };
}

test('PF-01: sequences are gap-free per aggregate, also when many write at once', async () => {
  await using db = await openTestDatabase();
  const id = randomUUID();
  const sequences = await Promise.all(Array.from({ length: 30 }, (_, n) => emit(db, id, n)));
  expect(sequences.sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
});

test('PF-01: events are append-only for the service', async () => {
  await using db = await openTestDatabase();
  await emit(db, randomUUID(), 1);
  for (const statement of [`delete from events`, `update events set payload = '{}'`, `truncate events`]) {
    await expect(db.sql.begin((sql) => sql.unsafe(statement))).rejects.toMatchObject({ code: '42501' });
  }
});

test('ID-08: what others were told is for our jobs: a person appends events, and reads none of anybody', async () => {
  await using db = await openTestDatabase();
  const [person, id] = [randomUUID(), randomUUID()];
  const asPerson = <T>(work: (tx: Tx) => Promise<T>) => inTransaction({ kind: 'USER', id: person, roles: ['CUSTOMER'], sessionId: null }, db, cause, work);
  await emit(db, id, 1);
  // A person's own command goes on where a job left off: the sequence is read on its behalf.
  expect(await asPerson((tx) => appendEvent(tx, counted, id, { n: 2 }))).toBe(2);
  await db.owner`insert into parked_events (emitter, aggregate_id, previous_sequence, envelope, parked_at) values ('writer', ${id}, 9, '{}', now())`;
  for (const table of ['events', 'deliveries', 'parked_events']) {
    expect({ table, rows: (await db.owner.unsafe(`select 1 from ${table}`)).length > 0 }).toEqual({ table, rows: true });
    expect({ table, rows: (await asPerson((tx) => tx.orm.execute(sql`select 1 from ${sql.identifier(table)}`))).length }).toEqual({ table, rows: 0 });
    expect({ table, rows: (await db.sql.unsafe(`select 1 from ${table}`)).length }).toEqual({ table, rows: 0 });
    expect((await inTransaction(systemActor('x'), db, cause, (tx) => tx.orm.execute(sql`select 1 from ${sql.identifier(table)}`))).length).toBeGreaterThan(0);
  }
  expect(await asPerson((tx) => tx.orm.execute(sql`update events set published_at = now() returning 1`))).toHaveLength(0);
  expect(await asPerson((tx) => tx.orm.execute(sql`update deliveries set acknowledged_at = now() returning 1`))).toHaveLength(0);
});

test('ID-08: keys of repeated mutations are for those who sent them', async () => {
  await using db = await openTestDatabase();
  const [one, other] = [randomUUID(), randomUUID()];
  const as = <T>(who: string, work: (tx: Tx) => Promise<T>) => inTransaction({ kind: 'USER', id: who, roles: ['CUSTOMER'], sessionId: null }, db, cause, work);
  const entity = randomUUID();
  const call = { mutation: 'pay', key: 'k', input: { n: 1 } };
  expect(await as(one, (tx) => once(tx, call, async () => entity))).toEqual({ entityId: entity, replayed: false });
  expect(await as(one, (tx) => once(tx, call, async () => randomUUID()))).toEqual({ entityId: entity, replayed: true });
  expect((await as(other, (tx) => once(tx, call, async () => other))).replayed).toBe(false);
  expect(await as(other, (tx) => tx.orm.execute(sql`select actor from idempotency_keys`))).toEqual([{ actor: `user:${other}` }]);
});

test('PF-01: an event that does not fit its schema takes the change back with it', async () => {
  await using db = await openTestDatabase();
  const id = randomUUID();
  await expect(inTransaction(systemActor('test'), db, cause, (tx) => appendEvent(tx, counted, id, { n: 1.5 }))).rejects.toThrow();
  expect(await db.owner`select 1 from events where aggregate_id = ${id}`).toHaveLength(0);
});

test('EV-03: what is emitted is consumed once, in order, and acknowledged', async () => {
  await using db = await openTestDatabase();
  await using redis = await openTestRedis();
  const { consumes, seen } = reader(db);
  const relay = startRelay({ emitter: 'writer', db, redisUrl: redis.url, redeliverAfterMs: 500 });
  const consumer = startConsumer({ consumer: 'reader', db, redisUrl: redis.url, consumes });
  const id = randomUUID();
  for (let n = 1; n <= 20; n += 1) await emit(db, id, n);
  await eventually(async () => (await db.owner`select 1 from deliveries where acknowledged_at is null`).length === 0, 'all acknowledged');
  expect(await seen(id)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  expect(await db.owner`select 1 from events where published_at is null`).toHaveLength(0);
  await consumer.stop();
  await relay.stop();
});

test('EV-03: a queue that was flushed is filled again from Postgres', async () => {
  await using db = await openTestDatabase();
  await using redis = await openTestRedis();
  const { consumes, seen } = reader(db);
  const relay = startRelay({ emitter: 'writer', db, redisUrl: redis.url, redeliverAfterMs: 300 });
  const id = randomUUID();
  for (let n = 1; n <= 5; n += 1) await emit(db, id, n);
  await eventually(async () => (await db.owner`select 1 from deliveries where attempts > 0`).length === 5, 'all sent');
  const admin = new Redis(redis.url);
  await admin.flushall();
  admin.disconnect();
  const consumer = startConsumer({ consumer: 'reader', db, redisUrl: redis.url, consumes });
  await eventually(async () => (await seen(id)).length === 5, 'all seen after the flush');
  expect(await seen(id)).toEqual([1, 2, 3, 4, 5]);
  await consumer.stop();
  await relay.stop();
});

test('EV-04: events that come late, twice and out of order have their effect once and in order', async () => {
  await using db = await openTestDatabase();
  const { consumes, seen } = reader(db);
  const handlers = new Map(consumes.map((handler) => [handler.type, handler]));
  const id = randomUUID();
  const envelope = (sequence: number, previousSequence: number): EventEnvelope => ({
    id: randomUUID(),
    emitter: 'writer',
    consumer: 'reader',
    type: 'thing.counted',
    version: 1,
    aggregateType: 'thing',
    aggregateId: id,
    sequence,
    previousSequence,
    payload: { n: sequence },
    metadata: { ...cause, actor: 'test' },
    occurredAt: new Date().toISOString(),
  });
  const [one, three, seven] = [envelope(1, 0), envelope(3, 1), envelope(7, 3)];
  expect(await consume(db, handlers, seven)).toBe(false);
  expect(await consume(db, handlers, three)).toBe(false);
  expect(await seen(id)).toEqual([]);
  expect(await consume(db, handlers, one)).toBe(true);
  expect(await seen(id)).toEqual([1, 3, 7]);
  for (const again of [one, seven, three]) expect(await consume(db, handlers, again)).toBe(true);
  expect(await seen(id)).toEqual([1, 3, 7]);
  expect(await db.owner`select 1 from parked_events`).toHaveLength(0);
});

test('PF-02: an event that is not known here is not taken for done: it waits for whoever knows it, and those after it wait behind', async () => {
  await using db = await openTestDatabase();
  const aggregateId = randomUUID();
  const applied: string[] = [];
  const known = consumption({ type: 'thing.known', payload: z.unknown(), apply: async () => void applied.push('known') });
  const handlers = new Map([['thing.known', known]]);
  const envelope = (type: string, sequence: number) => ({
    ...{ id: randomUUID(), emitter: 'elsewhere', consumer: 'fleet', type, version: 1, aggregateType: 'thing', aggregateId, payload: {} },
    ...{ sequence, previousSequence: sequence - 1, metadata: { traceId: '0'.repeat(32), causationId: 'test', actor: 'test' } },
    occurredAt: new Date().toISOString(),
  });
  const [strange, next] = [envelope('thing.strange', 1), envelope('thing.known', 2)];
  await expect(consume(db, handlers, strange)).rejects.toThrow('thing.strange');
  expect(await consume(db, handlers, next)).toBe(false);
  expect(applied).toEqual([]);
  for (const [type, handler] of nothingOn('thing.strange').map((handler) => [handler.type, handler] as const)) handlers.set(type, handler);
  expect(await consume(db, handlers, strange)).toBe(true);
  expect(applied).toEqual(['known']);
});

test('EV-04: a consumer that is not told of some events sees no gap in the others', async () => {
  await using db = await openTestDatabase();
  const id = randomUUID();
  await emit(db, id, 1);
  await inTransaction(systemActor('test'), db, cause, (tx) => appendEvent(tx, hidden, id, {}));
  await emit(db, id, 2);
  const rows = await db.owner`select sequence, previous_sequence from deliveries where aggregate_id = ${id} order by sequence`;
  expect(rows.map((row) => [row.sequence, row.previous_sequence])).toEqual([
    [1, 0],
    [3, 1],
  ]);
});

test('EV-04: an effect that fails leaves no trace, and is done when it can be', async () => {
  await using db = await openTestDatabase();
  await using redis = await openTestRedis();
  const { consumes, seen } = reader(db);
  let failures = 2;
  const flaky: Consumption[] = consumes.map((handler) => ({
    ...handler,
    apply: async (tx, event) => {
      await handler.apply(tx, event);
      failures -= 1;
      if (failures >= 0) throw new Error('not yet');
    },
  }));
  const relay = startRelay({ emitter: 'writer', db, redisUrl: redis.url, redeliverAfterMs: 200 });
  const consumer = startConsumer({ consumer: 'reader', db, redisUrl: redis.url, consumes: flaky });
  const id = randomUUID();
  await emit(db, id, 1);
  await eventually(async () => (await seen(id)).length > 0, 'the effect');
  await eventually(async () => (await db.owner`select 1 from deliveries where acknowledged_at is null`).length === 0, 'acknowledged');
  expect(await seen(id)).toEqual([1]);
  await consumer.stop();
  await relay.stop();
});

test('PF-02d: an event of a transaction that commits late is not skipped', async () => {
  await using db = await openTestDatabase();
  await using redis = await openTestRedis();
  const { consumes, seen } = reader(db);
  const relay = startRelay({ emitter: 'writer', db, redisUrl: redis.url, redeliverAfterMs: 60_000 });
  const consumer = startConsumer({ consumer: 'reader', db, redisUrl: redis.url, consumes });
  const [early, late] = [randomUUID(), randomUUID()];
  let commitLate: () => void = () => {};
  const mayCommit = new Promise<void>((resolve) => {
    commitLate = resolve;
  });
  const lateTransaction = inTransaction(systemActor('test'), db, cause, async (tx) => {
    await appendEvent(tx, counted, late, { n: 1 });
    await mayCommit;
  });
  await eventually(
    async () => (await db.sql`select 1 from pg_stat_activity where state = 'idle in transaction' and datname = current_database()`).length > 0,
    'the late one to be open',
  );
  await emit(db, early, 2);
  await eventually(async () => (await seen(early)).length === 1, 'the early one, which has the higher position');
  commitLate();
  await lateTransaction;
  await eventually(async () => (await seen(late)).length === 1, 'the late one');
  await consumer.stop();
  await relay.stop();
});

test('PF-14: a consumer and a relay stop in time, also when Redis is gone', async () => {
  await using db = await openTestDatabase();
  const redis = await openTestRedis();
  const relay = startRelay({ emitter: 'writer', db, redisUrl: redis.url, redeliverAfterMs: 500 });
  const consumer = startConsumer({ consumer: 'reader', db, redisUrl: redis.url, consumes: reader(db).consumes });
  const id = randomUUID();
  await emit(db, id, 1);
  await eventually(async () => (await db.owner`select 1 from deliveries where acknowledged_at is null`).length === 0, 'acknowledged');
  await redis[Symbol.asyncDispose]();
  await emit(db, id, 2);
  await Promise.all([relay.stop(), consumer.stop()]);
  // Nothing is lost: the row waits for a process that has a Redis.
  expect(await db.owner`select 1 from deliveries where acknowledged_at is null`).toHaveLength(1);
}, 30_000);

test('PF-03: a job that fails three times is a dead letter with its whole context', async () => {
  await using redis = await openTestRedis();
  const log = createLog({ service: 'test', level: 'silent' });
  const queue = openQueue<{ n: number }>('work', redis.url, log);
  const attempts: number[] = [];
  const worker = startWorker<{ n: number }>('work', redis.url, log, async ({ attempt }) => {
    attempts.push(attempt);
    throw new Error('out of order');
  });
  await queue.send('job', { n: 7 }, { priority: 'HIGH' });
  const admin = new Queue('work-dead', { connection: { url: redis.url }, prefix: '{waygraph}' });
  const [letter] = await eventually(async () => {
    const waiting = await admin.getJobs();
    return waiting.length > 0 && waiting;
  }, 'the dead letter');
  expect(attempts).toEqual([1, 2, 3]);
  expect(letter).toMatchObject({ name: 'job', data: { data: { n: 7 }, error: 'out of order', attempts: 3 } });
  await admin.close();
  await worker.stop();
  await queue.close();
}, 40_000);
