import type { IncomingMessage } from 'node:http';
import { Supergraph } from '@apollo/federation-internals';
import express from 'express';
import { type ExecutionResult, type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import { z } from 'zod';
import { ANONYMOUS } from '../platform/actor.js';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import { clientIpOf, headerOf, traceparentOf } from './context.js';
import { REQUEST_TIMEOUT_MS } from './deadline.js';
import { startEngine } from './engine.js';
import { DEFAULT_FETCH_TIMEOUT_MS, guardedLink } from './guardedLink.js';
import { eventStreams } from './eventStreams.js';
import { graphqlOverHttp, unreadableBody } from './http.js';
import { createInFlight } from './inFlight.js';
import { type Admission, leanHttp } from './leanHttp.js';
import { DEFAULT_LIMITS, limitsRule } from './limits.js';
import { listen } from './listen.js';
import { type Credentials, remoteLink } from './remoteLink.js';
import { startTracing } from './tracing.js';
import { createSocketDocuments } from './socketDocuments.js';
import { serveSockets } from './sockets.js';

/** What a file given with `--config` may hold; all of it optional. */
export const bareConfigSchema = z.strictObject({
  /** Endpoints that replace those of the supergraph, and milliseconds that a fetch may take, by subgraph name. */
  subgraphs: z.record(z.string(), z.strictObject({ url: z.url().optional(), timeoutMs: z.int().positive().optional() })).default({}),
  /** Limits on documents; none unless given. */
  limits: z
    .strictObject({
      depth: z.int().positive(),
      aliases: z.int().positive(),
      rootFields: z.int().positive(),
      conditions: z.int().positive(),
      cost: z.int().positive(),
      tokens: z.int().positive(),
    })
    .partial()
    .optional(),
  /** OTLP collector that spans are sent to over HTTP, such as `http://localhost:4318`; none are taken without it. */
  otlpEndpoint: z.url().optional(),
  /** What is logged, from this level on. */
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('warn'),
  /** Lets equal subscriptions with equal credentials share one upstream. Off, because it suits only streams that begin with the present. */
  shareSubscriptions: z.boolean().default(false),
  /** Lets equal queries that run at the same moment be fetched once. Off, so that comparisons compare work that is done. */
  shareFetches: z.boolean().default(false),
  /** Leaves a subgraph alone for a while after it has failed often. */
  breaks: z.boolean().default(true),
});
export type BareConfig = z.output<typeof bareConfigSchema>;

/** Reads a configuration file; LOG_LEVEL and OTEL_EXPORTER_OTLP_ENDPOINT stand in where it says nothing. @throws ZodError | SyntaxError */
export function readBareConfig(text: string, environment: NodeJS.ProcessEnv): BareConfig {
  const given = JSON.parse(text) as Record<string, unknown>;
  const { LOG_LEVEL: logLevel, OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint } = environment;
  return bareConfigSchema.parse({ ...(logLevel && { logLevel }), ...(otlpEndpoint && { otlpEndpoint }), ...given });
}

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
    return { traceparent: traceparentOf(caller.traceId, caller.spanId), ...(authorization !== null && { authorization }) };
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
  const inFlight = config.shareFetches ? createInFlight() : null;
  const links = [...Supergraph.build(supergraphSdl, { validateSupergraph: false }).subgraphsMetadata()].map(({ name, url }) =>
    guardedLink(remoteLink({ name, endpoint: config.subgraphs[name]?.url ?? url, credentials: passThrough }), {
      log,
      inFlight,
      breaks: config.breaks,
      timeoutMs: config.subgraphs[name]?.timeoutMs ?? DEFAULT_FETCH_TIMEOUT_MS,
    }),
  );
  const limits = config.limits && { ...DEFAULT_LIMITS, ...config.limits };
  const validationRules = limits ? [limitsRule(limits)] : [];
  const maxTokens = limits?.tokens ?? null;
  const tracing = await startTracing(config.otlpEndpoint, 'waygraph-bare-gateway');
  const engine = await startEngine({
    tracing,
    supergraphSdl,
    links,
    log,
    production: false,
    introspection: true,
    validationRules,
    maxTokens,
    maxCost: limits?.cost ?? null,
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

  const admit = (request: IncomingMessage, traceId: string): Admission => ({
    caller: callerOf(headerOf(request, 'authorization') ?? null, traceId, null, clientIpOf(request, 0)),
    quota: null,
  });

  const documents = createSocketDocuments({ schema: engine.schema, validationRules, maxTokens, introspection: true, overCost: engine.overCost });
  const nobody = { actor: ANONYMOUS, expiresAt: null };
  const subscriptions = { started() {}, ended() {} };
  const streams = eventStreams({
    engine,
    documents,
    async enter(request, traceId) {
      const caller = callerOf(headerOf(request, 'authorization') ?? null, traceId, null, clientIpOf(request, 0));
      return { identified: nobody, caller, principal: 'anyone' };
    },
    streamsPerPrincipal: null,
    subscriptions,
    exposeErrors: true,
    log,
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
      streams: streams.handler,
      mayTime: () => true,
      admit,
    }),
    unreadableBody(log),
  );
  const lean = leanHttp({
    path: '/graphql',
    documents,
    execution: engine.execution,
    admit,
    formed: asApolloForms,
    refuse(response, error) {
      const { message, extensions, code = 'INTERNAL_SERVER_ERROR' } = error as Error & { extensions?: Record<string, unknown>; code?: string };
      const text = JSON.stringify({ errors: [{ message, extensions: { code, ...extensions } }] });
      response.writeHead(code === 'TIMEOUT' ? 504 : 500, {
        'content-type': 'application/json; charset=utf-8',
        'cache-control': 'no-store',
        'content-length': Buffer.byteLength(text),
      });
      response.end(text);
    },
    timeoutMs: REQUEST_TIMEOUT_MS,
    others: app,
  });
  const listening = await listen(lean, port, undefined, '--port ');
  const authorizations = new WeakMap<object, string>();
  const sockets = serveSockets({
    server: listening.server,
    path: '/graphql',
    engine,
    documents,
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
    subscriptions,
  });

  return {
    port: listening.port,
    update: engine.update,
    async stop() {
      streams.close();
      await Promise.all([listening.drain(5_000), sockets.close()]);
      await engine.stop();
      await tracing?.stop();
      await Promise.all(links.map((link) => link.close()));
    },
  };
}

/** Errors as Apollo Server tells them when nobody has given them another form: each with a code, and without a stack. */
function asApolloForms({ errors, ...result }: ExecutionResult): FormattedExecutionResult {
  return errors ? { errors: errors.map(formatted), ...result } : result;
}

function formatted(error: GraphQLError | GraphQLFormattedError): GraphQLFormattedError {
  const { message, locations, path, extensions } = error instanceof GraphQLError ? error.toJSON() : error;
  const { stacktrace: _hidden, ...shown } = (extensions ?? {}) as Record<string, unknown>;
  return { message, ...(locations && { locations }), ...(path && { path }), extensions: { code: 'INTERNAL_SERVER_ERROR', ...shown } };
}
