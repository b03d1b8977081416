import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { describeActor } from './actor.js';
import type { Tx } from './postgres.js';

/** An event type that a subgraph emits: its payload (ids and facts, no personal data: EV-02) and who is told. */
export interface EventType<S extends z.ZodType = z.ZodType> {
  type: string;
  version: number;
  aggregateType: string;
  payload: S;
  consumers: readonly string[];
}

export function eventType<S extends z.ZodType>(declaration: EventType<S>): EventType<S> {
  return declaration;
}

/** What travels from the emitter's outbox to one consumer. */
export interface EventEnvelope {
  id: string;
  emitter: string;
  consumer: string;
  type: string;
  version: number;
  aggregateType: string;
  aggregateId: string;
  sequence: number;
  /** Sequence of the event of this aggregate that this consumer got before; 0 when this is the first. */
  previousSequence: number;
  payload: unknown;
  metadata: { traceId: string; causationId: string; actor: string };
  /** RFC 3339. */
  occurredAt: string;
}

const APPEND_EVENT = `select waygraph_append_event($1::uuid, $2::text, $3::uuid, $4::text, $5::int, $6::text::jsonb, $7::text::jsonb, $8::timestamptz,
  $9::text[]) as sequence`;

/**
 * Appends an event in the transaction of the change that caused it (PF-01). Returns its sequence within the aggregate, gap-free from 1.
 * The payload is parsed first: an event that does not fit its own schema is a bug, and must not commit.
 */
export async function appendEvent<S extends z.ZodType>(tx: Tx, declaration: EventType<S>, aggregateId: string, payload: z.input<S>): Promise<number> {
  const parsed = declaration.payload.parse(payload);
  const metadata = { ...tx.cause, actor: describeActor(tx.actor) };
  const rows = await tx.prepared<{ sequence: number }>(APPEND_EVENT, [
    randomUUID(),
    declaration.aggregateType,
    aggregateId,
    declaration.type,
    String(declaration.version),
    JSON.stringify(parsed),
    JSON.stringify(metadata),
    tx.now.toISOString(),
    `{${declaration.consumers.join(',')}}`,
  ]);
  tx.afterCommit(() => {
    for (const wake of tx.wakers.events) wake();
  });
  const sequence = rows[0]?.sequence;
  if (sequence === undefined) throw new Error('the event was not appended');
  return sequence;
}
