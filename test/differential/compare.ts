import { composeServices } from '@apollo/composition';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { execute, type ExecutionResult, type GraphQLSchema, parse, validate } from 'graphql';
import { AnswerText, createExecutor, type Executor } from '../../gateway/executor/execute.js';
import { buildGraph } from '../../gateway/executor/graph.js';
import { type ModelOptions, modelResolver, type Thing } from './model.js';
import { createRandom } from './random.js';
import { type RandomGraph, randomGraph } from './randomGraph.js';
import { type RandomOperation, randomOperation } from './randomOperation.js';

export interface Difference {
  graphSeed: number;
  operationSeed: number;
  operation: RandomOperation;
  what: string;
  expected: unknown;
  actual: unknown;
}

interface Composed {
  graph: RandomGraph;
  executor: Executor;
  schemas: Map<string, GraphQLSchema>;
}

/** Runs random operations through the executor and through one schema over the same data. @returns null when the graph does not compose */
export async function compareGraph(graphSeed: number, operations: number): Promise<Difference[] | null> {
  const composed = composeRandom(graphSeed);
  if (!composed) return null;
  const differences: Difference[] = [];
  for (let operationSeed = 0; operationSeed < operations; operationSeed += 1) {
    const difference = await compareOperation(composed, operationSeed);
    if (difference) differences.push(difference);
  }
  return differences;
}

export function composeRandom(graphSeed: number): Composed | null {
  const graph = randomGraph(graphSeed);
  const composed = composeServices(graph.subgraphs.map(({ name, sdl }) => ({ name, url: `http://${name}.test`, typeDefs: parse(sdl) })));
  if (composed.errors) return null;
  const schemas = new Map(graph.subgraphs.map(({ name, sdl }) => [name, buildSubgraphSchema({ typeDefs: parse(sdl), resolvers: references() })]));
  return { graph, executor: createExecutor(buildGraph(composed.supergraphSdl as string)), schemas };
}

/** A reference names its entity by `id` or by `sku`. */
function references() {
  const resolver = {
    __resolveReference: async (reference: Record<string, unknown>) => ({
      __typename: reference.__typename,
      key: reference.id ?? String(reference.sku).replace('sku-', ''),
      reference,
    }),
  };
  return Object.fromEntries(['Book', 'User', 'Shop', 'Trip'].map((name) => [name, resolver])) as never;
}

export async function compareOperation({ graph, executor, schemas }: Composed, operationSeed: number): Promise<Difference | null> {
  const random = createRandom(graph.seed * 1_000 + operationSeed);
  const operation = randomOperation(random, executor.graph.schema);
  const errors = random.chance(0.5) ? 0 : 0.08;
  const expectedLog: string[] = [];
  const actualLog: string[] = [];
  const document = parse(operation.query);
  const typeResolver = (value: unknown) => (value as Thing).__typename;
  const answer = async (schema: GraphQLSchema, options: ModelOptions, query = document, variableValues: Record<string, unknown> = operation.variables) =>
    execute({ schema, document: query, variableValues, fieldResolver: modelResolver(graph, options), typeResolver });
  const expected = await answer(executor.graph.schema, { errors, log: expectedLog, whole: true });
  const request = {
    document,
    operationName: undefined,
    variables: operation.variables,
    async fetch(service: string, { query, variables }: { query: string; variables?: Record<string, unknown> }) {
      const schema = schemas.get(service) as GraphQLSchema;
      const asked = parse(query);
      const invalid = validate(schema, asked);
      if (invalid.length > 0) throw new Error(`The subgraph ${service} got an invalid document: ${invalid[0]?.message}\n${query}`);
      return JSON.parse(JSON.stringify(await answer(schema, { errors, log: actualLog, whole: false }, asked, variables))) as ExecutionResult;
    },
  };
  const actual = await executor.execute(request);
  const differs = (what: string, left: unknown, right: unknown): Difference => ({
    graphSeed: graph.seed,
    operationSeed,
    operation,
    what,
    expected: left,
    actual: right,
  });
  if (JSON.stringify(expected.data ?? null) !== JSON.stringify(actual.data ?? null)) return differs('data', plain(expected), plain(actual));
  const [want, got] = [nullPoints(expected), nullPoints(actual)];
  if (JSON.stringify(want) !== JSON.stringify(got))
    return differs('errors', [want, expected.errors?.map(String)], [got, actual.errors?.map((error) => [String(error), error.path])]);
  if (JSON.stringify(expectedLog) !== JSON.stringify(actualLog)) return differs('mutations', expectedLog, actualLog);
  actualLog.length = 0;
  const { data } = await executor.execute({ ...request, asText: true });
  const text = data instanceof AnswerText ? data.text : JSON.stringify(data);
  if (text !== JSON.stringify(actual.data)) return differs('text', actual.data, text);
  return null;
}

/**
 * Where the nulls are that errors gave, sorted: several errors below one null may be reported in part, by graphql-js as by anybody, but each
 * null has one.
 */
function nullPoints({ data, errors }: ExecutionResult): string[] {
  const points = new Set<string>();
  for (const { path = [] } of errors ?? []) {
    let value: unknown = data;
    const walked: (string | number)[] = [];
    for (const part of path) {
      if (value === null || value === undefined) break;
      walked.push(part);
      value = (value as Record<string | number, unknown>)[part];
    }
    points.add(walked.join('.'));
  }
  return [...points].sort();
}

function plain(result: ExecutionResult): unknown {
  return {
    data: JSON.parse(JSON.stringify(result.data ?? null)) as unknown,
    errors: result.errors?.map((error) => `${error.message} ${error.path?.join('.')} ${error.originalError?.stack?.split('\n').slice(0, 3)}`),
  };
}
