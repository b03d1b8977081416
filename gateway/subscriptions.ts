import { setMaxListeners } from 'node:events';
import { type DocumentNode, type ExecutionResult, type GraphQLFormattedError, type GraphQLSchema, Kind, parse, print, validate, visit } from 'graphql';
import type { Caller } from '../platform/subgraph.js';
import { isSameForAll } from './audience.js';
import { createDeliveryQueue, OperationEnded, type UpstreamEvent } from './delivery.js';
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

export interface FederatedSubscriptions {
  /** Ends what is no longer valid in a new schema, with a code to subscribe again; all else goes on with the plan that it began with (GW-13b). */
  schemaChanged(schema: GraphQLSchema): void;
  /** Refusals come out of the iterator, as OperationEnded. @throws what the planner throws, for a document that cannot be planned */
  subscribe(request: SubscriptionRequest): AsyncGenerator<ExecutionResult, undefined>;
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
  const completed = new WeakMap<UpstreamEvent, Map<string, Completing>>();
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

  const begin = (plan: SubscriptionPlan, request: SubscriptionRequest, event: UpstreamEvent): Completing => {
    const abort = new AbortController();
    // Each fetch listens to it, and one event may need many at once; Node would take that for a leak.
    setMaxListeners(0, abort.signal);
    return { answer: completeEvent(plan, options, request, event, abort.signal), waiting: 0, abort };
  };

  /**
   * Runs the rest of the plan once per event, however many clients asked the same and may see the same. `leave` is for one who does not wait
   * for it any longer: when none does, what is being fetched for it is given up (EN-06).
   */
  const complete = (plan: SubscriptionPlan, request: SubscriptionRequest, event: UpstreamEvent, sharedBy: string | null) => {
    const known = completed.get(event) ?? new Map<string, Completing>();
    completed.set(event, known);
    const completing = (sharedBy === null ? undefined : known.get(sharedBy)) ?? begin(plan, request, event);
    if (sharedBy !== null) known.set(sharedBy, completing);
    completing.waiting += 1;
    return {
      answer: completing.answer,
      leave() {
        completing.waiting -= 1;
        if (completing.waiting > 0) return;
        if (sharedBy !== null && known.get(sharedBy) === completing) known.delete(sharedBy);
        completing.abort.abort();
      },
    };
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
    subscribe(request) {
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
      let left = false;
      let leaveUpstream = () => {};
      let leaveEvent = () => {};
      const leave = () => {
        running.delete(entry);
        leaveUpstream();
      };
      const entry = {
        document: request.document,
        end(errors: readonly GraphQLFormattedError[]) {
          queue.end(errors);
          leave();
        },
      };
      running.add(entry);
      leaveUpstream = upstreams.watch(
        { link, primary, variables, afterSequence: primary.afterSequenceOf(request.variables), caller: request.caller },
        { principal, together: sharing.upstream },
        {
          next: (event) => {
            if (!queue.push(event)) leave();
          },
          end(errors) {
            running.delete(entry);
            queue.end(errors);
          },
        },
      );

      // Written by hand: an async generator's return() waits for its pending next(), so a client that leaves between two events would
      // hold the upstream open until the next one.
      const iterator: AsyncGenerator<ExecutionResult, undefined> = {
        async next() {
          try {
            const event = await queue.next();
            if (event === null || left) return { value: undefined, done: true };
            const { answer, leave: leaveAnswer } = complete(plan, request, event, sharedBy);
            // Whoever leaves does not wait for it either, though others may: until this is over they would count as still there.
            const value = await new Promise<ExecutionResult | null>((resolve, reject) => {
              leaveEvent = () => {
                leaveAnswer();
                resolve(null);
              };
              answer.then(resolve, reject);
            });
            leaveEvent = () => {};
            return value === null ? { value: undefined, done: true } : { value, done: false };
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
          leaveEvent();
          leaveEvent = () => {};
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

/** The answer to one event while it is put together, for all who wait for it. */
interface Completing {
  answer: Promise<ExecutionResult>;
  waiting: number;
  abort: AbortController;
}

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
