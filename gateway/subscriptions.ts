import { buildOperationContext, executeQueryPlan, type GraphQLDataSource, type ServiceMap } from '@apollo/gateway';
import { operationFromDocument, type Schema, Supergraph } from '@apollo/federation-internals';
import { type PlanNode, type QueryPlan, QueryPlanner } from '@apollo/query-planner';
import { type DocumentNode, type ExecutionResult, type GraphQLSchema, print } from 'graphql';
import type { Caller } from '../platform/subgraph.js';
import { createBoundedCache } from './boundedCache.js';
import type { GatewayContext } from './context.js';
import { linkDataSource } from './dataSource.js';
import { createDeliveryQueue, OperationEnded, type UpstreamEvent } from './delivery.js';
import type { SubgraphLink } from './links.js';
import { type PrimaryOperation, preparePrimary } from './primaryOperation.js';
import { createSharedUpstreams } from './sharedUpstreams.js';

/** Plans of distinct subscription documents that are kept. */
const MAX_PLANS = 1_000;

export interface SubscriptionRequest {
  /** Validated against the API schema, variables too. */
  document: DocumentNode;
  operationName: string | null | undefined;
  variables: Record<string, unknown>;
  caller: Caller;
}

export interface FederatedSubscriptions {
  /** Takes a new supergraph; subscriptions that run keep the plan they began with. */
  update(supergraphSdl: string): void;
  /** Refusals come out of the iterator, as OperationEnded. @throws what the planner throws, for a document that cannot be planned */
  subscribe(request: SubscriptionRequest): AsyncGenerator<ExecutionResult, undefined>;
  /** Subscriptions open to subgraphs right now. */
  upstreamCount(): number;
  close(): void;
}

interface Compiled {
  planner: QueryPlanner;
  api: Schema;
  apiSchema: GraphQLSchema;
  supergraphSchema: GraphQLSchema;
}

interface SubscriptionPlan {
  compiled: Compiled;
  /** Text of the document and name of the operation: what the answer's shape depends on. */
  key: string;
  serviceName: string;
  primary: PrimaryOperation;
  /** The primary fetch, to be answered from the event, and all that it leads to. */
  completion: QueryPlan;
}

export interface SubscriptionOptions {
  links: ReadonlyMap<string, SubgraphLink>;
  /** Who may share an upstream with whom, as a text; null to share nothing. */
  principalOf(caller: Caller): string | null;
}

/**
 * Federated subscriptions (GW-10), which Apollo's gateway plans but does not run. The plan's primary fetch is subscribed to at the owning
 * subgraph; for each event Apollo's own executor then runs the plan, with the primary fetch answered from the event. So aliases, fragments,
 * conditions, `@requires` and null propagation behave as they do in queries.
 */
export function createSubscriptions({ links, principalOf }: SubscriptionOptions): FederatedSubscriptions {
  const upstreams = createSharedUpstreams();
  const completed = new WeakMap<UpstreamEvent, Map<string, Promise<ExecutionResult>>>();
  const sources = new Map<string, GraphQLDataSource>([...links].map(([name, link]) => [name, linkDataSource(link) as GraphQLDataSource]));
  let sdl: string | null = null;
  let compiled: Compiled | null = null;
  let plans = createBoundedCache<string, SubscriptionPlan>(MAX_PLANS);

  const planFor = (document: DocumentNode, operationName: string | null | undefined): SubscriptionPlan => {
    const key = `${operationName ?? ''}\n${print(document)}`;
    const known = plans.get(key);
    if (known) return known;
    if (sdl === null) throw new Error('No supergraph has been loaded yet.');
    // Built on first use: many graphs have no subscriptions, and a planner costs time and memory.
    compiled ??= compile(sdl);
    const plan = planSubscription(compiled, document, operationName, key);
    plans.set(key, plan);
    return plan;
  };

  /** Runs the rest of the plan once per event, however many clients asked the same in the name of the same person. */
  const complete = (plan: SubscriptionPlan, request: SubscriptionRequest, event: UpstreamEvent, sharedBy: string | null): Promise<ExecutionResult> => {
    if (sharedBy === null) return completeEvent(plan, sources, request, event);
    const known = completed.get(event) ?? new Map<string, Promise<ExecutionResult>>();
    completed.set(event, known);
    const answer = known.get(sharedBy) ?? completeEvent(plan, sources, request, event);
    known.set(sharedBy, answer);
    return answer;
  };

  return {
    update(next) {
      if (next === sdl) return;
      sdl = next;
      compiled = null;
      plans = createBoundedCache(MAX_PLANS);
    },
    subscribe(request) {
      const plan = planFor(request.document, request.operationName);
      const { primary } = plan;
      const link = links.get(plan.serviceName);
      if (!link) throw new Error(`The plan names subgraph ${plan.serviceName}, to which there is no link.`);
      const variables = Object.fromEntries(
        primary.variableNames.filter((name) => request.variables[name] !== undefined).map((name) => [name, request.variables[name]]),
      );
      const principal = principalOf(request.caller);
      const sharedBy = principal === null ? null : JSON.stringify([plan.key, request.variables, principal]);
      const queue = createDeliveryQueue(primary.rootField);
      let left = false;
      let leave = () => {};
      leave = upstreams.watch({ link, primary, variables, afterSequence: primary.afterSequenceOf(request.variables), caller: request.caller }, principal, {
        next: (event) => {
          if (!queue.push(event)) leave();
        },
        end: (errors) => queue.end(errors),
      });

      // Written by hand: an async generator's return() waits for its pending next(), so a client that leaves between two events would
      // hold the upstream open until the next one.
      const iterator: AsyncGenerator<ExecutionResult, undefined> = {
        async next() {
          try {
            const event = await queue.next();
            if (event === null || left) return { value: undefined, done: true };
            return { value: await complete(plan, request, event, sharedBy), done: false };
          } catch (error) {
            // Whoever iterates does not call return() after a failure: what was opened has to be closed here.
            leave();
            queue.abandon();
            throw error;
          }
        },
        async return() {
          left = true;
          leave();
          queue.abandon();
          return { value: undefined, done: true };
        },
        async throw(error) {
          await iterator.return(undefined);
          throw error;
        },
        [Symbol.asyncIterator]: () => iterator,
        [Symbol.asyncDispose]: async () => void (await iterator.return(undefined)),
      };
      return iterator;
    },
    upstreamCount: upstreams.count,
    close: upstreams.closeAll,
  };
}

function compile(sdl: string): Compiled {
  const supergraph = Supergraph.build(sdl, { validateSupergraph: false });
  const api = supergraph.apiSchema();
  return { planner: new QueryPlanner(supergraph, {}), api, apiSchema: api.toGraphQLJSSchema(), supergraphSchema: supergraph.schema.toGraphQLJSSchema() };
}

function planSubscription(compiled: Compiled, document: DocumentNode, operationName: string | null | undefined, key: string): SubscriptionPlan {
  const plan = compiled.planner.buildQueryPlan(operationFromDocument(compiled.api, document, { operationName: operationName ?? undefined }));
  const node = plan.node;
  if (node?.kind !== 'Subscription') {
    throw new OperationEnded([{ message: 'This subscription selects nothing from a subgraph.', extensions: { code: 'INVALID_REQUEST' } }]);
  }
  const { primary, rest } = node;
  const nodes: PlanNode[] = rest ? [primary, rest] : [primary];
  return {
    compiled,
    key,
    serviceName: primary.serviceName,
    primary: preparePrimary(primary, compiled.apiSchema),
    completion: { kind: 'QueryPlan', node: { kind: 'Sequence', nodes } },
  };
}

async function completeEvent(
  plan: SubscriptionPlan,
  sources: ReadonlyMap<string, GraphQLDataSource>,
  request: SubscriptionRequest,
  event: UpstreamEvent,
): Promise<ExecutionResult> {
  const { compiled, completion, serviceName } = plan;
  const services: ServiceMap = Object.fromEntries(sources);
  const owner = sources.get(serviceName) as GraphQLDataSource;
  let primaryAnswered = false;
  services[serviceName] = {
    async process(options) {
      // The first call is the primary fetch: it stands first in the sequence.
      if (primaryAnswered) return owner.process(options);
      primaryAnswered = true;
      // A copy, because the executor merges into what it gets, and others share this event. By way of JSON, so that an event from this
      // process is exactly what it would be from another.
      return JSON.parse(JSON.stringify({ data: event.result.data, errors: event.result.errors })) as Awaited<ReturnType<GraphQLDataSource['process']>>;
    },
  };
  const context: GatewayContext = { caller: request.caller, deadline: null };
  // The parts of Apollo's request context that executeQueryPlan reads.
  const requestContext = {
    request: { variables: request.variables },
    document: request.document,
    operationName: request.operationName ?? null,
    context,
    metrics: {},
    schema: compiled.apiSchema,
    logger: silent,
  } as unknown as Parameters<typeof executeQueryPlan>[2];
  const operationContext = buildOperationContext({
    schema: compiled.apiSchema,
    operationDocument: request.document,
    operationName: request.operationName ?? undefined,
  });
  return (await executeQueryPlan(completion, services, requestContext, operationContext, compiled.supergraphSchema, compiled.api)) as ExecutionResult;
}

// Failures reach the client as errors of the result; the executor's own lines would only repeat them.
const silent = { debug() {}, info() {}, warn() {}, error() {} };
