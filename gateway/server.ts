import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ApolloServerPlugin } from '@apollo/server';
import { getOperationAST } from 'graphql';
import express, { type RequestHandler, type Router } from 'express';
import { ANONYMOUS, describeActor } from '../platform/actor.js';
import { Refusal } from '../platform/errors.js';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import { connectAnswerCache } from './answerCache.js';
import { createAuthenticator, type Identified } from './auth.js';
import type { GatewayConfig } from './config.js';
import { clientIpOf, type GatewayContext, headerOf } from './context.js';
import { REQUEST_TIMEOUT_MS } from './deadline.js';
import { edge, edgeHeaders } from './edge.js';
import { startEngine } from './engine.js';
import { toClientResult } from './errors.js';
import { DEFAULT_FETCH_TIMEOUT_MS, guardedLink } from './guardedLink.js';
import { eventStreams } from './eventStreams.js';
import { createHealth } from './health.js';
import { graphqlOverHttp, keepingFor, keepingHeaders, quotaHeaders, refuse, unreadableBody } from './http.js';
import { createInFlight } from './inFlight.js';
import { type Admission, leanHttp } from './leanHttp.js';
import { DEFAULT_LIMITS, limitsRule, type QueryLimits } from './limits.js';
import type { SubgraphLink } from './links.js';
import { lookupNames } from './lookups.js';
import { listen } from './listen.js';
import { createPlanWarmer } from './planWarmer.js';
import { createMetrics } from './metrics.js';
import { limitedOperations } from './limitedOperations.js';
import { createRateLimiter, networkOf } from './rateLimiter.js';
import { connectWindows, localWindows } from './rateWindows.js';
import { forwardRoutes } from './routes.js';
import { createSocketDocuments, type SocketDocuments } from './socketDocuments.js';
import { startTracing } from './tracing.js';
import { DEFAULT_SOCKET_LIMITS, serveSockets, type SocketLimits, type Sockets } from './sockets.js';

export interface GatewayOptions {
  config: GatewayConfig;
  supergraphSdl: string;
  /** One for each subgraph of the supergraph; closed by `stop`. */
  links: readonly SubgraphLink[];
  log: Log;
  /** Mounted at `/`, behind everything else. */
  playground?: Router;
  /** Operations that clients are known to send; their plans are made before they are asked for. */
  persistedOperations?: readonly string[];
  /** Where rates are counted for all gateways together; each counts for itself when not given. */
  redisUrl?: string;
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
const NOBODY: Identified = { actor: ANONYMOUS, expiresAt: null };

/** Serves the graph to the world. @throws PortTakenError, or an Error when the supergraph and the links do not fit */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { config, log } = options;
  const inFlight = config.shareFetches ? createInFlight() : null;
  const links = options.links.map((link) =>
    guardedLink(link, { log, inFlight, breaks: true, timeoutMs: config.subgraphTimeoutsMs[link.name] ?? DEFAULT_FETCH_TIMEOUT_MS }),
  );
  const limits = options.queryLimits ?? { ...DEFAULT_LIMITS, ...(config.maxCost !== undefined && { cost: config.maxCost }) };
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
  const shared = config.rateLimits && options.redisUrl ? await connectWindows(options.redisUrl, log) : null;
  const limiter = config.rateLimits
    ? createRateLimiter({
        windows: shared ?? localWindows(),
        rates: config.rates,
        allowed: new Set(config.unlimited),
        secret: config.internalSecret,
        log,
      })
    : null;
  let sockets: Sockets | null = null;
  const metrics = createMetrics({ upstreamCount: () => engine.subscriptions.upstreamCount(), bufferedBytes: () => sockets?.bufferedBytes() ?? 0 });
  /** Counts an operation that has been answered, and logs it with who asked and how long it took (PF-20). */
  const noteOperation: NoteOperation = (name = null, kind, caller, ms, failed) => {
    metrics.operation(name, kind, failed ? 'error' : 'ok', ms / 1000);
    log.debug({ traceId: caller.traceId, operation: name, actor: describeActor(caller.actor), ms: Math.round(ms), failed }, 'operation');
  };
  const answers = options.redisUrl ? connectAnswerCache(options.redisUrl, log) : null;
  const tracing = await startTracing(config.otlpEndpoint, 'waygraph-gateway');
  const engine = await startEngine({
    tracing,
    answers,
    supergraphSdl: options.supergraphSdl,
    links,
    log,
    production: config.production,
    introspection,
    validationRules,
    maxTokens: limits.tokens,
    maxCost: limits.cost,
    plugins: [notingUse((text) => warmer.used(text)), answerInOneForm(log, noteOperation), ...(limiter ? [limitedOperations(limiter)] : [])],
    csrfPrevention: true,
    principalOf,
  });
  const warmer = createPlanWarmer({
    persisted: options.persistedOperations ?? [],
    async plan(text) {
      const document = checked.documentOf(text);
      if (!document) throw new Error('This is not valid in the schema of now.');
      if (getOperationAST(document)?.operation === 'subscription') engine.subscriptions.planAhead(document);
      else await engine.planAhead(text);
    },
    log,
  });
  const callerOf = (identified: Identified, request: IncomingMessage, traceId: string, idempotencyKey: string | null): Caller => ({
    actor: identified.actor,
    traceId,
    idempotencyKey,
    clientIp: clientIpOf(request, config.trustedProxies),
  });
  const health = createHealth(links);
  const identify = async (request: IncomingMessage, traceId: string): Promise<Identified> => {
    try {
      return await authenticate({ authorization: headerOf(request, 'authorization'), apiKey: headerOf(request, 'x-api-key') });
    } catch (error) {
      // Guessing credentials is counted too.
      if (error instanceof Refusal && error.code === 'UNAUTHENTICATED') await limiter?.enter(callerOf(NOBODY, request, traceId, null));
      throw error;
    }
  };
  const connectionOf = ({ actor }: Identified, request: IncomingMessage) =>
    actor.kind === 'ANONYMOUS' ? `ip:${networkOf(clientIpOf(request, config.trustedProxies))}` : describeActor(actor);
  const checked = createSocketDocuments({ schema: engine.schema, validationRules, maxTokens: limits.tokens, introspection, overCost: engine.overCost });
  const documents: SocketDocuments = {
    ...checked,
    prepare(request) {
      const prepared = checked.prepare(request);
      if (!('errors' in prepared)) warmer.used(request.query);
      return prepared;
    },
  };
  const socketLimits = config.rateLimits ? (options.socketLimits ?? DEFAULT_SOCKET_LIMITS) : null;
  const streams = eventStreams({
    engine,
    documents,
    async enter(request, traceId) {
      const identified = await identify(request, traceId);
      const caller = callerOf(identified, request, traceId, headerOf(request, 'idempotency-key') ?? null);
      await limiter?.enter(caller);
      return { identified, caller, principal: connectionOf(identified, request) };
    },
    streamsPerPrincipal: socketLimits?.operationsPerConnection ?? null,
    subscriptions: metrics.subscriptions,
    log,
  });

  const admit = async (request: IncomingMessage, traceId: string): Promise<Admission> => {
    const caller = callerOf(await identify(request, traceId), request, traceId, headerOf(request, 'idempotency-key') ?? null);
    return { caller, quota: (await limiter?.enter(caller)) ?? null };
  };
  const timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;

  const app = express();
  app.disable('x-powered-by');
  app.use(edge(config));
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
      timeoutMs,
      admit,
      streams: streams.handler,
      tellsCaches: true,
      mayTime: ({ actor }) => !config.production || (actor.kind === 'USER' && actor.roles.includes('ADMIN')),
    }),
    unreadableBody(log),
  );
  app.use(forwardRoutes({ links, trustedProxies: config.trustedProxies, log }));
  if (options.playground) app.use(options.playground);
  app.use((_request, response) => void response.status(404).json({ message: 'There is nothing here. The graph is at /graphql.' }));

  const everywhere = edgeHeaders(config);
  const lean = leanHttp({
    path: '/graphql',
    documents,
    execution: engine.execution,
    admit,
    ...(limiter && { enter: (caller, { document, operation }) => limiter.operation(caller, document, operation) }),
    headers(request, quota, keeping) {
      const headers = everywhere(request);
      const kept = keeping && keepingHeaders(keeping);
      return { ...headers, ...(quota && Object.fromEntries(quotaHeaders(quota))), ...kept, ...(kept && { vary: `${headers.vary}, accept` }) };
    },
    keepingFor,
    formed(result, { document, operation, operationName }, caller, tookMs) {
      const told = toClientResult(result, { traceId: caller.traceId, log }, () => lookupNames(document, operation));
      noteOperation(operationName ?? operation.name?.value, operation.operation, caller, tookMs, told.errors !== undefined);
      return told;
    },
    refuse: (response, error, traceId) => refuse(response, error, { traceId, log }),
    timeoutMs,
    others: app,
  });
  const { server, port, drain } = await listen(lean, config.port, config.host).catch(async (error: unknown) => {
    await engine.stop();
    shared?.close();
    answers?.close();
    throw error;
  });
  sockets = serveSockets({
    server,
    path: '/graphql',
    engine,
    documents,
    identify: authenticate,
    callerOf,
    ...(limiter && { enter: limiter.enter }),
    principalOf: connectionOf,
    limits: socketLimits,
    log,
    sockets: metrics.sockets,
    subscriptions: metrics.subscriptions,
  });

  return {
    url: `http://localhost:${port}/`,
    port,
    upstreamCount: engine.subscriptions.upstreamCount,
    update(supergraphSdl) {
      engine.update(supergraphSdl);
      void warmer.warm();
    },
    async stop() {
      warmer.stop();
      health.drain();
      streams.close();
      await Promise.all([drain(options.drainMs ?? DRAIN_MS), sockets?.close()]);
      await engine.stop();
      shared?.close();
      answers?.close();
      await tracing?.stop();
      await Promise.all(links.map((link) => link.close()));
    },
  };
}

/** Who may share an upstream: the same person with the same roles. The session does not matter, rights do. */
function principalOf({ actor }: Caller): string {
  const rights = actor.kind === 'USER' ? actor.roles : actor.kind === 'SERVICE' ? actor.scopes : [];
  return `${describeActor(actor)} ${[...rights].sort().join('+')}`;
}

/** Tells of every valid operation, so that it is planned again after a reload. */
function notingUse(used: (text: string) => void): ApolloServerPlugin<GatewayContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ source, contextValue }) {
          if (!contextValue.ahead) used(source);
        },
      };
    },
  };
}

type NoteOperation = (name: string | null | undefined, kind: string, caller: Caller, ms: number, failed: boolean) => void;

/** Gives every answer's errors their form, and takes note of the operation. */
function answerInOneForm(log: Log, note: NoteOperation): ApolloServerPlugin<GatewayContext> {
  return {
    async requestDidStart() {
      const startedAt = performance.now();
      return {
        async willSendResponse({ response, contextValue, errors, operationName, operation, document }) {
          const { caller, ahead } = contextValue;
          if (ahead) return;
          if (response.body.kind === 'single') {
            const { singleResult } = response.body;
            // Apollo's formatted errors have lost their causes; the log wants those.
            const whole = errors ? { ...singleResult, errors } : singleResult;
            response.body.singleResult = toClientResult(whole, { traceId: caller.traceId, log }, () =>
              document && operation ? lookupNames(document, operation) : new Set(),
            );
          }
          const failed = response.body.kind === 'single' && response.body.singleResult.errors !== undefined;
          note(operationName, operation?.operation ?? 'unknown', caller, performance.now() - startedAt, failed);
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
