import { once } from 'node:events';
import type { Request, RequestHandler, Response } from 'express';
import type { FormattedExecutionResult } from 'graphql';
import { Refusal } from '../platform/errors.js';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import type { Identified } from './auth.js';
import { headerOf, traceIdOf } from './context.js';
import { OperationEnded } from './delivery.js';
import type { Engine } from './engine.js';
import { type ClientError, type ErrorScope, inClientForm, thrownToClientError, toClientError, toClientResult } from './errors.js';
import { refuse } from './http.js';
import type { SocketDocuments } from './socketDocuments.js';
import { execute, type StreamedOperation, subscribe } from './streamedOperations.js';

/** Milliseconds between signs of life, so that proxies do not take a quiet stream for a dead one. */
const KEEP_ALIVE_MS = 12_000;
/** Milliseconds for which a client may take nothing; then it is gone, and what the kernel and we hold for it is freed. */
const STALLED_MS = 60_000;
/** Longest wait that a timer can hold. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface EventStreamOptions {
  engine: Engine;
  documents: SocketDocuments;
  /** @throws Refusal UNAUTHENTICATED | RATE_LIMITED | DEPENDENCY_UNAVAILABLE */
  enter(request: Request, traceId: string): Promise<{ identified: Identified; caller: Caller; principal: string }>;
  /** Streams that one person may have open; null for no limit. */
  streamsPerPrincipal: number | null;
  subscriptions: { started(): void; ended(): void };
  log: Log;
  exposeErrors?: boolean;
}

/**
 * Subscriptions over server-sent events, for clients that cannot use a WebSocket: `POST /graphql` with `Accept: text/event-stream`, each operation on a
 * connection of its own (graphql-sse's "distinct connections"). The same identity, limits and rules as everywhere. A client that accepts JSON too gets JSON
 * for queries and mutations. A stream that ends without `complete` has been cut off and may be asked for again.
 */
export function eventStreams(options: EventStreamOptions): { handler: RequestHandler; close(): void } {
  const { engine, documents, log } = options;
  const open = new Map<Response, string>();

  const countOf = (principal: string) => [...open.values()].filter((each) => each === principal).length;

  const stream = async (request: Request, response: Response, scope: ErrorScope): Promise<void> => {
    const { query, operationName, variables } = request.body as { query: string; operationName?: string; variables?: Record<string, unknown> };
    const { identified, caller, principal } = await options.enter(request, scope.traceId);
    const prepared = documents.prepare({ query, operationName, variables });
    if ('errors' in prepared) return void response.status(400).json({ errors: prepared.errors.map((error) => toClientError(error, scope)) });
    const max = options.streamsPerPrincipal;
    if (max !== null && countOf(principal) >= max) {
      throw new Refusal('RATE_LIMITED', `You may have ${max} streams open at a time. End some first.`, { details: { limit: 'streams', max } });
    }
    if (response.destroyed) return;
    open.set(response, principal);
    if (prepared.subscribes) options.subscriptions.started();
    const left = new AbortController();
    response.once('close', () => left.abort());
    const operation = { caller, source: query, document: prepared.document, operationName, variables: variables ?? {}, left: left.signal };
    try {
      await pour(response, engine, operation, { subscribes: prepared.subscribes, expiresAt: identified.expiresAt, scope });
    } finally {
      open.delete(response);
      if (prepared.subscribes) options.subscriptions.ended();
    }
  };

  return {
    handler(request, response, next) {
      const body = request.body as { query?: unknown } | undefined;
      if (request.method !== 'POST' || typeof body?.query !== 'string' || !wantsStream(request, body.query)) return next();
      const scope = { traceId: (response.locals.traceId as string | undefined) ?? traceIdOf(undefined), log, expose: options.exposeErrors ?? false };
      stream(request, response, scope).catch((error) => refuse(response, error, scope));
    },
    close() {
      // Without `complete`: clients come back, elsewhere.
      for (const response of [...open.keys()]) response.destroy();
    },
  };
}

/** Clients that take both get a stream for what only a stream can answer. */
function wantsStream(request: Request, query: string): boolean {
  const accepted = headerOf(request, 'accept') ?? '';
  if (!accepted.includes('text/event-stream')) return false;
  return !/json|\*\/\*/.test(accepted) || /(^|[\s}#,])subscription\b/.test(query);
}

interface Pouring {
  subscribes: boolean;
  /** When the client's token ends, in ms since 1970, and the stream with it. */
  expiresAt: number | null;
  scope: ErrorScope;
}

async function pour(response: Response, engine: Engine, operation: StreamedOperation, { subscribes, expiresAt, scope }: Pouring): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
  response.write(':\n\n');
  if (!subscribes) {
    const result = await execute(engine, operation);
    send(response, inClientForm(result as FormattedExecutionResult, scope));
    return end(response);
  }
  let leave = () => {};
  const alive = setInterval(() => response.write(':\n\n'), KEEP_ALIVE_MS);
  // What is still to be said when it is over: errors, nothing, or null when there is nobody to say it to.
  const ended = new Promise<readonly ClientError[] | null>((resolve) => {
    response.once('close', () => resolve(null));
    const expiry = whenExpired(expiresAt, () =>
      resolve([thrownToClientError(new Refusal('UNAUTHENTICATED', 'The access token has expired. Get a new one, then go on.'), scope)]),
    );
    response.once('close', () => clearTimeout(expiry.timer));
    leave = subscribe(engine, operation, {
      next(answer, taken) {
        send(response, toClientResult(answer, scope));
        if (!response.writableNeedDrain) return taken();
        void drained(response).then((isThere) => (isThere ? taken() : resolve(null)));
      },
      error: (error) => resolve(error instanceof OperationEnded ? error.errors.map((part) => toClientError(part, scope)) : [thrownToClientError(error, scope)]),
      complete: () => resolve([]),
    });
  });
  const errors = await ended;
  leave();
  clearInterval(alive);
  if (errors === null) return;
  if (errors.length > 0) send(response, { errors });
  end(response);
}

function send(response: Response, result: FormattedExecutionResult): void {
  response.write(`event: next\ndata: ${JSON.stringify(result)}\n\n`);
}

function end(response: Response): void {
  response.end('event: complete\ndata: \n\n');
}

/** What one client does not take waits in its own queue, which is bounded; here nothing more is written until it takes what was. False when it is gone. */
async function drained(response: Response): Promise<boolean> {
  const stalled = setTimeout(() => response.destroy(), STALLED_MS);
  const either = new AbortController();
  const { signal } = either;
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } catch {
    return false;
  } finally {
    clearTimeout(stalled);
    // The one that did not happen would be listened for until the stream ends, each time anew.
    either.abort();
  }
  return !response.destroyed;
}

function whenExpired(expiresAt: number | null, tell: () => void): { timer: NodeJS.Timeout | undefined } {
  const waiting: { timer: NodeJS.Timeout | undefined } = { timer: undefined };
  const wait = () => {
    if (expiresAt === null) return;
    const leftMs = expiresAt - Date.now();
    if (leftMs <= 0) return tell();
    waiting.timer = setTimeout(wait, Math.min(leftMs, LONGEST_TIMER_MS));
  };
  wait();
  return waiting;
}
