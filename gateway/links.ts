import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionResult, GraphQLFormattedError } from 'graphql';
import { Refusal } from '../platform/errors.js';
import type { Caller, Readiness, Route, SubgraphRequest } from '../platform/subgraph.js';
import type { StopSignal } from './stopSignal.js';

/** Where the messages of one upstream subscription go. After `refused`, `broken` or `complete` nothing more comes. */
export interface EventSink {
  next(result: ExecutionResult): void;
  /** The subgraph said no. Final: asking again would give the same answer. */
  refused(errors: readonly GraphQLFormattedError[]): void;
  /** The transport failed. `reached` tells whether the subgraph had been there at all. */
  broken(reached: boolean): void;
  complete(): void;
}

/** A request to a subgraph, with its variables as JSON text too where that is at hand: writing them again costs as much as all the rest. */
export interface LinkRequest extends SubgraphRequest {
  variablesText?: string;
  /** `"query":…` and, where it has one, `,"operationName":…` as JSON text, likewise. */
  queryText?: string;
  /** What it reads must not be older than the request: it completes an event that tells of a change. */
  mustBeFresh?: boolean;
}

export type RoutePattern = Pick<Route, 'method' | 'path' | 'maxBodyBytes'>;

/** The gateway's end of a connection to one subgraph, in this process or elsewhere: nothing above it knows which (GW-33). */
export interface SubgraphLink {
  readonly name: string;
  /** The plain HTTP endpoints that this subgraph owns. */
  readonly routes: readonly RoutePattern[];
  /** Ends a fetch by itself after `timeoutMs`, and as soon as its signal says so; others are given up by whoever asks them. */
  readonly keepsTime?: boolean;
  /** @throws Refusal DEPENDENCY_UNAVAILABLE when the subgraph cannot be reached, TIMEOUT when it takes too long */
  execute(request: LinkRequest, caller: Caller, signal?: StopSignal, timeoutMs?: number): Promise<ExecutionResult>;
  /** Starts one upstream subscription and returns what ends it; once ended the sink is not called again. */
  subscribe(request: SubgraphRequest, caller: Caller, sink: EventSink): () => void;
  /** Hands a plain HTTP request to the owner of its route, byte for byte, and its answer to the client. */
  forward(request: IncomingMessage & { rawBody: Buffer }, response: ServerResponse, from: Pick<Caller, 'traceId' | 'clientIp'>): Promise<void>;
  /** The body of a GET route of the subgraph, for the gateway's own needs. @throws Refusal DEPENDENCY_UNAVAILABLE */
  read(path: string): Promise<string>;
  ready(): Promise<Readiness>;
  close(): Promise<void>;
}

/** A subgraph cannot be reached. The message names no address: what runs where is not the client's business (GW-41). */
export function unavailable(cause?: unknown): Refusal {
  const refusal = new Refusal('DEPENDENCY_UNAVAILABLE', 'A part of the answer is not available right now. Try again in a few seconds.', { retryAfter: 2 });
  refusal.cause = cause;
  return refusal;
}

/** A subgraph was reached but did not answer in time. */
export function tooSlow(cause?: unknown): Refusal {
  const refusal = new Refusal('TIMEOUT', 'A part of the answer took too long. Try again in a few seconds, or ask for less.', { retryAfter: 2 });
  refusal.cause = cause;
  return refusal;
}

/** Whether a call failed on its way, so that it says something about the subgraph and not about what was asked. */
export function isTransportFailure(error: unknown): boolean {
  return error instanceof Refusal && (error.code === 'DEPENDENCY_UNAVAILABLE' || error.code === 'TIMEOUT');
}

/** Whether a route's path, exact or a prefix that ends with `/*`, covers this path. */
export function routeMatches(pattern: string, path: string): boolean {
  return pattern.endsWith('/*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}

/** Without data there was no event: the subgraph refused the subscription itself, as the GraphQL specification has it. */
export function isRequestError(result: ExecutionResult): result is ExecutionResult & { errors: NonNullable<ExecutionResult['errors']> } {
  return result.data === undefined && (result.errors?.length ?? 0) > 0;
}
