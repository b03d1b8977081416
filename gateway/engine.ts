import { readFile } from 'node:fs/promises';
import { ApolloGateway, type GraphQLDataSource } from '@apollo/gateway';
import { ApolloServer, type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import {
  type DocumentNode,
  execute,
  type ExecutionResult,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type ValidationRule,
} from 'graphql';
import { systemActor } from '../platform/actor.js';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import { type AnswerCache, keepingAnswers } from './answerCache.js';
import { type GatewayContext, traceIdOf } from './context.js';
import { overCost } from './executor/cost.js';
import { AnswerText, createExecutor, type Executor, type OperationRequest } from './executor/execute.js';
import { buildGraph } from './executor/graph.js';
import type { Prepared } from './executor/prepare.js';
import { fetchOver } from './fetches.js';
import type { SubgraphLink } from './links.js';
import type { Tracing } from './tracing.js';
import { createSubscriptions, type FederatedSubscriptions } from './subscriptions.js';

export interface EngineOptions {
  supergraphSdl: string;
  links: readonly SubgraphLink[];
  log: Log;
  production: boolean;
  introspection: boolean;
  /** Spans of operations; null for none. */
  tracing?: Tracing | null;
  /** Where answers that are the same for all are kept; without it every operation is run. */
  answers?: AnswerCache | null;
  /** Checked for every document, whatever the transport. */
  validationRules: readonly ValidationRule[];
  /** Tokens per document; null for no limit. */
  maxTokens: number | null;
  /** What one operation may cost, by executor/cost.ts; null for no limit. */
  maxCost: number | null;
  plugins: readonly ApolloServerPlugin<GatewayContext>[];
  csrfPrevention: boolean;
  principalOf(caller: Caller): string | null;
}

type OperationTold = Pick<OperationRequest, 'document' | 'operationName' | 'variables' | 'prepared'>;

/** The graph itself, without any transport: queries and mutations by Apollo, subscriptions by us, over the same links. */
export interface Engine {
  apollo: ApolloServer<GatewayContext>;
  subscriptions: FederatedSubscriptions;
  schema(): GraphQLSchema;
  /** QUERY_TOO_COMPLEX when an operation may cost more than is allowed, else null. */
  overCost(document: DocumentNode, operation: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>): GraphQLError | null;
  /** Checks and plans an operation that nobody asks for yet. @throws Error when it is not valid, or has several operations */
  planAhead(text: string): Promise<void>;
  /** Runs a query or a mutation without Apollo Server, for transports of our own. Null when it cannot be planned, or its variables do not fit. */
  execution(request: OperationTold): ((context: GatewayContext) => Promise<ExecutionResult>) | null;
  /**
   * Takes a new supergraph while requests run (GW-03). What has begun ends with what it began with; subscriptions that are no longer valid end
   * with SCHEMA_CHANGED. @throws Error when the supergraph is broken or names a subgraph to which there is no link: then the old one stays
   */
  update(supergraphSdl: string): void;
  stop(): Promise<void>;
}

/** Loads the supergraph; no subgraph has to be up for that (GW-01). @throws Error when it names a subgraph to which there is no link */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  // Apollo's gateway reports its use to Apollo otherwise.
  process.env.APOLLO_TELEMETRY_DISABLED = 'true';
  const links = new Map(options.links.map((link) => [link.name, link]));
  let executor: Executor | null = null;
  const current = (): Executor => {
    if (!executor) throw new Error('No supergraph has been loaded yet.');
    return executor;
  };
  const { tracing = null } = options;
  const subscriptions = createSubscriptions({ links, principalOf: options.principalOf, executor: current, tracing });
  // Apollo is talkative at `info`; what matters of it comes as warnings.
  const logger = options.log.child({ part: 'apollo' }, { level: options.log.level === 'silent' ? 'silent' : 'warn' });
  const run = (executing: Executor, request: OperationTold, context: GatewayContext): Promise<ExecutionResult> => {
    const { caller, deadline, asText, timings, keeping } = context;
    const keep = keeping && !timings ? keepingAnswers(options.answers ?? null, keeping, request.variables) : null;
    const whole = { ...request, fetch: fetchOver(links, caller, deadline?.signal, keeping), asText, onFetch: timings ? timings.note : null, keep };
    if (!tracing) return executing.execute(whole);
    const fetchAs = (spanId: string) => fetchOver(links, { ...caller, spanId }, deadline?.signal, keeping);
    return tracing.operation(whole, context, (traced) => executing.execute({ ...whole, ...traced }), fetchAs);
  };
  /** By the schema that Apollo checks documents against: what was valid in one is executed by that one, though the supergraph may change in between. */
  const executors = new WeakMap<GraphQLSchema, Executor>();
  let load: ((supergraphSdl: string) => void) | null = null;
  const gateway = new ExecutingGateway(
    {
      async supergraphSdl({ update }) {
        load = update;
        return { supergraphSdl: options.supergraphSdl };
      },
      logger,
      debug: false,
      buildService({ name }) {
        if (!links.has(name)) throw new Error(`The supergraph names the subgraph "${name}", but the gateway was given no link to it.`);
        return notUsed;
      },
    },
    ({ document, operationName, request, context, schema }) =>
      run(executors.get(schema) ?? current(), { document, operationName, variables: request.variables ?? {} }, context as GatewayContext),
  );
  let loading = (executor = createExecutor(buildGraph(options.supergraphSdl)));
  gateway.onSchemaLoadOrUpdate(({ apiSchema }) => void executors.set(apiSchema, loading));
  const { maxCost } = options;
  const overCostOf: Engine['overCost'] = (document, operation, variables) =>
    maxCost === null ? null : overCost(current().graph, document, operation, variables, maxCost);
  const apollo = new ApolloServer<GatewayContext>({
    gateway,
    logger,
    introspection: options.introspection,
    csrfPrevention: options.csrfPrevention,
    stringifyResult,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: options.production,
    stopOnTerminationSignals: false,
    nodeEnv: options.production ? 'production' : 'development',
    validationRules: [...options.validationRules],
    ...(options.maxTokens !== null && { parseOptions: { maxTokens: options.maxTokens } }),
    plugins: [ApolloServerPluginLandingPageDisabled(), planningAhead(current), operationGuard(overCostOf), ...options.plugins],
  });
  await apollo.start();
  return {
    apollo,
    subscriptions,
    schema: () => current().graph.schema,
    overCost: overCostOf,
    async planAhead(query) {
      // By way of Apollo, because a plan belongs to the document that Apollo has parsed and keeps.
      const caller = { actor: systemActor('plans'), traceId: traceIdOf(undefined), idempotencyKey: null, clientIp: null };
      const { body } = await apollo.executeOperation({ query }, { contextValue: { caller, deadline: null, ahead: true } });
      const [error] = (body.kind === 'single' && body.singleResult.errors) || [];
      if (error) throw new Error(error.message);
    },
    execution(request) {
      const executing = current();
      let prepared: Prepared;
      try {
        prepared = executing.prepare(request);
      } catch {
        return null;
      }
      return (context) => {
        context.deadline?.tighten(prepared.rootFields);
        return run(executing, { ...request, prepared }, context);
      };
    },
    update(supergraphSdl) {
      // Built first, because it is what may fail; between the two assignments nothing else runs.
      const next = createExecutor(buildGraph(supergraphSdl));
      for (const { name } of next.graph.planner.supergraph.subgraphsMetadata()) {
        if (!links.has(name)) throw new Error(`The supergraph names the subgraph "${name}", but the gateway was given no link to it.`);
      }
      if (!load) throw new Error('The gateway has not started yet.');
      loading = next;
      load(supergraphSdl);
      executor = next;
      subscriptions.schemaChanged(next.graph.schema);
    },
    async stop() {
      subscriptions.close();
      await apollo.stop();
    },
  };
}

/** Apollo's gateway with what runs between a plan and its answer replaced: it keeps the schema, and our executor does the work. */
class ExecutingGateway extends ApolloGateway {
  private readonly run: ApolloGateway['executor'];

  constructor(config: ConstructorParameters<typeof ApolloGateway>[0], run: ApolloGateway['executor']) {
    super(config);
    this.run = run;
  }

  override async load(options?: Parameters<ApolloGateway['load']>[0]): ReturnType<ApolloGateway['load']> {
    return { ...(await super.load(options)), executor: this.run };
  }
}

/** Apollo's own executor would fetch from it. */
const notUsed: GraphQLDataSource = {
  process() {
    throw new Error('Fetches do not go through data sources.');
  },
};

/** Puts data that is JSON text already into its place. */
function stringifyResult(result: FormattedExecutionResult): string {
  const { data } = result;
  if (!(data instanceof AnswerText)) return `${JSON.stringify(result)}\n`;
  const { data: _written, ...rest } = result;
  const others = JSON.stringify(rest);
  return others === '{}' ? `{"data":${data.text}}\n` : `${others.slice(0, -1)},"data":${data.text}}\n`;
}

/** Plans in place of running, when nobody asks. */
function planningAhead(executor: () => Executor): ApolloServerPlugin<GatewayContext> {
  return {
    async requestDidStart({ contextValue }) {
      if (!contextValue.ahead) return;
      return {
        async responseForOperation({ document, operationName }) {
          executor().prepareAhead(document, operationName);
          return { http: { status: undefined, headers: new HeaderMap() }, body: { kind: 'single', singleResult: { data: null } } };
        },
      };
    },
  };
}

const STREAMS_ELSEWHERE =
  'Subscriptions run over WebSocket: connect to this same URL with the graphql-transport-ws protocol, or post with `Accept: text/event-stream`.';

/** Says where subscriptions belong, refuses what costs too much, gives operations that are worthless when late their shorter limit, and answers introspection. */
const operationGuard = (overCost: Engine['overCost']): ApolloServerPlugin<GatewayContext> => ({
  async requestDidStart() {
    return {
      async didResolveOperation({ operation, contextValue, document, request }) {
        if (!operation) {
          throw new GraphQLError('The document has no operation of that name, or several and none was named.', {
            extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 400 } },
          });
        }
        if (operation.operation === 'subscription') {
          throw new GraphQLError(STREAMS_ELSEWHERE, {
            extensions: { code: 'INVALID_REQUEST', http: { status: 400 } },
          });
        }
        const refusal = contextValue.ahead ? null : overCost(document, operation, request.variables ?? {});
        if (refusal) throw new GraphQLError(refusal.message, { nodes: operation, extensions: { ...refusal.extensions, http: { status: 400 } } });
        contextValue.deadline?.tighten(rootNames(operation));
      },
      async willSendResponse({ response, contextValue: { timings } }) {
        if (!timings || response.body.kind !== 'single') return;
        const { singleResult } = response.body;
        singleResult.extensions = { ...singleResult.extensions, timings: timings.told() };
      },
      async responseForOperation({ operation, document, schema, request }) {
        const names = operation ? rootNames(operation) : [];
        const introspects = names.length === operation?.selectionSet.selections.length && names.every((name) => name.startsWith('__'));
        if (!introspects) return null;
        // By graphql-js, because Apollo's gateway knows an older introspection schema than the one that documents are checked against:
        // `isOneOf`, which new tools ask for, would make it fail.
        const singleResult = await execute({ schema, document, variableValues: request.variables, operationName: request.operationName });
        return {
          http: { status: undefined, headers: new HeaderMap() },
          body: { kind: 'single', singleResult: singleResult as FormattedExecutionResult<Record<string, unknown>> },
        };
      },
    };
  },
});

/** Names of the fields at the top of an operation, as far as they are not in fragments. */
function rootNames(operation: OperationDefinitionNode): string[] {
  return operation.selectionSet.selections.flatMap((selection) => (selection.kind === Kind.FIELD ? [selection.name.value] : []));
}

/** Reads a supergraph file. @throws Error with one readable line when it is not there */
export async function readSupergraph(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`The supergraph ${path} cannot be read. Run "npm run compose" first, or set SUPERGRAPH.`, { cause: error });
  }
}
