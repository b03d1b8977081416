import type { RequestHandler } from 'express';

/** Response headers that a browser's script may read from another origin. */
const EXPOSED = 'x-trace-id, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset, age, x-cache';
const ALLOWED_HEADERS =
  'authorization, content-type, x-api-key, idempotency-key, traceparent, apollo-require-preflight, x-apollo-operation-name, x-waygraph-timings';

/** Cross-origin access for the configured origins. Credentials are tokens in headers, never cookies, so none are allowed. */
export function cors(origins: readonly string[]): RequestHandler {
  const any = origins.includes('*');
  return (request, response, next) => {
    const origin = request.headers.origin;
    response.setHeader('vary', 'origin');
    const allowed = origin !== undefined && (any || origins.includes(origin));
    if (allowed) {
      response.setHeader('access-control-allow-origin', any ? '*' : origin);
      response.setHeader('access-control-expose-headers', EXPOSED);
    }
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return next();
    if (allowed) {
      response.setHeader('access-control-allow-methods', 'GET, POST, PUT');
      response.setHeader('access-control-allow-headers', ALLOWED_HEADERS);
      response.setHeader('access-control-max-age', '600');
    }
    response.status(204).end();
  };
}

/** Headers that make browsers careful with whatever we answer (GW-25). */
export function securityHeaders(production: boolean): RequestHandler {
  return (_request, response, next) => {
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('x-frame-options', 'DENY');
    response.setHeader('referrer-policy', 'no-referrer');
    if (production) response.setHeader('strict-transport-security', 'max-age=31536000; includeSubDomains');
    next();
  };
}
