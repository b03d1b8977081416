import { Supergraph } from '@apollo/federation-internals';
import express from 'express';
import { z } from 'zod';
import { ANONYMOUS } from '../platform/actor.js';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import { clientIpOf, headerOf, traceparentOf } from './context.js';
import { REQUEST_TIMEOUT_MS } from './deadline.js';
import { startEngine } from './engine.js';
import { graphqlOverHttp, unreadableBody } from './http.js';
import { DEFAULT_LIMITS, limitsRule } from './limits.js';
import { listen } from './listen.js';
import { type Credentials, remoteLink } from './remoteLink.js';
import { createSocketDocuments } from './socketDocuments.js';
import { serveSockets } from './sockets.js';

/** What a file given with `--config` may hold; all of it optional. */
export const bareConfigSchema = z.strictObject({
  /** Endpoints that replace those of the supergraph, by subgraph name. */
  subgraphs: z.record(z.string(), z.strictObject({ url: z.url() })).default({}),
  /** Limits on documents; none unless given. */
  limits: z
    .strictObject({ depth: z.int().positive(), aliases: z.int().positive(), rootFields: z.int().positive(), tokens: z.int().positive() })
    .partial()
    .optional(),
  /** Lets equal subscriptions with equal credentials share one upstream. Off, because it suits only streams that begin with the present. */
  shareSubscriptions: z.boolean().default(false),
});
export type BareConfig = z.output<typeof bareConfigSchema>;

export interface BareOptions {
  supergraphSdl: string;
  port: number;
  config: BareConfig;
  log: Log;
}

/** A caller of whom nothing is known but what they sent, which goes on as it is. */
interface PassingCaller extends Caller {
  authorization: string | null;
}

const passThrough: Credentials = {
  internal: false,
  headers(caller) {
    const { authorization } = caller as PassingCaller;
    return { traceparent: traceparentOf(caller.traceId), ...(authorization !== null && { authorization }) };
  },
  extensions(caller) {
    const { authorization } = caller as PassingCaller;
    return authorization === null ? {} : { authorization };
  },
};

/**
 * Serves any Federation 2 supergraph (EN-01): no domain, no sign-in, no limits unless configured. The same links, data source and
 * subscriptions as the gateway of the product.
 */
export async function startBareGateway({
  supergraphSdl,
  port,
  config,
  log,
}: BareOptions): Promise<{ port: number; update(supergraphSdl: string): void; stop(): Promise<void> }> {
  const links = [...Supergraph.build(supergraphSdl, { validateSupergraph: false }).subgraphsMetadata()].map(({ name, url }) =>
    remoteLink({ name, endpoint: config.subgraphs[name]?.url ?? url, credentials: passThrough }),
  );
  const limits = config.limits && { ...DEFAULT_LIMITS, ...config.limits };
  const validationRules = limits ? [limitsRule(limits)] : [];
  const maxTokens = limits?.tokens ?? null;
  const engine = await startEngine({
    supergraphSdl,
    links,
    log,
    production: false,
    introspection: true,
    validationRules,
    maxTokens,
    plugins: [],
    csrfPrevention: false,
    principalOf: (caller) => (config.shareSubscriptions ? ((caller as PassingCaller).authorization ?? '') : null),
  });
  const callerOf = (authorization: string | null, traceId: string, idempotencyKey: string | null, clientIp: string | null): PassingCaller => ({
    actor: ANONYMOUS,
    traceId,
    idempotencyKey,
    clientIp,
    authorization,
  });

  const app = express();
  app.disable('x-powered-by');
  app.get('/health/ready', (_request, response) => void response.json({ ok: true, checks: {} }));
  app.use(
    '/graphql',
    ...graphqlOverHttp({
      apollo: engine.apollo,
      log,
      exposeErrors: true,
      timeoutMs: REQUEST_TIMEOUT_MS,
      callerOf: async (request, traceId) => callerOf(headerOf(request, 'authorization') ?? null, traceId, null, clientIpOf(request, 0)),
    }),
    unreadableBody(log),
  );
  const listening = await listen(app, port, undefined);
  const authorizations = new WeakMap<object, string>();
  const sockets = serveSockets({
    server: listening.server,
    path: '/graphql',
    engine,
    documents: createSocketDocuments({ schema: engine.schema, validationRules, maxTokens, introspection: true }),
    async identify({ authorization }) {
      const identified = { actor: ANONYMOUS, expiresAt: null };
      if (authorization !== undefined) authorizations.set(identified, authorization);
      return identified;
    },
    callerOf: (identified, request, traceId, key) => callerOf(authorizations.get(identified) ?? null, traceId, key, clientIpOf(request, 0)),
    principalOf: () => 'anyone',
    limits: null,
    log,
    exposeErrors: true,
    sockets: { opened() {}, closed() {} },
    subscriptions: { started() {}, ended() {} },
  });

  return {
    port: listening.port,
    update: engine.update,
    async stop() {
      await Promise.all([listening.drain(5_000), sockets.close()]);
      await engine.stop();
      await Promise.all(links.map((link) => link.close()));
    },
  };
}
