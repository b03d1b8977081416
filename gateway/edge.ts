import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';

/** Response headers that a browser's script may read from another origin. */
const EXPOSED = 'x-trace-id, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset, age, x-cache';
const ALLOWED_HEADERS =
  'authorization, content-type, x-api-key, idempotency-key, traceparent, apollo-require-preflight, x-apollo-operation-name, x-waygraph-timings';

interface EdgeOptions {
  production: boolean;
  /** Where scripts may come from; `*` for anywhere. */
  corsOrigins: readonly string[];
}

/** Whether a browser may let scripts of this request's origin read the answer. Credentials are tokens in headers, never cookies, so none are allowed. */
const isAllowed = (request: IncomingMessage, origins: readonly string[]): boolean =>
  request.headers.origin !== undefined && (origins.includes('*') || origins.includes(request.headers.origin));

/** Headers that every answer has: those that make browsers careful with it, and those that let scripts of the configured origins read it (GW-25). */
export function edgeHeaders({ production, corsOrigins }: EdgeOptions): (request: IncomingMessage) => Record<string, string> {
  const careful = {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    ...(production && { 'strict-transport-security': 'max-age=31536000; includeSubDomains' }),
    vary: 'origin',
  };
  return (request) => {
    if (!isAllowed(request, corsOrigins)) return careful;
    const origin = corsOrigins.includes('*') ? '*' : (request.headers.origin as string);
    return { ...careful, 'access-control-allow-origin': origin, 'access-control-expose-headers': EXPOSED };
  };
}

/** Gives every answer its headers, and answers the question that browsers ask before they send what another origin wants sent. */
export function edge(options: EdgeOptions): RequestHandler {
  const headers = edgeHeaders(options);
  return (request, response, next) => {
    response.set(headers(request));
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return next();
    if (isAllowed(request, options.corsOrigins)) {
      response.setHeader('access-control-allow-methods', 'GET, POST, PUT');
      response.setHeader('access-control-allow-headers', ALLOWED_HEADERS);
      response.setHeader('access-control-max-age', '600');
    }
    response.status(204).end();
  };
}
