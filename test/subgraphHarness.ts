import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { inject } from 'vitest';
import type { Actor, Role } from '../platform/actor.js';
import { startEmbeddedRedis } from '../platform/embeddedRedis.js';
import { createLog } from '../platform/log.js';
import { appUrl, migrateSubgraph } from '../platform/migrate.js';
import type { EventEnvelope } from '../platform/outbox.js';
import { openQueue } from '../platform/queue.js';
import { eventQueueName } from '../platform/relay.js';
import type { SubgraphEnvironment } from '../platform/startSubgraph.js';
import type { Caller, Subgraph } from '../platform/subgraph.js';

export const TEST_SECRET = 'a secret that only the tests know, long enough';

/** A person for tests: `user('ADMIN')` is a new admin. */
export function user(...roles: Role[]): Actor & { kind: 'USER' } {
  return { kind: 'USER', id: randomUUID(), roles: roles.length > 0 ? roles : ['CUSTOMER'], sessionId: null };
}

/** Waits for a condition, never for a time. Fails with what it last saw. The limit is for what never comes, and generous: machines are busy at times. */
export async function eventually<T>(check: () => Promise<T> | T, what = 'the condition', withinMs = 45_000): Promise<Exclude<NonNullable<T>, false>> {
  const deadline = Date.now() + withinMs;
  let last: unknown;
  let pauseMs = 10;
  while (Date.now() < deadline) {
    try {
      const value = await check();
      if (value) return value as Exclude<NonNullable<T>, false>;
      last = value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    // Who waits for long looks less often: looking costs what is waited for the processor.
    pauseMs = Math.min(pauseMs * 1.5, 100);
  }
  throw new Error(`${what} did not come true within ${withinMs} ms; last seen: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
}

/** How often each outcome came. */
export function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

export interface TestSubgraph extends AsyncDisposable {
  subgraph: Subgraph;
  /** The database as its owner: for looking, not for preparing what a command should do. */
  owner: postgres.Sql;
  /** The database as the service's own role, to which row-level security applies. */
  asService: postgres.Sql;
  environment: SubgraphEnvironment;
  /** Moves the subgraph's clock; it goes on from there. */
  setClock(now: Date): void;
  run<T = Record<string, never>>(
    actor: Actor,
    query: string,
    variables?: Record<string, unknown>,
    more?: Partial<Caller>,
  ): Promise<{ data: T; codes: string[]; errors: readonly { message: string; extensions: Record<string, unknown> }[] }>;
  /** An event of another subgraph, sent through the real queue; resolves when its effect has committed. */
  deliver(emitter: string, type: string, aggregateId: string, payload: unknown): Promise<void>;
  /** How many statements that match this LIKE pattern the database has run so far. */
  statements(like: string): Promise<number>;
  /** Payloads of the events that this subgraph has emitted so far, oldest first. */
  emitted<T = Record<string, unknown>>(type: string): Promise<T[]>;
}

/** One subgraph alone, on a database and a Redis of its own; on the run's Postgres server, unless another one is named. Foreign events are delivered as its emitters would. */
export async function startTestSubgraph(
  name: string,
  start: (environment: SubgraphEnvironment) => Promise<Subgraph>,
  options: { redeliverAfterMs?: number; env?: Partial<SubgraphEnvironment>; postgresUrl?: string } = {},
): Promise<TestSubgraph> {
  const server = new URL(options.postgresUrl ?? inject('postgresUrl'));
  const database = `test_${name.replaceAll('-', '_')}_${randomUUID().slice(0, 8)}`;
  server.pathname = `/${database}`;
  const dir = await mkdtemp(path.join(tmpdir(), 'waygraph-test-'));
  const redis = await startEmbeddedRedis({ dataDir: dir });
  await migrateSubgraph({ subgraph: name, ownerUrl: server.href, internalSecret: TEST_SECRET });
  let shiftMs = 0;
  const environment: SubgraphEnvironment = {
    databaseUrl: server.href,
    redisUrl: redis.url,
    internalSecret: TEST_SECRET,
    redeliverAfterMs: options.redeliverAfterMs ?? 1_000,
    log: createLog({ service: 'test', level: process.env.TEST_LOG_LEVEL ?? 'fatal' }),
    clock: () => new Date(Date.now() + shiftMs),
    graphUrl: () => 'http://127.0.0.1:1/graphql',
    ...options.env,
  };
  const subgraph = await start(environment);
  const owner = postgres(server.href, { max: 2, onnotice: () => {} });
  const asService = postgres(appUrl(server.href, name, TEST_SECRET), { max: 1, onnotice: () => {} });
  const queue = openQueue<EventEnvelope>(eventQueueName(name), redis.url, environment.log);
  const sent = new Map<string, number>();

  return {
    subgraph,
    owner,
    asService,
    environment,
    setClock: (now) => {
      shiftMs = now.getTime() - Date.now();
    },
    run: async (actor, query, variables, more) => {
      const caller: Caller = { actor, traceId: randomUUID().replaceAll('-', ''), idempotencyKey: null, clientIp: null, ...more };
      const result = await subgraph.execute({ query, variables }, caller);
      const errors = (result.errors ?? []) as readonly { message: string; extensions: Record<string, unknown> }[];
      return { data: result.data as never, errors, codes: errors.map((error) => String(error.extensions.code)) };
    },
    deliver: async (emitter, type, aggregateId, payload) => {
      const key = `${emitter}:${aggregateId}`;
      const previousSequence = sent.get(key) ?? 0;
      const sequence = previousSequence + 1;
      sent.set(key, sequence);
      const id = randomUUID();
      await queue.send(
        type,
        {
          id,
          emitter,
          consumer: name,
          type,
          version: 1,
          aggregateType: 'test',
          aggregateId,
          sequence,
          previousSequence,
          payload: JSON.parse(JSON.stringify(payload)),
          metadata: { traceId: '0'.repeat(32), causationId: randomUUID(), actor: 'test' },
          occurredAt: environment.clock().toISOString(),
        },
        { id },
      );
      await eventually(async () => (await owner`select 1 from consumed_events where event_id = ${id}`).length > 0, `the effect of ${type}`);
    },
    statements: async (like) => {
      await owner`create extension if not exists pg_stat_statements`;
      const [row] = await owner`select coalesce(sum(calls), 0)::int as calls from pg_stat_statements s
        join pg_database d on d.oid = s.dbid where d.datname = current_database() and query like ${like}`;
      return row?.calls ?? 0;
    },
    emitted: async <T>(type: string) => (await owner`select payload from events where type = ${type} order by position`).map((row) => row.payload as T),
    [Symbol.asyncDispose]: async () => {
      await queue.close();
      await subgraph.stop();
      await owner.end({ timeout: 1 });
      await asService.end({ timeout: 1 });
      await redis.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
