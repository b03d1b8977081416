import { randomUUID } from 'node:crypto';
import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLSchema,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { type Consumption, replay, startConsumer } from './consumer.js';
import { type Context, createContext } from './context.js';
import { Refusal, refusalToGraphQLError } from './errors.js';
import { connectLiveFeed, type LiveFeed } from './livefeed.js';
import type { Log } from './log.js';
import { appUrl } from './migrate.js';
import { type Changed, connectDatabase, type Database } from './postgres.js';
import { everythingDelivered, type PublishedEvent, startRelay } from './relay.js';
import type { Caller, Readiness, Route, Subgraph, SubgraphRequest } from './subgraph.js';
import { type JointHandlers, startSweeper, type TimerHandlers } from './timers.js';
import { withValuesRead } from './variableValues.js';

/** What every subgraph needs of its surroundings, from its own environment or from the process that hosts it. */
export interface SubgraphEnvironment {
  /** The owner's URL of this subgraph's database; the service itself connects as its own role. */
  databaseUrl: string;
  /** Connections to it at most; `POOL_SIZE` when not given. */
  poolSize?: number;
  redisUrl: string;
  /** Signs internal tokens and derives the database role's password. */
  internalSecret: string;
  /** How long an unacknowledged event waits before it is sent again, in milliseconds; doubles each time (EV-03). */
  redeliverAfterMs: number;
  log: Log;
  clock: () => Date;
  /** Address of the whole graph, for jobs that read it as SYSTEM (EV-02). */
  graphUrl: () => string;
}

/** The parts that a subgraph's own wiring needs once they are open. */
export interface Resources {
  db: Database;
  feed: LiveFeed;
  log: Log;
  environment: SubgraphEnvironment;
}

export interface SubgraphParts<Loaders> {
  schema: GraphQLSchema;
  sdl: string;
  loaders: (run: Context['run']) => Loaders;
  consumes: readonly Consumption[];
  timers: TimerHandlers;
  /** Timers that are fired many at a time. */
  jointTimers?: JointHandlers;
  /** Waited for before our events are sent; it comes to an end by itself. */
  giveWay?: () => Promise<void>;
  /**
   * Which cached entities an event of ours changes. They are forgotten when it commits, and again when it is first sent: the process that committed it
   * may have died in between (GW-30).
   */
  changes?: (event: PublishedEvent) => readonly Changed[];
  routes?: readonly Route[];
  /** Demo data, written through the subgraph's own commands so that its events exist too (EV-01). Harmless when repeated. */
  seedDemo?: () => Promise<void>;
  /** Called after the subgraph stopped taking work: closes what its own wiring opened. */
  close?: () => Promise<void>;
  /** Further checks of readiness, by name; each resolves or throws. */
  checks?: Record<string, () => Promise<void>>;
}

/** Documents that are parsed and validated once; our own gateway sends few different ones. */
const MAX_DOCUMENTS = 2_000;
const READY_CHECK_MS = 2_000;

/** The one bootstrap of all subgraphs: opens its resources, starts its relay, consumer and timers, and answers requests. */
export async function startSubgraph<Loaders>(
  name: string,
  environment: SubgraphEnvironment,
  wire: (resources: Resources) => Promise<SubgraphParts<Loaders>>,
): Promise<Subgraph> {
  const log = environment.log.child({ subgraph: name });
  const db = connectDatabase({
    url: appUrl(environment.databaseUrl, name, environment.internalSecret),
    log,
    clock: environment.clock,
    ...(environment.poolSize && { poolSize: environment.poolSize }),
    applicationName: `waygraph-${name}`,
  });
  const feed = connectLiveFeed(environment.redisUrl, log);
  const parts = await wire({ db, feed, log, environment });
  const { redisUrl, redeliverAfterMs } = environment;
  const onPublish = async (events: readonly PublishedEvent[]) => {
    const changed = events.flatMap((event) => parts.changes?.(event) ?? []);
    for (const { kind, ids } of changed) await Promise.all([...db.wakers.entities].map((forget) => forget(kind, ids)));
  };
  const relay = startRelay({ emitter: name, db, redisUrl, redeliverAfterMs, onPublish, ...(parts.giveWay && { giveWay: parts.giveWay }) });
  const consumer = startConsumer({ consumer: name, db, redisUrl, consumes: parts.consumes });
  const sweeper = startSweeper({ db, handlers: parts.timers, ...(parts.jointTimers && { joint: parts.jointTimers }) });

  let stopped: Promise<void> | null = null;
  const documents = new Map<string, DocumentNode | readonly GraphQLError[]>();
  const documentOf = (query: string) => {
    const known = documents.get(query);
    if (known) return known;
    const fresh = parseAndValidate(parts.schema, query);
    if (documents.size >= MAX_DOCUMENTS) documents.delete(documents.keys().next().value as string);
    documents.set(query, fresh);
    return fresh;
  };
  const argumentsFor = (document: DocumentNode, request: SubgraphRequest, caller: Caller) => ({
    schema: parts.schema,
    ...withValuesRead(parts.schema, document, request.operationName ?? null, request.variables ?? {}),
    operationName: request.operationName ?? null,
    contextValue: createContext({ caller, db, feed, log, causationId: randomUUID(), loaders: parts.loaders }),
  });

  return {
    name,
    sdl: parts.sdl,
    routes: parts.routes ?? [],
    async execute(request, caller) {
      const document = documentOf(request.query);
      if (!('kind' in document)) return { errors: document };
      return edge(await execute(argumentsFor(document, request, caller)), log, caller);
    },
    async subscribe(request, caller) {
      const document = documentOf(request.query);
      if (!('kind' in document)) return { errors: document };
      const source = await createSourceEventStream(argumentsFor(document, request, caller));
      if (!(Symbol.asyncIterator in source)) return edge(source, log, caller);
      // A context of its own for each event: with the loaders of an earlier one it would show things as they were then.
      return mapEvents(source as AsyncGenerator<unknown>, async (event) =>
        edge(await execute({ ...argumentsFor(document, request, caller), rootValue: event }), log, caller),
      );
    },
    seedDemo: async () => parts.seedDemo?.(),
    settled: () => everythingDelivered(db),
    replay: (envelope) => replay(db, parts.consumes, envelope),
    ready: () => readiness(db, feed, parts.checks ?? {}),
    stop: () => {
      stopped ??= stopAll();
      return stopped;
    },
  };

  async function stopAll(): Promise<void> {
    await Promise.all([sweeper.stop(), consumer.stop(), relay.stop()]);
    await parts.close?.();
    await feed.close();
    await db.close();
  }
}

function parseAndValidate(schema: GraphQLSchema, query: string): DocumentNode | readonly GraphQLError[] {
  try {
    const document = parse(query);
    const errors = validate(schema, document, specifiedRules);
    return errors.length > 0 ? errors.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED')) : document;
  } catch (error) {
    return [withCode(error as GraphQLError, 'GRAPHQL_PARSE_FAILED')];
  }
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(error.message, {
    ...error,
    nodes: error.nodes,
    path: error.path,
    originalError: error.originalError,
    extensions: { ...error.extensions, code },
  });
}

/** Maps what resolvers threw: a refusal to its code, anything else to INTERNAL_ERROR, logged with its cause. */
function edge(result: ExecutionResult, log: Log, caller: Caller): ExecutionResult {
  if (!result.errors) return result;
  const errors = result.errors.map((error) => {
    const place = { nodes: error.nodes, path: error.path };
    const cause = error.originalError;
    if (cause instanceof Refusal) {
      const mapped = refusalToGraphQLError(cause);
      return new GraphQLError(mapped.message, { ...place, extensions: mapped.extensions });
    }
    if (error.extensions.code !== undefined) return error;
    // graphql-js' own words about the request: a variable that does not fit, a value that cannot be coerced.
    if (!cause || cause instanceof GraphQLError) return withCode(error, 'BAD_USER_INPUT');
    log.error({ err: cause, traceId: caller.traceId, path: error.path }, 'unexpected error');
    return new GraphQLError('Something of ours failed. Quote the trace id when you report it.', { ...place, extensions: { code: 'INTERNAL_ERROR' } });
  });
  return { ...result, errors };
}

/** Not an async generator function: its `return()` would wait for the event that `next()` waits for, and leak the listener until then. */
function mapEvents(source: AsyncGenerator<unknown>, map: (event: unknown) => Promise<ExecutionResult>): AsyncGenerator<ExecutionResult> {
  const mapped = {
    next: async (): Promise<IteratorResult<ExecutionResult>> => {
      const step = await source.next();
      return step.done ? { value: undefined, done: true } : { value: await map(step.value), done: false };
    },
    return: async (): Promise<IteratorResult<ExecutionResult>> => {
      await source.return(undefined);
      return { value: undefined, done: true };
    },
    throw: async (error: unknown): Promise<IteratorResult<ExecutionResult>> => {
      await source.throw(error);
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => mapped,
    [Symbol.asyncDispose]: async () => {
      await source.return(undefined);
    },
  };
  return mapped as AsyncGenerator<ExecutionResult>;
}

async function readiness(db: Database, feed: LiveFeed, checks: Record<string, () => Promise<void>>): Promise<Readiness> {
  const all: Record<string, () => Promise<unknown>> = {
    postgres: () => db.sql`select 1`,
    redis: async () => {
      if (!feed.ready()) throw new Error('not connected');
    },
    ...checks,
  };
  const results = await Promise.all(
    Object.entries(all).map(async ([name, check]) => {
      const timeout = new Promise<string>((resolve) => setTimeout(resolve, READY_CHECK_MS, 'no answer').unref());
      const word = await Promise.race([check().then(() => 'ok'), timeout]).catch((error: Error) => error.message || 'failed');
      return [name, word] as const;
    }),
  );
  return { ok: results.every(([, word]) => word === 'ok'), checks: Object.fromEntries(results) };
}
