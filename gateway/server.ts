import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ApolloServerPlugin } from '@apollo/server';
import express, { type RequestHandler, type Router } from 'express';
import { describeActor } from '../platform/actor.js';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import { createAuthenticator, type Identified } from './auth.js';
import type { GatewayConfig } from './config.js';
import { clientIpOf, type GatewayContext, headerOf } from './context.js';
import { REQUEST_TIMEOUT_MS } from './deadline.js';
import { cors, securityHeaders } from './edge.js';
import { startEngine } from './engine.js';
import { toClientResult } from './errors.js';
import { createHealth } from './health.js';
import { graphqlOverHttp, unreadableBody } from './http.js';
import { DEFAULT_LIMITS, limitsRule, type QueryLimits } from './limits.js';
import type { SubgraphLink } from './links.js';
import { lookupNames } from './lookups.js';
import { listen } from './listen.js';
import { createMetrics, type Metrics } from './metrics.js';
import { forwardRoutes } from './routes.js';
import { createSocketDocuments } from './socketDocuments.js';
import { DEFAULT_SOCKET_LIMITS, serveSockets, type SocketLimits } from './sockets.js';

export interface GatewayOptions {
  config: GatewayConfig;
  supergraphSdl: string;
  /** One for each subgraph of the supergraph; closed by `stop`. */
  links: readonly SubgraphLink[];
  log: Log;
  /** Mounted at `/`, behind everything else. */
  playground?: Router;
  queryLimits?: QueryLimits;
  socketLimits?: SocketLimits;
  requestTimeoutMs?: number;
  /** How long running requests may take to finish once the gateway stops, in ms. */
  drainMs?: number;
}

export interface RunningGateway {
  url: string;
  port: number;
  /** Subscriptions open to subgraphs right now. */
  upstreamCount(): number;
  /** Takes a changed supergraph while requests run (GW-03). @throws Error when it is broken: then the old one goes on serving */
  update(supergraphSdl: string): void;
  /** Stops accepting, finishes what runs, tells sockets to come back elsewhere (1012), closes the links. */
  stop(): Promise<void>;
}

const DRAIN_MS = 30_000;

/** Serves the graph to the world. @throws PortTakenError, or an Error when the supergraph and the links do not fit */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { config, links, log } = options;
  const limits = options.queryLimits ?? DEFAULT_LIMITS;
  const validationRules = [limitsRule(limits)];
  const introspection = !config.production;
  const identity = links.find(({ name }) => name === 'identity');
  const authenticate = createAuthenticator({
    issuer: config.tokenIssuer,
    audience: config.tokenAudience,
    serviceKeys: config.serviceKeys,
    internalSecret: config.internalSecret,
    readKeys: identity ? () => identity.read('/.well-known/jwks.json') : null,
  });
  const metrics = createMetrics(() => engine.subscriptions.upstreamCount());
  const engine = await startEngine({
    supergraphSdl: options.supergraphSdl,
    links,
    log,
    production: config.production,
    introspection,
    validationRules,
    maxTokens: limits.tokens,
    plugins: [answerInOneForm(log, metrics)],
    csrfPrevention: true,
    principalOf,
  });
  const callerOf = (identified: Identified, request: IncomingMessage, traceId: string, idempotencyKey: string | null): Caller => ({
    actor: identified.actor,
    traceId,
    idempotencyKey,
    clientIp: clientIpOf(request, config.trustedProxies),
  });
  const health = createHealth(links);

  const app = express();
  app.disable('x-powered-by');
  app.use(securityHeaders(config.production), cors(config.corsOrigins));
  app.get('/health/live', (_request, response) => void response.json({ ok: true }));
  app.get(['/health/ready', '/health/startup'], async (_request, response) => {
    const readiness = await health.ready();
    response.status(readiness.ok ? 200 : 503).json(readiness);
  });
  app.get('/metrics', protectedBy(config.metricsToken, config.production), async (_request, response) => {
    const { contentType, body } = await metrics.scrape();
    response.setHeader('content-type', contentType);
    response.end(body);
  });
  app.use(
    '/graphql',
    ...graphqlOverHttp({
      apollo: engine.apollo,
      log,
      timeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
      async callerOf(request, traceId) {
        const shown = { authorization: headerOf(request, 'authorization'), apiKey: headerOf(request, 'x-api-key') };
        return callerOf(await authenticate(shown), request, traceId, headerOf(request, 'idempotency-key') ?? null);
      },
    }),
    unreadableBody(log),
  );
  app.use(forwardRoutes({ links, trustedProxies: config.trustedProxies, log }));
  if (options.playground) app.use(options.playground);
  app.use((_request, response) => void response.status(404).json({ message: 'There is nothing here. The graph is at /graphql.' }));

  const { server, port, drain } = await listen(app, config.port, config.host).catch(async (error: unknown) => {
    await engine.stop();
    throw error;
  });
  const sockets = serveSockets({
    server,
    path: '/graphql',
    engine,
    documents: createSocketDocuments({ schema: engine.schema, validationRules, maxTokens: limits.tokens, introspection }),
    identify: authenticate,
    callerOf,
    principalOf: ({ actor }, request) => (actor.kind === 'ANONYMOUS' ? `ip:${clientIpOf(request, config.trustedProxies)}` : describeActor(actor)),
    limits: config.rateLimits ? (options.socketLimits ?? DEFAULT_SOCKET_LIMITS) : null,
    log,
    sockets: metrics.sockets,
    subscriptions: metrics.subscriptions,
  });

  return {
    url: `http://localhost:${port}/`,
    port,
    upstreamCount: engine.subscriptions.upstreamCount,
    update: engine.update,
    async stop() {
      health.drain();
      await Promise.all([drain(options.drainMs ?? DRAIN_MS), sockets.close()]);
      await engine.stop();
      await Promise.all(links.map((link) => link.close()));
    },
  };
}

/** Who may share an upstream: the same person with the same roles. The session does not matter, rights do. */
function principalOf({ actor }: Caller): string {
  const rights = actor.kind === 'USER' ? actor.roles : actor.kind === 'SERVICE' ? actor.scopes : [];
  return `${describeActor(actor)} ${[...rights].sort().join('+')}`;
}

/** Gives every answer's errors their form, counts the operation, and logs it with who asked and how long it took (PF-20). */
function answerInOneForm(log: Log, metrics: Metrics): ApolloServerPlugin<GatewayContext> {
  return {
    async requestDidStart() {
      const startedAt = performance.now();
      return {
        async willSendResponse({ response, contextValue, errors, operationName, operation, document }) {
          const { caller } = contextValue;
          if (response.body.kind === 'single') {
            const { singleResult } = response.body;
            // Apollo's formatted errors have lost their causes; the log wants those.
            const whole = errors ? { ...singleResult, errors } : singleResult;
            response.body.singleResult = toClientResult(whole, { traceId: caller.traceId, log }, () =>
              document && operation ? lookupNames(document, operation) : new Set(),
            );
          }
          const ms = performance.now() - startedAt;
          const failed = response.body.kind === 'single' && response.body.singleResult.errors !== undefined;
          metrics.operation(operationName ?? null, operation?.operation ?? 'unknown', failed ? 'error' : 'ok', ms / 1000);
          log.debug({ traceId: caller.traceId, operation: operationName, actor: describeActor(caller.actor), ms: Math.round(ms), failed }, 'operation');
        },
      };
    },
  };
}

function protectedBy(token: string | undefined, production: boolean): RequestHandler {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return (request, response, next) => {
    // Numbers about the business are not for everybody: in production they are shown with a token or not at all.
    if (token === undefined) return production ? void response.status(404).end() : next();
    if (timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${token}`))) return next();
    response.status(401).setHeader('www-authenticate', 'Bearer').end();
  };
}
