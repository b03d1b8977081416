import { type ExecutionResult, parse, validate } from 'graphql';
import { ANONYMOUS } from '../../platform/actor.js';
import type { Caller } from '../../platform/subgraph.js';
import { compose, type TestSubgraph, testSubgraph } from '../testSubgraphs.js';
import { createExecutor } from './execute.js';
import { buildGraph } from './graph.js';
import type { FetchTiming } from './run.js';

const nobody: Caller = { actor: ANONYMOUS, traceId: '', idempotencyKey: null, clientIp: null };

type Source = Record<string, unknown>;
type Resolver = (source: Source, args: Record<string, unknown>) => unknown;
export type SmallResolvers = Record<string, Record<string, Resolver>>;

/** A few tiny subgraphs and an executor over them, for tests of one thing each. */
export function smallGraph(subgraphs: Record<string, { sdl: string; resolvers?: SmallResolvers; link?: string }>) {
  const built = new Map<string, TestSubgraph>();
  for (const [name, { sdl, resolvers = {}, link }] of Object.entries(subgraphs)) built.set(name, testSubgraph(name, sdl, resolvers as never, [], link));
  const executor = createExecutor(buildGraph(compose([...built.values()])));
  const fetches: { service: string; query: string; variables: Record<string, unknown> }[] = [];
  const answers = new Map<string, () => unknown>();
  return {
    executor,
    fetches,
    /** Lets a subgraph answer this, whatever it is asked. */
    answerWith: (service: string, answer: () => unknown) => void answers.set(service, answer),
    async ask(query: string, variables: Record<string, unknown> = {}, onFetch?: (timing: FetchTiming) => void) {
      const document = parse(query);
      const invalid = validate(executor.graph.schema, document);
      if (invalid.length > 0) throw invalid[0];
      const result = await executor.execute({
        document,
        operationName: undefined,
        variables,
        onFetch,
        async fetch(service, request) {
          fetches.push({ service, query: request.query, variables: JSON.parse(request.variablesText ?? '{}') as Source });
          const given = answers.get(service);
          return JSON.parse(JSON.stringify(given ? given() : await built.get(service)?.execute(request, nobody))) as ExecutionResult;
        },
      });
      return JSON.parse(JSON.stringify(result)) as { data: Source | null; errors?: { message: string; path?: (string | number)[]; extensions?: Source }[] };
    },
  };
}
