import { type ApolloServer, HeaderMap, type HTTPGraphQLResponse } from '@apollo/server';
import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from 'express';
import type { FormattedExecutionResult } from 'graphql';
import { Refusal } from '../platform/errors.js';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import { type GatewayContext, headerOf, traceIdOf } from './context.js';
import { startDeadline } from './deadline.js';
import { type ErrorScope, inClientForm, thrownToClientError } from './errors.js';
import { MAX_BODY_BYTES } from './routes.js';

export interface GraphqlHttpOptions {
  apollo: ApolloServer<GatewayContext>;
  /** @throws Refusal UNAUTHENTICATED | DEPENDENCY_UNAVAILABLE */
  callerOf(request: Request, traceId: string): Promise<Caller>;
  timeoutMs: number;
  log: Log;
  exposeErrors?: boolean;
}

/** HTTP status of what is refused before an operation runs; once one has run the status is 200 and the codes are in the body. */
const STATUS: Record<string, number> = { UNAUTHENTICATED: 401, TIMEOUT: 504, DEPENDENCY_UNAVAILABLE: 503, INTERNAL_ERROR: 500 };

/** `/graphql` over HTTP: trace id, body, who calls, time limit, then Apollo Server. */
export function graphqlOverHttp(options: GraphqlHttpOptions): RequestHandler[] {
  const trace: RequestHandler = (request, response, next) => {
    const traceId = traceIdOf(headerOf(request, 'traceparent'));
    response.locals.traceId = traceId;
    response.setHeader('x-trace-id', traceId);
    next();
  };
  const operation: RequestHandler = async (request, response) => {
    const scope = { ...scopeOf(response, options.log), expose: options.exposeErrors ?? false };
    const deadline = startDeadline(options.timeoutMs);
    response.on('close', () => {
      deadline.clear();
      // Nobody waits for the answer any more: stop what is being fetched for it (EN-06).
      if (!response.writableFinished) deadline.abandon();
    });
    try {
      const caller = await options.callerOf(request, scope.traceId);
      const answer = await Promise.race([
        options.apollo.executeHTTPGraphQLRequest({
          httpGraphQLRequest: {
            method: request.method.toUpperCase(),
            headers: headersOf(request),
            search: request.url.includes('?') ? request.url.slice(request.url.indexOf('?')) : '',
            body: request.body,
          },
          context: async () => ({ caller, deadline, asText: true }),
        }),
        deadline.expired,
      ]);
      await send(response, answer, scope);
    } catch (error) {
      refuse(response, error, scope);
    }
  };
  return [trace, express.json({ limit: MAX_BODY_BYTES }), operation];
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

async function send(response: Response, answer: HTTPGraphQLResponse, scope: ErrorScope): Promise<void> {
  response.status(answer.status ?? 200);
  for (const [name, value] of answer.headers) response.setHeader(name, value);
  if (answer.body.kind === 'chunked') {
    for await (const chunk of answer.body.asyncIterator) response.write(chunk);
    return void response.end();
  }
  response.end((answer.status ?? 200) < 400 ? answer.body.string : reshaped(answer.body.string, scope));
}

/** Apollo answers some refusals (CSRF, batching, a wrong method) before any plugin sees them; they get their form here. */
function reshaped(body: string, scope: ErrorScope): string {
  return JSON.stringify(inClientForm(JSON.parse(body) as FormattedExecutionResult, scope));
}

function refuse(response: Response, thrown: unknown, scope: ErrorScope, status?: number): void {
  if (response.headersSent) return void response.destroy();
  const error = thrownToClientError(thrown, scope);
  const { code, retryAfter } = error.extensions;
  if (code === 'UNAUTHENTICATED') response.setHeader('www-authenticate', 'Bearer');
  if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter));
  response.status(status ?? STATUS[code] ?? 400).json({ errors: [error] });
}
