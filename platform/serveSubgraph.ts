import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { GraphQLError, parse } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { verifyInternalToken } from './actor.js';
import { readBody } from './body.js';
import type { Log } from './log.js';
import type { Caller, Route, Subgraph } from './subgraph.js';

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const DRAIN_MS = 30_000;
/** Close code that tells graphql-ws clients to connect again (PF-14). */
const SERVICE_RESTART = 1012;

export interface ServedSubgraph {
  port: number;
  stop(): Promise<void>;
}

/**
 * Serves a subgraph to gateways: `POST /graphql`, graphql-ws at the same path, its own routes, and health. Every GraphQL call carries an internal
 * token, in the `authorization` header (`Internal <token>`) or in the operation's `extensions.token`; without a good one it is refused (GW-21).
 */
export async function serveSubgraph(
  subgraph: Subgraph,
  options: { port: number; host?: string; internalSecret: string; log: Log; clock: () => Date },
): Promise<ServedSubgraph> {
  const { internalSecret, clock } = options;
  let draining = false;

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      options.log.error({ err: error }, 'request failed');
      if (!response.headersSent) sendJson(response, 500, errorBody('INTERNAL_ERROR', 'The subgraph failed to answer.'));
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    if (path === '/health/live') return sendJson(response, 200, { ok: true });
    if (path === '/health/ready' || path === '/health/startup') {
      const state = await subgraph.ready();
      return sendJson(response, state.ok && !draining ? 200 : 503, state);
    }
    if (path === '/graphql' && request.method === 'POST') return answerGraphql(request, response);
    const route = findRoute(subgraph.routes, request.method, path);
    if (!route) return sendJson(response, 404, errorBody('NOT_FOUND', 'There is nothing here.'));
    const maxBytes = route.maxBodyBytes ?? MAX_BODY_BYTES;
    const rawBody = await readBody(request, maxBytes);
    if (!rawBody) return sendJson(response, 413, errorBody('INVALID_REQUEST', 'The request is too large.', { field: 'body', rule: 'max_bytes', maxBytes }));
    return route.handle(Object.assign(request, { rawBody }), response);
  }

  async function answerGraphql(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const caller = callerOf(request);
    if (!caller) return sendJson(response, 401, errorBody('UNAUTHENTICATED', 'A subgraph answers gateways only.'));
    const body = await readBody(request, MAX_BODY_BYTES);
    if (!body) return sendJson(response, 413, errorBody('INVALID_REQUEST', 'The request is too large.'));
    let parsed: { query?: unknown; variables?: Record<string, unknown>; operationName?: string } | null;
    try {
      parsed = JSON.parse(body.toString());
    } catch {
      return sendJson(response, 400, errorBody('INVALID_REQUEST', 'The body is not JSON.'));
    }
    if (typeof parsed?.query !== 'string') return sendJson(response, 400, errorBody('INVALID_REQUEST', 'The body has no `query`.'));
    const { query, variables, operationName } = parsed;
    return sendJson(response, 200, await subgraph.execute({ query, variables, operationName }, caller));
  }

  function callerOf(request: IncomingMessage): Caller | null {
    const actor = verifyInternalToken(request.headers.authorization?.replace(/^Internal /, ''), internalSecret, clock());
    if (!actor) return null;
    return {
      actor,
      traceId: traceIdOf(request.headers.traceparent),
      idempotencyKey: headerText(request.headers['x-idempotency-key']),
      clientIp: headerText(request.headers['x-client-ip']),
    };
  }

  const sockets = new WebSocketServer({ server, path: '/graphql', maxPayload: MAX_BODY_BYTES });
  const subscriptions = useServer(
    {
      // The document is checked by the subgraph itself, which caches it.
      onSubscribe: async (_context, _id, payload) => {
        const extensions = (payload.extensions ?? {}) as { token?: string; traceId?: string; idempotencyKey?: string; clientIp?: string };
        const actor = verifyInternalToken(extensions.token, internalSecret, clock());
        if (!actor) return [new GraphQLError('A subgraph answers gateways only.', { extensions: { code: 'UNAUTHENTICATED' } })];
        const caller: Caller = {
          actor,
          traceId: extensions.traceId ?? '0'.repeat(32),
          idempotencyKey: extensions.idempotencyKey ?? null,
          clientIp: extensions.clientIp ?? null,
        };
        return {
          schema: undefined as never,
          document: parse(payload.query),
          contextValue: { caller, request: { query: payload.query, variables: payload.variables ?? {}, operationName: payload.operationName ?? undefined } },
        };
      },
      subscribe: async (args) => {
        const { caller, request } = args.contextValue as { caller: Caller; request: Parameters<Subgraph['subscribe']>[0] };
        return subgraph.subscribe(request, caller);
      },
      execute: async (args) => {
        const { caller, request } = args.contextValue as { caller: Caller; request: Parameters<Subgraph['execute']>[0] };
        return subgraph.execute(request, caller);
      },
    },
    sockets,
    10_000,
  );

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host ?? '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    stop: async () => {
      draining = true;
      for (const socket of sockets.clients) socket.close(SERVICE_RESTART, 'Service restart');
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())]);
      server.closeAllConnections();
      await subscriptions.dispose();
      await subgraph.stop();
    },
  };
}

/** The route for a path, exact first, then by prefix. */
export function findRoute(routes: readonly Route[], method: string | undefined, path: string): Route | undefined {
  const fits = (route: Route) => (route.path.endsWith('/*') ? path.startsWith(route.path.slice(0, -1)) : route.path === path);
  return routes.find((route) => route.method === method && route.path === path) ?? routes.find((route) => route.method === method && fits(route));
}

function headerText(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

/** The trace id of a W3C traceparent header; all zeros when there is none. */
export function traceIdOf(traceparent: string | string[] | undefined): string {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(headerText(traceparent) ?? '')?.[1] ?? '0'.repeat(32);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  // What is left of a body that was too large would be taken for the next request.
  response.writeHead(status, { 'content-type': 'application/json', ...(status === 413 && { connection: 'close' }) });
  response.end(JSON.stringify(body));
}

function errorBody(code: string, message: string, details?: object) {
  return { errors: [{ message, extensions: { code, ...(details && { details }) } }] };
}
