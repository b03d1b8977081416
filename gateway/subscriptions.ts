import { type DocumentNode, type ExecutionResult, type GraphQLFormattedError, type GraphQLSchema, print, validate } from 'graphql';
import type { Caller } from '../platform/subgraph.js';
import { createDeliveryQueue, OperationEnded, type UpstreamEvent } from './delivery.js';
import type { Executor } from './executor/execute.js';
import type { Prepared } from './executor/prepare.js';
import { fetchOver } from './fetches.js';
import type { SubgraphLink } from './links.js';
import { type PrimaryOperation, preparePrimary } from './primaryOperation.js';
import { createSharedUpstreams } from './sharedUpstreams.js';

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
}

export interface SubscriptionOptions {
  links: ReadonlyMap<string, SubgraphLink>;
  /** Who may share an upstream with whom, as a text; null to share nothing. */
  principalOf(caller: Caller): string | null;
  /** The executor of the supergraph that is served now. */
  executor(): Executor;
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
  const completed = new WeakMap<UpstreamEvent, Map<string, Promise<ExecutionResult>>>();
  // What is planned belongs to the executor that planned it: a subscription keeps both until it ends.
  const primaries = new WeakMap<Prepared, PrimaryOperation>();

  const planFor = (request: SubscriptionRequest): SubscriptionPlan => {
    const executor = options.executor();
    const prepared = executor.prepare(request);
    if (!prepared.primary) {
      throw new OperationEnded([{ message: 'This subscription selects nothing from a subgraph.', extensions: { code: 'INVALID_REQUEST' } }]);
    }
    const primary = primaries.get(prepared) ?? preparePrimary(prepared.primary.node, executor.graph.schema);
    primaries.set(prepared, primary);
    return { executor, prepared, serviceName: prepared.primary.node.serviceName, primary };
  };

  /** Runs the rest of the plan once per event, however many clients asked the same in the name of the same person. */
  const complete = (plan: SubscriptionPlan, request: SubscriptionRequest, event: UpstreamEvent, sharedBy: string | null): Promise<ExecutionResult> => {
    if (sharedBy === null) return completeEvent(plan, links, request, event);
    const known = completed.get(event) ?? new Map<string, Promise<ExecutionResult>>();
    completed.set(event, known);
    const answer = known.get(sharedBy) ?? completeEvent(plan, links, request, event);
    known.set(sharedBy, answer);
    return answer;
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
      const { primary } = plan;
      const link = links.get(plan.serviceName);
      if (!link) throw new Error(`The plan names subgraph ${plan.serviceName}, to which there is no link.`);
      const variables = Object.fromEntries(
        primary.variableNames.filter((name) => request.variables[name] !== undefined).map((name) => [name, request.variables[name]]),
      );
      const principal = principalOf(request.caller);
      const sharedBy = principal === null ? null : JSON.stringify([keyOf(request), request.variables, principal]);
      const queue = createDeliveryQueue(primary.rootField);
      let left = false;
      let leaveUpstream = () => {};
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
        principal,
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

/** What the answer's shape depends on, as a text: equal documents that two clients sent are two objects. */
function keyOf({ document, operationName }: SubscriptionRequest): string {
  let text = texts.get(document);
  if (text === undefined) texts.set(document, (text = print(document)));
  return `${operationName ?? ''}\n${text}`;
}

const texts = new WeakMap<DocumentNode, string>();

function completeEvent(
  { executor, prepared }: SubscriptionPlan,
  links: ReadonlyMap<string, SubgraphLink>,
  { document, operationName, variables, caller }: SubscriptionRequest,
  event: UpstreamEvent,
): Promise<ExecutionResult> {
  const fetch = fetchOver(links, { caller, deadline: null });
  return executor.completeEvent(prepared, { document, operationName, variables, fetch }, event.result);
}
