import { type DocumentNode, execute as executeIntrospection, type ExecutionResult, GraphQLError } from 'graphql';
import { soundErrors } from './answers.js';
import type { CachePolicy } from './cachePolicy.js';
import { complete } from './complete.js';
import { placeErrors } from './errorPaths.js';
import type { Graph } from './graph.js';
import { type Data, isData, merge } from './merge.js';
import { Unanswerable } from './passes.js';
import { createPreparer, InvalidVariables, type MutationField, type Prepared } from './prepare.js';
import { type FetchTiming, type Run, runPlan } from './run.js';

/** The data of an answer, written already. Whoever needs it as an object parses it. */
export class AnswerText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export interface OperationRequest {
  /** Validated against the API schema. */
  document: DocumentNode;
  operationName: string | null | undefined;
  variables: Readonly<Record<string, unknown>>;
  /** By this executor, where that has been done already. */
  prepared?: Prepared;
  fetch: Run['fetch'];
  /** Told of every fetch, once it is done. */
  onFetch?: ((timing: FetchTiming) => void) | null;
  /** Told how long the plan took to find or to make. */
  onPlan?: ((timing: { startedMs: number; durationMs: number }) => void) | null;
  /** The data may come as AnswerText, which is cheaper. */
  asText?: boolean;
  /** Answers in place of `run`, or lets it, when the answer is one that may be kept (GW-30). Of no other operation it is told. */
  keep?: ((policy: CachePolicy, run: () => Promise<ExecutionResult>) => Promise<ExecutionResult>) | null;
}

export interface Executor {
  readonly graph: Graph;
  /** Never rejects: what goes wrong is in the errors of the result. */
  execute(request: OperationRequest): Promise<ExecutionResult>;
  /** @throws InvalidVariables | Unanswerable */
  prepare(request: Pick<OperationRequest, 'document' | 'operationName' | 'variables'>): Prepared;
  /** Plans an operation before anybody runs it. @throws what `prepare` throws */
  prepareAhead(document: DocumentNode, operationName: string | null | undefined): void;
  /** Completes one event of a subscription whose primary fetch gave this result. */
  completeEvent(prepared: Prepared, request: OperationRequest, event: ExecutionResult): Promise<ExecutionResult>;
}

export function createExecutor(graph: Graph): Executor {
  const preparer = createPreparer(graph);
  const prepare: Executor['prepare'] = ({ document, operationName, variables }) => preparer.prepare(document, operationName, variables);
  const isObjectType = (name: unknown): boolean => typeof name === 'string' && graph.isObjectType(name);
  const begin = (request: OperationRequest, data: Data): Run => ({
    graph,
    variables: request.variables,
    data,
    errors: [],
    shared: new Set(),
    fetch: request.fetch,
    onFetch: request.onFetch ?? null,
    asked: new Map(),
    isObjectType,
  });

  const runPrepared = async (prepared: Prepared, request: OperationRequest): Promise<ExecutionResult> => {
    if (prepared.series) {
      const run = begin(request, {});
      await runSeries(run, prepared.series);
      return answer(graph, prepared, request, [run]);
    }
    const runs = prepared.plans.map(() => begin(request, {}));
    if (runs.length === 0) runs.push(begin(request, {}));
    await Promise.all(prepared.plans.map((plan, index) => runPlan(runs[index] as Run, plan)));
    return answer(graph, prepared, request, runs);
  };

  return {
    graph,
    prepare,
    prepareAhead: preparer.prepareAhead,
    async execute(request) {
      try {
        const startedMs = request.onPlan ? performance.now() : 0;
        const prepared = request.prepared ?? prepare(request);
        request.onPlan?.({ startedMs, durationMs: performance.now() - startedMs });
        if (request.keep && prepared.caching) return await request.keep(prepared.caching, () => runPrepared(prepared, request));
        return await runPrepared(prepared, request);
      } catch (error) {
        return refusal(error);
      }
    },
    async completeEvent(prepared, request, event) {
      try {
        const { primary } = prepared;
        if (!primary) throw new Error('Only subscriptions have events.');
        // A copy, because what comes later is merged into it, and others share this event. By way of JSON, so that an event from this
        // process is exactly what it would be from another.
        const data = isData(event.data) ? (JSON.parse(JSON.stringify(event.data)) as Data) : {};
        primary.step.rewriteOutput?.(data);
        const run = begin(request, data);
        for (const error of soundErrors(event.errors)) {
          run.errors.push({ error, service: primary.step.service, planPath: [], targets: [data], rest: error.path ?? [], once: false });
        }
        for (const plan of prepared.plans) await runPlan(run, plan);
        return await answer(graph, prepared, request, [run]);
      } catch (error) {
        return refusal(error);
      }
    },
  };
}

/** Runs the root fields of a mutation one after the other, up to one that turns the whole answer to null: those after it must not run. */
async function runSeries(run: Run, series: readonly MutationField[]): Promise<void> {
  for (const { steps, shape } of series) {
    for (const step of steps) await runPlan(run, step);
    if (complete(shape, run.data, () => true).data === null) return;
  }
}

async function answer(graph: Graph, prepared: Prepared, request: OperationRequest, runs: readonly Run[]): Promise<ExecutionResult> {
  const [first, ...others] = runs as [Run, ...Run[]];
  for (const other of others) {
    merge(first.data, other.data, first.isObjectType);
    for (const object of other.shared) first.shared.add(object);
  }
  for (const step of prepared.late) await runPlan(first, step);
  const failed = runs.some(({ errors }) => errors.length > 0);
  const placed = failed ? placeErrors(graph, prepared.shape, runs) : null;
  if (prepared.introspection) {
    const result = await executeIntrospection({ schema: graph.schema, document: prepared.introspection, variableValues: request.variables });
    if (result.errors) return { errors: result.errors };
    Object.assign(first.data, result.data);
  }
  const errors = placed ? { errors: placed.errors } : {};
  if (request.asText) {
    const text = prepared.writeText(first.data, first.shared);
    if (text !== null) return { ...errors, data: new AnswerText(text) as unknown as Record<string, unknown> };
  }
  const completed = complete(prepared.shape, first.data, placed ? placed.isExplained : () => false);
  const all = [...(placed?.errors ?? []), ...completed.errors];
  return { ...(all.length > 0 && { errors: all }), data: completed.data };
}

function refusal(error: unknown): ExecutionResult {
  if (error instanceof InvalidVariables) return { errors: error.errors };
  if (error instanceof Unanswerable) return { errors: [error], data: null };
  if (error instanceof GraphQLError) return { errors: [error] };
  return { errors: [new GraphQLError('This could not be executed.', { originalError: error as Error })] };
}
