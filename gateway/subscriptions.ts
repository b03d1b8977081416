import { type DocumentNode, type ExecutionResult, type GraphQLFormattedError, type GraphQLSchema, Kind, parse, print, validate, visit } from 'graphql';
import type { Caller } from '../platform/subgraph.js';
import { isSameForAll } from './audience.js';
import { createDeliveryQueue, OperationEnded, type UpstreamEvent } from './delivery.js';
import { createEventAnswers } from './eventAnswers.js';
import type { Executor, OperationRequest } from './executor/execute.js';
import type { Prepared } from './executor/prepare.js';
import { fetchOver } from './fetches.js';
import type { SubgraphLink } from './links.js';
import { type PrimaryOperation, preparePrimary } from './primaryOperation.js';
import { createSharedUpstreams } from './sharedUpstreams.js';
import type { Tracing } from './tracing.js';

export interface SubscriptionRequest {
  /** Validated against the API schema, variables too. */
  document: DocumentNode;
  operationName: string | null | undefined;
  variables: Record<string, unknown>;
  caller: Caller;
}

/**
 * Whom the answers of one subscription are handed to. Not an async iterator: each step of one is several promises, and with hundreds of watchers of one
 * trip those cost more than writing to their sockets.
 */
export interface Subscriber {
  /** The next answer. None follows until `taken` has been called, which may be done at once. */
  next(answer: ExecutionResult, taken: () => void): void;
  /** It failed, and nothing more comes. */
  error(error: unknown): void;
  /** Nothing more comes. */
  complete(): void;
}

export interface FederatedSubscriptions {
  /** Ends what is no longer valid in a new schema, with a code to subscribe again; all else goes on with the plan that it began with (GW-13b). */
  schemaChanged(schema: GraphQLSchema): void;
  /** Refusals come as OperationEnded. @returns what ends it. @throws what the planner throws, for a document that cannot be planned */
  subscribe(request: SubscriptionRequest, subscriber: Subscriber): () => void;
  /** Plans a subscription that nobody asks for yet. @throws what the planner throws */
  planAhead(document: DocumentNode): void;
  /** Subscriptions open to subgraphs right now. */
  upstreamCount(): number;
  close(): void;
}

const SCHEMA_CHANGED: GraphQLFormattedError = {
  message: 'The graph has changed, and this subscription is not valid in it any more. Load the new schema and subscribe again.',
  extensions: { code: 'SCHEMA_CHANGED', retryAfter: 1 },
};

interface SubscriptionPlan {
  executor: Executor;
  prepared: Prepared;
  serviceName: string;
  primary: PrimaryOperation;
  sharing: Sharing;
}

/** What people who may watch the same can have in common (GW-11). */
interface Sharing {
  /** The subgraph's events: whoever it lets in gets the same ones. */
  upstream: boolean;
  /** What is joined to them too: one resolution serves everybody. */
  answer: boolean;
  /** The variable that says only where to begin, so that no answer depends on it; null when there is none or it says more. */
  startVariable: string | null;
}

export interface SubscriptionOptions {
  links: ReadonlyMap<string, SubgraphLink>;
  /** Who may share an upstream with whom, as a text; null to share nothing. */
  principalOf(caller: Caller): string | null;
  /** The executor of the supergraph that is served now. */
  executor(): Executor;
  /** Spans of what each event fetches; null for none. */
  tracing: Tracing | null;
}

/**
 * Federated subscriptions (GW-10), which Apollo's gateway plans but does not run. The plan's primary fetch is subscribed to at the owning
 * subgraph; for each event the executor of queries runs the rest of the plan. So aliases, fragments, conditions, `@requires` and null
 * propagation behave as they do in queries.
 */
export function createSubscriptions(options: SubscriptionOptions): FederatedSubscriptions {
  const { links, principalOf } = options;
  const upstreams = createSharedUpstreams();
  const running = new Set<{ document: DocumentNode; end(errors: readonly GraphQLFormattedError[]): void }>();
  const answers = createEventAnswers();
  // What is planned belongs to the executor that planned it: a subscription keeps both until it ends.
  const primaries = new WeakMap<Prepared, { primary: PrimaryOperation; sharing: Sharing }>();

  const planFor = (request: SubscriptionRequest): SubscriptionPlan => {
    const executor = options.executor();
    const prepared = executor.prepare(request);
    if (!prepared.primary) {
      throw new OperationEnded([{ message: 'This subscription selects nothing from a subgraph.', extensions: { code: 'INVALID_REQUEST' } }]);
    }
    let known = primaries.get(prepared);
    if (!known) {
      const primary = preparePrimary(prepared.primary.node, executor.graph.schema);
      known = { primary, sharing: sharingOf(executor, request, primary) };
      primaries.set(prepared, known);
    }
    return { executor, prepared, serviceName: prepared.primary.node.serviceName, ...known };
  };

  return {
    schemaChanged(schema) {
      const valid = new Map<DocumentNode, boolean>();
      for (const entry of [...running]) {
        const known = valid.get(entry.document) ?? validate(schema, entry.document).length === 0;
        valid.set(entry.document, known);
        if (!known) entry.end([SCHEMA_CHANGED]);
      }
    },
    subscribe(request, subscriber) {
      const plan = planFor(request);
      const { primary, sharing } = plan;
      const link = links.get(plan.serviceName);
      if (!link) throw new Error(`The plan names subgraph ${plan.serviceName}, to which there is no link.`);
      const variables = Object.fromEntries(
        primary.variableNames.filter((name) => request.variables[name] !== undefined).map((name) => [name, request.variables[name]]),
      );
      const principal = principalOf(request.caller);
      const sharedBy = principal === null ? null : JSON.stringify([keyOf(request), answerVariables(request, sharing), sharing.answer ? null : principal]);
      const queue = createDeliveryQueue(primary.rootField);
      let isOver = false;
      let leaveUpstream = () => {};
      let leaveAnswer = () => {};
      const leave = () => {
        running.delete(entry);
        leaveUpstream();
      };
      const entry = {
        document: request.document,
        end(errors: readonly GraphQLFormattedError[]) {
          queue.end(errors);
          leave();
          deliver();
        },
      };
      // An answer is being put together, or on its way to the client; and whether this is somewhere below in the stack.
      let isBusy = false;
      let isDelivering = false;
      const taken = () => {
        isBusy = false;
        deliver();
      };
      const asked = {
        answered(result: ExecutionResult) {
          if (isOver) return;
          try {
            subscriber.next(result, taken);
          } catch (error) {
            asked.failed(error);
          }
        },
        failed(error: unknown) {
          if (isOver) return;
          isOver = true;
          leave();
          subscriber.error(error);
        },
      };
      const resolve = (event: UpstreamEvent) => (signal: AbortSignal) => completeEvent(plan, options, request, event, signal);
      const deliver = () => {
        if (isDelivering) return;
        isDelivering = true;
        while (!isBusy && !isOver) {
          const event = queue.take();
          if (event) {
            isBusy = true;
            leaveAnswer = answers.answer(event, sharedBy, resolve(event), asked);
            continue;
          }
          const ending = queue.ending();
          if (!ending) break;
          isOver = true;
          if (ending.errors) subscriber.error(new OperationEnded(ending.errors));
          else subscriber.complete();
        }
        isDelivering = false;
      };
      running.add(entry);
      leaveUpstream = upstreams.watch(
        { link, primary, variables, afterSequence: primary.afterSequenceOf(request.variables), caller: request.caller },
        { principal, together: sharing.upstream },
        {
          next(event) {
            if (!queue.push(event)) leave();
            deliver();
          },
          end(errors) {
            running.delete(entry);
            queue.end(errors);
            deliver();
          },
        },
      );
      return () => {
        if (isOver) return;
        isOver = true;
        leave();
        // Whoever leaves does not wait for the answer either, though others may.
        leaveAnswer();
      };
    },
    planAhead: (document) => options.executor().prepareAhead(document, null),
    upstreamCount: upstreams.count,
    close: upstreams.closeAll,
  };
}

/** Numbered events only: whoever joins a stream that others watch has to be brought level with it. */
function sharingOf({ graph }: Executor, { document, operationName }: SubscriptionRequest, primary: PrimaryOperation): Sharing {
  const { schema } = graph.planner.supergraph;
  const upstream = primary.resumable && isSameForAll(schema, parse(primary.query, { noLocation: true }), primary.operationName);
  return { upstream, answer: upstream && isSameForAll(schema, document, operationName), startVariable: startVariableOf(document, primary) };
}

/** Its one use besides its definition has to be the argument itself. */
function startVariableOf(document: DocumentNode, primary: PrimaryOperation): string | null {
  const uses = new Map<string, number>();
  let start: string | null = null;
  visit(document, {
    VariableDefinition: () => false,
    Variable: ({ name }) => void uses.set(name.value, (uses.get(name.value) ?? 0) + 1),
    Argument({ name, value }) {
      if (primary.resumable && name.value === 'afterSequence' && value.kind === Kind.VARIABLE) start = value.name.value;
    },
  });
  return start !== null && uses.get(start) === 1 ? start : null;
}

function answerVariables({ variables }: SubscriptionRequest, { startVariable }: Sharing): Record<string, unknown> {
  if (startVariable === null) return variables;
  const { [startVariable]: _start, ...rest } = variables;
  return rest;
}

/** What the answer's shape depends on, as a text: equal documents that two clients sent are two objects. */
function keyOf({ document, operationName }: SubscriptionRequest): string {
  let text = texts.get(document);
  if (text === undefined) texts.set(document, (text = print(document)));
  return `${operationName ?? ''}\n${text}`;
}

const texts = new WeakMap<DocumentNode, string>();

function completeEvent(
  { executor, prepared }: SubscriptionPlan,
  { links, tracing }: SubscriptionOptions,
  { document, operationName, variables, caller }: SubscriptionRequest,
  event: UpstreamEvent,
  signal: AbortSignal,
): Promise<ExecutionResult> {
  const request = { document, operationName, variables, fetch: fetchOver(links, caller, signal, { mustBeFresh: true }) };
  if (!tracing || prepared.plans.length === 0) return executor.completeEvent(prepared, request, event.result);
  const run = (traced: Pick<OperationRequest, 'fetch'>) => executor.completeEvent(prepared, { ...request, fetch: traced.fetch }, event.result);
  return tracing.operation(request, { caller, deadline: null }, run, (spanId) => fetchOver(links, { ...caller, spanId }, signal, { mustBeFresh: true }));
}
