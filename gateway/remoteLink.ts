import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { ExecutionResult, GraphQLFormattedError } from 'graphql';
import { type Dispatcher, Pool, errors as undiciErrors } from 'undici';
import { describeActor, signInternalToken } from '../platform/actor.js';
import { Refusal } from '../platform/errors.js';
import type { Caller, Readiness } from '../platform/subgraph.js';
import { createBoundedCache } from './boundedCache.js';
import { traceparentOf } from './context.js';
import { queryText } from './executor/plan.js';
import { leanClient } from './leanClient.js';
import { type LinkRequest, type RoutePattern, type SubgraphLink, tooSlow, unavailable } from './links.js';
import { postText } from './postText.js';
import { connectEvents } from './remoteEvents.js';
import type { StopSignal } from './stopSignal.js';

/** Sockets to one subgraph: enough that requests do not queue behind each other, few enough that a subgraph survives a burst. */
const POOL_SIZE = 128;
/** Milliseconds to open a socket; a host that does not answer by then is down. */
const CONNECT_TIMEOUT_MS = 2_000;
/** Milliseconds that one fetch may take when no shorter deadline applies. */
const FETCH_TIMEOUT_MS = 30_000;
/** Milliseconds that the answer to a health check may take. */
const HEALTH_TIMEOUT_MS = 2_000;
/** Bytes of one answer; more would be a fault of the subgraph, and would cost the gateway its memory. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Headers that belong to one connection and must not be passed on, and those that only the gateway may set. */
const NOT_FORWARDED = new Set([
  'connection',
  'host',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'proxy-connection',
  'expect',
  'content-length',
  'x-client-ip',
  'x-idempotency-key',
  'traceparent',
]);

/** How a call says who is asking: as headers of a fetch, and as `extensions` of an operation on the shared WebSocket. */
export interface Credentials {
  headers(caller: Caller): Record<string, string>;
  extensions(caller: Caller): Record<string, unknown>;
  /** The subgraph trusts the gateway: when it refuses the gateway itself (401), that is no fault of the client's. */
  internal: boolean;
}

export interface RemoteLinkOptions {
  name: string;
  /** The subgraph's GraphQL endpoint, such as `http://fleet:4001/graphql`; routes and health are at its origin. */
  endpoint: string;
  credentials: Credentials;
  routes?: readonly RoutePattern[];
  fetchTimeoutMs?: number;
  maxAnswerBytes?: number;
}

/** Milliseconds for which a signed token is used again: half its life, so that it never expires on the way. */
const TOKEN_REUSE_MS = 30_000;

/** Our own subgraphs trust a signed internal token and refuse any call without it (GW-21). */
export function signedCredentials(secret: string, clock: () => Date = () => new Date()): Credentials {
  const tokens = createBoundedCache<string, { token: string; until: number }>(2_000);
  const tokenFor = ({ actor }: Caller): string => {
    const key = actor.kind === 'USER' || actor.kind === 'SERVICE' ? JSON.stringify(actor) : describeActor(actor);
    const known = tokens.get(key);
    const now = clock();
    if (known && known.until > now.getTime()) return known.token;
    const token = signInternalToken(actor, secret, now);
    tokens.set(key, { token, until: now.getTime() + TOKEN_REUSE_MS });
    return token;
  };
  return {
    internal: true,
    headers: (caller) => ({
      authorization: `Internal ${tokenFor(caller)}`,
      traceparent: traceparentOf(caller.traceId, caller.spanId),
      ...(caller.idempotencyKey !== null && { 'x-idempotency-key': caller.idempotencyKey }),
      ...(caller.clientIp !== null && { 'x-client-ip': caller.clientIp }),
    }),
    extensions: (caller) => ({
      token: tokenFor(caller),
      traceId: caller.traceId,
      idempotencyKey: caller.idempotencyKey,
      clientIp: caller.clientIp,
    }),
  };
}

/** Milliseconds for which the headers of one caller stay what they are: much less than a token lives, and as long as most operations take. */
const HEADERS_REUSE_MS = 1_000;

const knownHeaders = new WeakMap<Caller, { credentials: Credentials; headers: Record<string, string>; until: number }>();

/** What a fetch carries; the fetches of one operation carry the same. */
function headersFor(credentials: Credentials, caller: Caller): Record<string, string> {
  const known = knownHeaders.get(caller);
  const now = performance.now();
  if (known && known.credentials === credentials && known.until > now) return known.headers;
  const headers = { ...credentials.headers(caller), 'content-type': 'application/json', accept: 'application/json' };
  knownHeaders.set(caller, { credentials, headers, until: now + HEADERS_REUSE_MS });
  return headers;
}

/** A link to a subgraph in a process of its own: pooled HTTP for fetches, one WebSocket for all subscriptions. */
export function remoteLink({
  name,
  endpoint,
  credentials,
  routes = [],
  fetchTimeoutMs = FETCH_TIMEOUT_MS,
  maxAnswerBytes = MAX_ANSWER_BYTES,
}: RemoteLinkOptions): SubgraphLink {
  const url = new URL(endpoint);
  const pool = new Pool(url.origin, {
    connections: POOL_SIZE,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    keepAliveTimeout: 30_000,
    headersTimeout: fetchTimeoutMs,
    bodyTimeout: fetchTimeoutMs,
    maxResponseSize: maxAnswerBytes,
  });
  const lean = url.protocol === 'http:' ? leanClient({ origin: url, maxSockets: POOL_SIZE, connectTimeoutMs: CONNECT_TIMEOUT_MS, maxAnswerBytes }) : null;
  const events = connectEvents(url);
  const path = `${url.pathname}${url.search}`;
  const read = ({ statusCode, text }: { statusCode: number; text: string }): ExecutionResult => {
    const answer = parseAnswer(text);
    if (answer && !(credentials.internal && statusCode === 401)) return answer;
    throw unavailable(new Error(`${name} answered ${statusCode}, not a GraphQL result`));
  };

  return {
    name,
    routes,
    keepsTime: true,
    execute(request, caller, signal, timeoutMs = fetchTimeoutMs) {
      const posted = { path, headers: headersFor(credentials, caller), body: bodyOf(request), signal, timeoutMs, onLate: tooSlow };
      return (lean ? lean.post(posted) : postText(pool, posted)).then(read).catch((error) => {
        throw asRefusal(error, signal);
      });
    },
    subscribe: (request, caller, sink) => events.subscribe({ ...request, extensions: credentials.extensions(caller) }, sink),
    forward: (request, response, from) => forwardHttp(pool, request, response, from),
    async read(routePath) {
      try {
        const { statusCode, body } = await pool.request({ method: 'GET', path: routePath, signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
        const text = await body.text();
        if (statusCode === 200) return text;
        throw new Error(`${name} answered ${statusCode}`);
      } catch (error) {
        throw unavailable(error);
      }
    },
    async ready(): Promise<Readiness> {
      try {
        const { statusCode, body } = await pool.request({ method: 'GET', path: '/health/ready', signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
        const answer = JSON.parse(await body.text()) as Partial<Readiness>;
        return { ok: statusCode === 200 && answer.ok === true, checks: answer.checks ?? {} };
      } catch {
        return { ok: false, checks: { connection: 'not reachable' } };
      }
    },
    async close() {
      await events.close();
      lean?.close();
      // Not close(): that would wait for answers which nobody reads any more.
      await pool.destroy();
    },
  };
}

function bodyOf(request: LinkRequest): string {
  const variables = request.variablesText ?? JSON.stringify(request.variables ?? {});
  return `{${request.queryText ?? queryText(request.query, request.operationName)},"variables":${variables}}`;
}

function parseAnswer(text: string): ExecutionResult | null {
  try {
    const answer = JSON.parse(text) as { data?: ExecutionResult['data']; errors?: GraphQLFormattedError[] } | null;
    return answer && typeof answer === 'object' && ('data' in answer || Array.isArray(answer.errors)) ? (answer as ExecutionResult) : null;
  } catch {
    return null;
  }
}

function asRefusal(error: unknown, signal: StopSignal | undefined): Refusal {
  if (error instanceof Refusal) return error;
  if (signal?.aborted && signal.reason instanceof Refusal) return signal.reason;
  const slow = error instanceof undiciErrors.HeadersTimeoutError || error instanceof undiciErrors.BodyTimeoutError;
  return slow ? tooSlow(error) : unavailable(error);
}

/** Passes a request on and its answer back without looking at either; webhook signatures depend on every byte. */
async function forwardHttp(
  pool: Pool,
  request: IncomingMessage & { rawBody: Buffer },
  response: ServerResponse,
  from: Pick<Caller, 'traceId' | 'clientIp'>,
): Promise<void> {
  // A client that calls itself internal is lying: only the gateway's own fetches are.
  const pretends = /^internal /i.test(request.headers.authorization ?? '');
  const headers = Object.entries(request.headers).filter(
    ([name, value]) => value !== undefined && !NOT_FORWARDED.has(name) && !(pretends && name === 'authorization'),
  );
  let answer: Dispatcher.ResponseData;
  try {
    answer = await pool.request({
      method: request.method as Dispatcher.HttpMethod,
      path: request.url ?? '/',
      headers: {
        ...Object.fromEntries(headers),
        host: request.headers.host,
        traceparent: traceparentOf(from.traceId),
        ...(from.clientIp !== null && { 'x-client-ip': from.clientIp }),
      },
      body: request.method === 'GET' ? null : request.rawBody,
    });
  } catch (error) {
    throw asRefusal(error, undefined);
  }
  response.statusCode = answer.statusCode;
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && !NOT_FORWARDED.has(name)) response.setHeader(name, value);
  }
  await pipeline(answer.body, response);
}
