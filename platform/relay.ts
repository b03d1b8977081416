import { randomUUID } from 'node:crypto';
import { sql, type SQL } from 'drizzle-orm';
import { systemActor } from './actor.js';
import type { EventEnvelope } from './outbox.js';
import { type Database, inTransaction } from './postgres.js';
import { connectRedis, type JobSender, openQueue } from './queue.js';

/** Rows per look; more are taken at once with the next. */
const BATCH = 200;
/** How often a relay looks without having been woken: for rows of processes that died, and for what has to be sent again. */
const LOOK_EVERY_MS = 1_000;
const MAX_BACKOFF_MS = 10 * 60_000;
const ACK_WAIT_S = 2;

export const eventQueueName = (consumer: string): string => `events-${consumer}`;
export const ackListName = (emitter: string): string => `{waygraph}:acks:${emitter}`;

export interface Relay {
  stop(): Promise<void>;
}

interface DueRow extends Record<string, unknown> {
  event_id: string;
  consumer: string;
  sequence: number;
  previous_sequence: number;
  attempts: number;
  aggregate_type: string;
  aggregate_id: string;
  type: string;
  version: number;
  payload: unknown;
  metadata: EventEnvelope['metadata'];
  occurred_at: string;
  published_at: string | null;
  position: string;
}

/** An event of ours, on its way out for the first time. */
export type PublishedEvent = Pick<EventEnvelope, 'type' | 'aggregateId' | 'payload'>;

/**
 * Sends what the outbox holds to each consumer's queue, and again after `redeliverAfterMs` (doubling) until it is acknowledged (EV-03). Any
 * number may run at once: rows are claimed with SKIP LOCKED. Postgres is the authority: a queue that was lost is filled again from here.
 */
export function startRelay(options: {
  emitter: string;
  db: Database;
  redisUrl: string;
  redeliverAfterMs: number;
  /** Told of each event before it is first sent, by whichever process sends it: the one that committed it may have died. May be told twice. */
  onPublish?: (events: readonly PublishedEvent[]) => Promise<void>;
  /** Waited for before events are sent: what follows from them gives way to what somebody waits for. It has to come to an end by itself. */
  giveWay?: () => Promise<void>;
}): Relay {
  const { emitter, db, redisUrl, redeliverAfterMs } = options;
  const log = db.log.child({ part: 'relay' });
  const queues = new Map<string, JobSender<EventEnvelope>>();
  const queueOf = (consumer: string) => {
    const queue = queues.get(consumer) ?? openQueue<EventEnvelope>(eventQueueName(consumer), redisUrl, log);
    queues.set(consumer, queue);
    return queue;
  };

  const claim = () =>
    asRelay<DueRow>(
      db,
      sql`
      with due as (
        select event_id, consumer from deliveries where acknowledged_at is null and next_attempt_at <= ${db.clock().toISOString()}::timestamptz
        order by next_attempt_at, sequence limit ${BATCH} for update skip locked
      ), claimed as (
        update deliveries d set attempts = d.attempts + 1, next_attempt_at = ${db.clock().toISOString()}::timestamptz
            + least(${redeliverAfterMs}::float8 * power(2, least(d.attempts, 16)), ${MAX_BACKOFF_MS}) * interval '1 millisecond'
        from due where d.event_id = due.event_id and d.consumer = due.consumer
        returning d.event_id, d.consumer, d.sequence, d.previous_sequence, d.attempts
      )
      select c.*, e.aggregate_type, e.aggregate_id, e.type, e.version, e.payload, e.metadata, e.occurred_at, e.published_at, e.position
      from claimed c join events e on e.id = c.event_id order by e.position`,
    );

  const send = async (rows: readonly DueRow[]) => {
    const fresh = rows.filter((row) => row.published_at === null);
    if (fresh.length > 0) await options.onPublish?.(fresh.map((row) => ({ type: row.type, aggregateId: row.aggregate_id, payload: row.payload })));
    const byConsumer = groupByConsumer(rows);
    for (const [consumer, group] of byConsumer) {
      await queueOf(consumer).sendAll(group.map((row) => ({ name: row.type, id: `${row.event_id}-${row.attempts}`, data: toEnvelope(emitter, row) })));
    }
    const ids = [...new Set(rows.map((row) => row.event_id))];
    await asRelay(
      db,
      sql`update events set published_at = ${db.clock().toISOString()}::timestamptz
      where published_at is null and id = any(${`{${ids.join(',')}}`}::uuid[])`,
    );
  };

  let stopped = false;
  let sayStopped: (word: null) => void = () => {};
  const stopping = new Promise<null>((resolve) => {
    sayStopped = resolve;
  });
  let wake: () => void = () => {};
  let woken = false;
  const onCommit = () => {
    woken = true;
    wake();
  };
  db.wakers.events.add(onCommit);

  const relayLoop = (async () => {
    while (!stopped) {
      woken = false;
      try {
        await options.giveWay?.();
        const rows = await claim();
        if (rows.length > 0) await send(rows);
        if (rows.length === BATCH) continue;
      } catch (error) {
        if (!stopped) log.warn({ err: error }, 'events not relayed; tried again');
      }
      if (woken && !stopped) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_EVERY_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  })();

  const ackConnection = connectRedis(redisUrl, log, { waits: true });
  const ackLoop = (async () => {
    while (!stopped) {
      try {
        // A command that waits for a Redis that is gone would never return, not even when the connection is closed.
        const first = await Promise.race([ackConnection.blpop(ackListName(emitter), ACK_WAIT_S), stopping]);
        if (!first) continue;
        const more = (await ackConnection.lpop(ackListName(emitter), BATCH)) ?? [];
        const acks = [first[1], ...more].map((text) => text.split(' '));
        await asRelay(
          db,
          sql`update deliveries d set acknowledged_at = ${db.clock().toISOString()}::timestamptz
          from unnest(${`{${acks.map((a) => a[0]).join(',')}}`}::uuid[], ${`{${acks.map((a) => a[1]).join(',')}}`}::text[]) as a(event_id, consumer)
          where d.event_id = a.event_id and d.consumer = a.consumer and d.acknowledged_at is null`,
        );
      } catch (error) {
        if (stopped) return;
        log.warn({ err: error }, 'acknowledgements not stored; the events are sent again');
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  })();

  return {
    stop: async () => {
      stopped = true;
      sayStopped(null);
      db.wakers.events.delete(onCommit);
      wake();
      ackConnection.disconnect();
      await Promise.all([relayLoop, ackLoop]);
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

/** One statement as a job of ours: nobody else sees the outbox (ID-08), and without an actor it looks empty. */
function asRelay<Row extends Record<string, unknown>>(db: Database, statement: SQL): Promise<Row[]> {
  const cause = { traceId: '0'.repeat(32), causationId: randomUUID() };
  return inTransaction(systemActor('relay'), db, cause, async (tx) => [...(await tx.orm.execute<Row>(statement))] as Row[]);
}

/** Whether every event that was emitted so far has been taken by all who are told of it. */
export async function everythingDelivered(db: Database): Promise<boolean> {
  return (await asRelay(db, sql`select 1 from deliveries where acknowledged_at is null limit 1`)).length === 0;
}

function groupByConsumer(rows: readonly DueRow[]): Map<string, DueRow[]> {
  const groups = new Map<string, DueRow[]>();
  for (const row of rows) groups.set(row.consumer, [...(groups.get(row.consumer) ?? []), row]);
  return groups;
}

function toEnvelope(emitter: string, row: DueRow): EventEnvelope {
  return {
    id: row.event_id,
    emitter,
    consumer: row.consumer,
    type: row.type,
    version: row.version,
    aggregateType: row.aggregate_type,
    aggregateId: row.aggregate_id,
    sequence: row.sequence,
    previousSequence: row.previous_sequence,
    payload: row.payload,
    metadata: row.metadata,
    occurredAt: new Date(row.occurred_at).toISOString(),
  };
}
