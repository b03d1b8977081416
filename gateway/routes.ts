import type { RequestHandler } from 'express';
import { readBody } from '../platform/body.js';
import { Refusal } from '../platform/errors.js';
import { MAX_IMAGE_BYTES } from '../platform/imageLimits.js';
import type { Log } from '../platform/log.js';
import { clientIpOf, headerOf, traceIdOf } from './context.js';
import { type ErrorScope, thrownToClientError } from './errors.js';
import { type RoutePattern, routeMatches, type SubgraphLink } from './links.js';
import { pathOf } from './localLink.js';

/** Plain HTTP that subgraphs own when they run elsewhere; a local one declares its own. */
export const REMOTE_ROUTES: Readonly<Record<string, readonly RoutePattern[]>> = {
  identity: [{ method: 'GET', path: '/.well-known/jwks.json' }],
  fleet: [
    { method: 'GET', path: '/images/vehicles/*' },
    { method: 'PUT', path: '/uploads/fleet/*', maxBodyBytes: MAX_IMAGE_BYTES },
    { method: 'GET', path: '/files/fleet/*' },
  ],
  booking: [
    { method: 'PUT', path: '/uploads/booking/*', maxBodyBytes: MAX_IMAGE_BYTES },
    { method: 'GET', path: '/files/booking/*' },
    { method: 'POST', path: '/webhooks/signatures/*' },
    { method: 'GET', path: '/sign/*' },
    { method: 'POST', path: '/sign/*' },
  ],
  dispatch: [
    { method: 'PUT', path: '/uploads/dispatch/*', maxBodyBytes: MAX_IMAGE_BYTES },
    { method: 'GET', path: '/files/dispatch/*' },
  ],
  inbox: [
    { method: 'POST', path: '/webhooks/resend' },
    { method: 'GET', path: '/mail' },
    { method: 'GET', path: '/mail/*' },
  ],
  'payments-ledger': [
    { method: 'POST', path: '/webhooks/payments/*' },
    { method: 'GET', path: '/reports/*' },
    { method: 'GET', path: '/sandbox/*' },
    { method: 'POST', path: '/sandbox/*' },
  ],
};

/** Bytes of one forwarded body (GW-25). */
export const MAX_BODY_BYTES = 1024 * 1024;

export interface RouteOptions {
  links: readonly SubgraphLink[];
  trustedProxies: number;
  log: Log;
}

/** Passes webhooks and the few pages of subgraphs through to their owners, unread: a webhook's signature covers every byte. */
export function forwardRoutes({ links, trustedProxies, log }: RouteOptions): RequestHandler {
  const table = links.flatMap((link) => link.routes.map((route) => ({ ...route, link })));
  return async (request, response, next) => {
    const path = pathOf(request.url);
    const route = table.find((each) => each.method === request.method && routeMatches(each.path, path));
    if (!route) return next();
    const traceId = traceIdOf(headerOf(request, 'traceparent'));
    response.setHeader('x-trace-id', traceId);
    const scope: ErrorScope = { traceId, log };
    try {
      const maxBytes = route.maxBodyBytes ?? MAX_BODY_BYTES;
      const rawBody = await readBody(request, maxBytes);
      if (!rawBody) throw tooLarge(maxBytes);
      await route.link.forward(Object.assign(request, { rawBody }), response, { traceId, clientIp: clientIpOf(request, trustedProxies) });
    } catch (error) {
      const clientError = thrownToClientError(error, scope);
      if (response.headersSent) return void response.destroy();
      // A webhook's sender tries again after a 5xx, and gives up after a 4xx.
      const status = clientError.extensions.code === 'INVALID_REQUEST' ? 413 : clientError.extensions.code === 'INTERNAL_ERROR' ? 500 : 503;
      response.status(status).json({ errors: [clientError] });
    }
  };
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal('INVALID_REQUEST', `The body is larger than ${maxBytes / 1024 / 1024} MiB. Send less.`, {
    details: { field: 'body', rule: 'max_bytes', maxBytes },
  });
}
