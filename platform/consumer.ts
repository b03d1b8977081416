import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { systemActor } from './actor.js';
import type { EventEnvelope } from './outbox.js';
import { type Changed, type Database, entitiesChanged, inTransaction, type Tx } from './postgres.js';
import { connectRedis, startWorker } from './queue.js';
import { ackListName, eventQueueName } from './relay.js';

/**
 * What one subgraph does on one event of another. `payload` is the consumer's own view of the event: it takes what it needs and ignores the
 * rest, so that an emitter may add fields. `apply` runs in the transaction that also records the event (PF-02): once, whatever is delivered.
 */
export interface Consumption<S extends z.ZodType = z.ZodType> {
  type: string;
  payload: S;
  /** True for a handler that only keeps a local copy up to date: it may be replayed from the beginning (EV-01). */
  projection?: boolean;
  /** Cached entities that change with it: forgotten also when it comes a second time, because whoever applied it may have died before it could (GW-30). */
  changes?(payload: z.output<S>): readonly Changed[];
  apply(tx: Tx, event: { payload: z.output<S>; aggregateId: string; sequence: number; occurredAt: Date; id: string }): Promise<void>;
}

export function consumption<S extends z.ZodType>(declaration: Consumption<S>): Consumption {
  return declaration as unknown as Consumption;
}

/** Events that are for this subgraph and change nothing in it. They are named, because one that it does not know is no event to be passed over. */
export function nothingOn(...types: readonly string[]): Consumption[] {
  return types.map((type) => consumption({ type, payload: z.unknown(), apply: async () => {} }));
}

export interface Consumer {
  stop(): Promise<void>;
}

const CONCURRENCY = 8;

/** Takes a subgraph's events from its queue, applies each exactly once and in order per aggregate, and acknowledges it to the emitter. */
export function startConsumer(options: { consumer: string; db: Database; redisUrl: string; consumes: readonly Consumption[] }): Consumer {
  const { consumer, db, redisUrl } = options;
  const handlers = new Map(options.consumes.map((handler) => [handler.type, handler]));
  // The second would silently take the first one's place.
  if (handlers.size < options.consumes.length) throw new Error(`${consumer} consumes an event of one type in two places.`);
  const log = db.log.child({ part: 'consumer' });
  const redis = connectRedis(redisUrl, log);
  const worker = startWorker<EventEnvelope>(
    eventQueueName(consumer),
    redisUrl,
    log,
    async ({ data: envelope }) => {
      const applied = await consume(db, handlers, envelope);
      // After the commit, never before: an acknowledged event is not sent again.
      if (applied) await redis.rpush(ackListName(envelope.emitter), `${envelope.id} ${consumer}`);
    },
    CONCURRENCY,
  );
  return {
    stop: async () => {
      await worker.stop();
      redis.disconnect();
    },
  };
}

/**
 * Applies one event and then whatever had been waiting for it. Returns false when it has to wait itself, for one that it follows: it is parked
 * and not acknowledged, so that it comes again even if this process dies before the gap closes. Exported for the tests.
 */
export async function consume(db: Database, handlers: ReadonlyMap<string, Consumption>, envelope: EventEnvelope): Promise<boolean> {
  let applied = false;
  for (let next: EventEnvelope | null = envelope; next; ) {
    const current: EventEnvelope = next;
    const { traceId, causationId } = current.metadata;
    const outcome = await inTransaction(systemActor(current.type), db, { traceId, causationId }, (tx) => consumeOne(tx, handlers, current));
    if (current === envelope) applied = outcome.done;
    next = outcome.next;
  }
  return applied;
}

/** Applies an old event to the local copy that it feeds, past the record of what was consumed. Returns false when it feeds none. */
export async function replay(db: Database, consumes: readonly Consumption[], envelope: EventEnvelope): Promise<boolean> {
  const handler = consumes.find((each) => each.type === envelope.type);
  if (!handler?.projection) return false;
  const { aggregateId, sequence, id, metadata } = envelope;
  const payload = handler.payload.parse(envelope.payload);
  await inTransaction(systemActor('replay'), db, { traceId: metadata.traceId, causationId: metadata.causationId }, (tx) =>
    handler.apply(tx, { payload, aggregateId, sequence, occurredAt: new Date(envelope.occurredAt), id }),
  );
  return true;
}

interface Outcome {
  done: boolean;
  /** The parked event that may follow now. */
  next: EventEnvelope | null;
}

async function consumeOne(tx: Tx, handlers: ReadonlyMap<string, Consumption>, envelope: EventEnvelope): Promise<Outcome> {
  const { emitter, aggregateId, sequence, previousSequence } = envelope;
  await tx.orm.execute(
    sql`insert into consumer_positions (emitter, aggregate_id, sequence) values (${emitter}, ${aggregateId}::uuid, 0) on conflict do nothing`,
  );
  // The row lock makes events of one aggregate wait for each other; without it two could both believe to be the next.
  const [position] = await tx.orm.execute<{ sequence: number }>(
    sql`select sequence from consumer_positions where emitter = ${emitter} and aggregate_id = ${aggregateId}::uuid for update`,
  );
  const last = position?.sequence ?? 0;
  const handler = handlers.get(envelope.type);
  if (sequence <= last) {
    forget(tx, handler, envelope.payload);
    return { done: true, next: null };
  }
  if (previousSequence > last) {
    await tx.orm.execute(sql`insert into parked_events (emitter, aggregate_id, previous_sequence, envelope, parked_at)
      values (${emitter}, ${aggregateId}::uuid, ${previousSequence}, ${JSON.stringify(envelope)}::jsonb, ${tx.now.toISOString()}::timestamptz)
      on conflict do nothing`);
    return { done: false, next: null };
  }
  // An emitter that is newer than this process, or somebody's slip: acknowledged it would be lost, so it waits for whoever knows it.
  if (!handler) throw new Error(`${envelope.emitter} sent ${envelope.type}, which is not known here`);
  const payload = handler.payload.parse(envelope.payload);
  forget(tx, handler, envelope.payload);
  await handler.apply(tx, { payload, aggregateId, sequence, occurredAt: new Date(envelope.occurredAt), id: envelope.id });
  await tx.orm.execute(sql`insert into consumed_events (event_id, type, consumed_at)
    values (${envelope.id}::uuid, ${envelope.type}, ${tx.now.toISOString()}::timestamptz) on conflict do nothing`);
  await tx.orm.execute(sql`update consumer_positions set sequence = ${sequence} where emitter = ${emitter} and aggregate_id = ${aggregateId}::uuid`);
  await tx.orm.execute(sql`delete from parked_events
    where emitter = ${emitter} and aggregate_id = ${aggregateId}::uuid and previous_sequence = ${previousSequence}`);
  const [parked] = await tx.orm.execute<{ envelope: EventEnvelope }>(sql`select envelope from parked_events
    where emitter = ${emitter} and aggregate_id = ${aggregateId}::uuid and previous_sequence = ${sequence}`);
  return { done: true, next: parked?.envelope ?? null };
}

function forget(tx: Tx, handler: Consumption | undefined, payload: unknown): void {
  if (!handler?.changes) return;
  for (const { kind, ids } of handler.changes(handler.payload.parse(payload))) entitiesChanged(tx, kind, ids);
}
