import { type ApolloServer, HeaderMap, type HTTPGraphQLResponse } from '@apollo/server';
import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import type { FormattedExecutionResult } from 'graphql';
import { Refusal } from '../platform/errors.js';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import { type GatewayContext, headerOf, type Keeping, traceIdOf } from './context.js';
import { Deadline } from './deadline.js';
import { createTimings, TIMINGS_HEADER } from './timings.js';
import { type ErrorScope, inClientForm, thrownToClientError } from './errors.js';
import { type Quota, RateRefusal } from './rateLimiter.js';
import type { Admission, SeenRequest } from './leanHttp.js';
import { MAX_BODY_BYTES } from './routes.js';

export interface GraphqlHttpOptions {
  apollo: ApolloServer<GatewayContext>;
  /** Who asks, counted. @throws Refusal UNAUTHENTICATED | RATE_LIMITED | DEPENDENCY_UNAVAILABLE */
  admit(request: IncomingMessage, traceId: string): Admission | Promise<Admission>;
  /** Takes requests that want an event stream. */
  streams?: RequestHandler;
  timeoutMs: number;
  /** Who may see how long each fetch of their operation took, when they ask with `X-Waygraph-Timings: 1`. */
  mayTime(caller: Caller): boolean;
  /** Whether caches are told what they may keep; without it they may keep nothing. */
  tellsCaches?: boolean;
  log: Log;
  exposeErrors?: boolean;
}

/** HTTP status of what is refused before an operation runs; once one has run the status is 200 and the codes are in the body. */
const STATUS: Record<string, number> = { UNAUTHENTICATED: 401, RATE_LIMITED: 429, TIMEOUT: 504, DEPENDENCY_UNAVAILABLE: 503, INTERNAL_ERROR: 500 };

/** `/graphql` over HTTP: trace id, body, who calls, time limit, then Apollo Server. */
export function graphqlOverHttp(options: GraphqlHttpOptions): RequestHandler[] {
  const trace: RequestHandler = (request, response, next) => {
    const traceId = (request as SeenRequest).admission?.caller.traceId ?? traceIdOf(headerOf(request, 'traceparent'));
    response.locals.traceId = traceId;
    response.setHeader('x-trace-id', traceId);
    next();
  };
  const operation: RequestHandler = async (request, response) => {
    const scope = { ...scopeOf(response, options.log), expose: options.exposeErrors ?? false };
    const deadline = new Deadline(options.timeoutMs);
    response.on('close', () => {
      deadline.clear();
      // Nobody waits for the answer any more: stop what is being fetched for it (EN-06).
      if (!response.writableFinished) deadline.abandon();
    });
    try {
      const { caller, quota } = (request as SeenRequest).admission ?? (await options.admit(request, scope.traceId));
      if (quota) response.set(Object.fromEntries(quotaHeaders(quota)));
      const timings = headerOf(request, TIMINGS_HEADER) === '1' && options.mayTime(caller) ? createTimings() : undefined;
      const keeping = options.tellsCaches ? keepingFor(request) : undefined;
      const answer = await Promise.race([
        options.apollo.executeHTTPGraphQLRequest({
          httpGraphQLRequest: {
            method: request.method.toUpperCase(),
            headers: headersOf(request),
            search: request.url.includes('?') ? request.url.slice(request.url.indexOf('?')) : '',
            body: request.body,
          },
          context: async () => ({
            ...{ caller, deadline, asText: true, traceparent: headerOf(request, 'traceparent') },
            ...(timings && { timings }),
            ...(keeping && { keeping }),
          }),
        }),
        deadline.expired,
      ]);
      await send(request, response, answer, scope, keeping);
    } catch (error) {
      refuse(response, error, scope);
    }
  };
  return [trace, jsonBody(), ...(options.streams ? [options.streams] : []), operation];
}

/** `no-cache` and `no-store` of a request are a client's right (RFC 9111, 5.2.1); `max-age=0` means the former, and is what a browser's reload sends. */
export function keepingFor(request: IncomingMessage): Keeping {
  const wishes = headerOf(request, 'cache-control') ?? headerOf(request, 'pragma') ?? '';
  const wantsUnkept = /\bno-store\b/i.test(wishes);
  return { wantsUnkept, wantsFresh: wantsUnkept || /\bno-cache\b|\bmax-age=0\b/i.test(wishes), mustBeFresh: false, maxAgeS: null, ageS: 0, found: null };
}

/**
 * What caches are told of an answer; null for one that nobody may keep. Whoever is asked the same may give it to anybody, for so long: what is left of that is
 * for them to reckon from `Age`. The form of the answer depends on what the client accepts, so `Vary` has to name that as well.
 */
export function keepingHeaders({ found, ageS, maxAgeS }: Keeping): Record<string, string> | null {
  if (maxAgeS === null) return null;
  return {
    'cache-control': `public, max-age=${maxAgeS}`,
    ...(found !== null && { 'x-cache': found ? 'HIT' : 'MISS' }),
    ...(found && { age: String(Math.min(ageS, maxAgeS)) }),
  };
}

/** What clients read of their limit. */
export function quotaHeaders({ limit, remaining, resetSeconds }: Quota): [name: string, value: string][] {
  return [
    ['ratelimit-limit', String(limit)],
    ['ratelimit-remaining', String(remaining)],
    ['ratelimit-reset', String(resetSeconds)],
  ];
}

/** Reads the body, unless who looked at the request first has done so. */
function jsonBody(): RequestHandler {
  const read = express.json({ limit: MAX_BODY_BYTES });
  return (request, response, next) => {
    const { readBody } = request as SeenRequest;
    if (readBody === undefined) return read(request, response, next);
    const body = parsedBody(readBody);
    if (typeof body !== 'object' || body === null) return next({ type: 'entity.parse.failed', status: 400 });
    request.body = body;
    next();
  };
}

function parsedBody(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}

/** Answers for bodies that never became a request: not JSON, too large, of an unknown encoding. */
export function unreadableBody(log: Log): ErrorRequestHandler {
  return (error: { type?: string; status?: number }, _request, response, next) => {
    if (response.headersSent) return next(error);
    const status = error.status !== undefined && error.status < 500 ? error.status : 500;
    const message =
      status === 413
        ? 'The request body is larger than 1 MiB. Send less, or split it.'
        : error.type === 'entity.parse.failed'
          ? 'The request body is not valid JSON.'
          : 'The request body cannot be read. Send JSON in UTF-8.';
    refuse(response, status < 500 ? new Refusal('INVALID_REQUEST', message) : error, scopeOf(response, log), status);
  };
}

function scopeOf(response: Response, log: Log): ErrorScope {
  return { traceId: (response.locals.traceId as string | undefined) ?? traceIdOf(undefined), log };
}

function headersOf(request: Request): HeaderMap {
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return headers;
}

/** Apollo answers some refusals (CSRF, batching, a wrong method) before any plugin sees them; they get their form here. */
async function send(request: Request, response: Response, answer: HTTPGraphQLResponse, scope: ErrorScope, keeping: Keeping | undefined): Promise<void> {
  const status = answer.status ?? 200;
  response.status(status);
  for (const [name, value] of answer.headers) response.setHeader(name, value);
  const kept = status === 200 && keeping ? keepingHeaders(keeping) : null;
  if (kept) response.set(kept).vary('accept');
  if (answer.body.kind === 'chunked') {
    for await (const chunk of answer.body.asyncIterator) response.write(chunk);
    return void response.end();
  }
  if (status < 400) return void response.end(answer.body.string);
  const result = inClientForm(JSON.parse(answer.body.string) as FormattedExecutionResult, scope);
  if (status === 400 && wantsPlainJson(request) && result.errors?.every(({ extensions }) => IN_THE_DOCUMENT.has(extensions?.code))) response.status(200);
  response.end(JSON.stringify(result));
}

/** What is wrong with a request that arrived well: its document, or the variables that it came with. */
const IN_THE_DOCUMENT = new Set<unknown>([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'QUERY_TOO_COMPLEX',
  'VALIDATION_ERROR',
]);

/**
 * A client that knows `application/json` alone, from before GraphQL had a media type of its own. It takes a 4xx for the word of something in between, so
 * the specification has it answered with 200 whenever the server understood what was sent.
 */
function wantsPlainJson(request: Request): boolean {
  const accepted = request.headers.accept ?? '';
  return accepted.includes('application/json') && !accepted.includes('application/graphql-response+json') && !accepted.includes('*/*');
}

/** Answers with what was thrown, in the form that all errors have. */
export function refuse(response: ServerResponse, thrown: unknown, scope: ErrorScope, status?: number): void {
  if (response.headersSent) return void response.destroy();
  const error = thrownToClientError(thrown, scope);
  const { code, retryAfter } = error.extensions;
  const text = JSON.stringify({ errors: [error] });
  response.writeHead(status ?? STATUS[code] ?? 400, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(text),
    ...(code === 'UNAUTHENTICATED' && { 'www-authenticate': 'Bearer' }),
    ...(thrown instanceof RateRefusal && Object.fromEntries(quotaHeaders(thrown.quota))),
    ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
  });
  response.end(text);
}
