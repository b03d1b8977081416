import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import type { Actor } from './actor.js';
import type { EventEnvelope } from './outbox.js';

/** Who calls, and what travels with the call whatever the transport. */
export interface Caller {
  actor: Actor;
  /** W3C trace id, 32 hex digits: the same from the client's request to logs and events. */
  traceId: string;
  /** The span that this call belongs to, 16 hex digits, where spans are taken (EN-06). */
  spanId?: string;
  /** From the `Idempotency-Key` header (GW-26); a key in the input wins over it. */
  idempotencyKey: string | null;
  /** Address of the client, for audit events; null for jobs. */
  clientIp: string | null;
}

export interface SubgraphRequest {
  query: string;
  variables?: Record<string, unknown> | undefined;
  operationName?: string | undefined;
}

/** A plain HTTP endpoint that a subgraph owns, such as a webhook: the gateway passes it through byte for byte, signatures depend on it. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT';
  /** Exact path, or a prefix when it ends with `/*`. */
  path: string;
  /** Bytes of a body that it takes, when that is more than of any other request. */
  maxBodyBytes?: number;
  handle(request: IncomingMessage & { rawBody: Buffer }, response: ServerResponse): Promise<void>;
}

export interface Readiness {
  ok: boolean;
  /** One word per dependency: `ok`, or what is wrong. */
  checks: Record<string, string>;
}

/**
 * A running subgraph, wherever it runs (GW-33): the gateway calls these functions directly when it is in the same process, and through
 * `serveSubgraph`'s HTTP and WebSocket when it is not. Nothing in a subgraph knows which.
 */
export interface Subgraph {
  name: string;
  /** Federation SDL, as `_service` gives it; composed into the supergraph. */
  sdl: string;
  routes: readonly Route[];
  execute(request: SubgraphRequest, caller: Caller): Promise<ExecutionResult>;
  /** Resolves to an error result when the subscription is refused before its first event. */
  subscribe(request: SubgraphRequest, caller: Caller): Promise<AsyncGenerator<ExecutionResult> | ExecutionResult>;
  ready(): Promise<Readiness>;
  /** Writes demo data; harmless when repeated. Never called in production unless asked for (PF-12b). */
  seedDemo(): Promise<void>;
  /** Whether every event that it has emitted has had its effect elsewhere. */
  settled(): Promise<boolean>;
  /**
   * Applies one old event to the local copies of foreign data, and only to them (EV-01): nothing is paid or mailed again. Returns false when this
   * subgraph keeps no copy from it. Events have to come in the order in which they were emitted.
   */
  replay(envelope: EventEnvelope): Promise<boolean>;
  /** Stops taking work, finishes what runs, closes what it opened. */
  stop(): Promise<void>;
}
