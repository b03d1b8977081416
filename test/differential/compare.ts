import { composeServices } from '@apollo/composition';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { execute, type ExecutionResult, type GraphQLSchema, parse, validate } from 'graphql';
import { AnswerText, createExecutor, type Executor } from '../../gateway/executor/execute.js';
import { buildGraph } from '../../gateway/executor/graph.js';
import { differenceOfErrors } from './compareErrors.js';
import { isGone, type ModelOptions, modelResolver, type Thing } from './model.js';
import { createRandom } from './random.js';
import { type RandomGraph, randomGraph } from './randomGraph.js';
import { ENTITIES } from './randomParts.js';
import { type RandomOperation, randomOperation } from './randomOperation.js';

export interface Difference {
  graphSeed: number;
  operationSeed: number;
  operation: RandomOperation;
  what: string;
  expected: unknown;
  actual: unknown;
}

/** What came of one graph. */
export interface Compared {
  differences: Difference[];
  /** Operations that could not be made up, and so compared nothing. */
  fallbacks: number;
}

export interface Composed {
  graph: RandomGraph;
  executor: Executor;
  supergraphSdl: string;
  /** What a subgraph answers, as JSON. @throws Error when it is asked for something that it does not have */
  askSubgraph(name: string, query: string, variables: Record<string, unknown> | undefined, state: State): Promise<ExecutionResult>;
}

/** What the model does while one operation runs. */
export interface State {
  errors: number;
  log: string[];
  /** A subgraph that does not answer. */
  down: string | null;
}

/** Runs an operation through what is to be compared. */
export type Run = (operation: RandomOperation, state: State) => Promise<ExecutionResult>;

/** Runs random operations through the executor and through one schema over the same data. @returns null when the graph does not compose */
export async function compareGraph(graphSeed: number, operations: number): Promise<Compared | null> {
  const composed = composeRandom(graphSeed);
  return composed && compareWith(composed, operations, throughExecutor(composed, false));
}

/** Compares with another way to run operations. */
export async function compareWith(composed: Composed, operations: number, run: Run): Promise<Compared> {
  const compared: Compared = { differences: [], fallbacks: 0 };
  for (let operationSeed = 0; operationSeed < operations; operationSeed += 1) {
    const { difference, isFallback } = await compareOperation(composed, operationSeed, run);
    if (difference) compared.differences.push(difference);
    if (isFallback) compared.fallbacks += 1;
  }
  return compared;
}

export function composeRandom(graphSeed: number, urlOf: (name: string) => string = (name) => `http://${name}.test`): Composed | null {
  const graph = randomGraph(graphSeed);
  const composed = composeServices(graph.subgraphs.map(({ name, sdl }) => ({ name, url: urlOf(name), typeDefs: parse(sdl) })));
  if (composed.errors) return null;
  const schemas = new Map(
    graph.subgraphs.map(({ name, sdl }) => [name, buildSubgraphSchema({ typeDefs: parse(sdl), resolvers: references(graph, name, sdl) })]),
  );
  const supergraphSdl = composed.supergraphSdl as string;
  return {
    graph,
    supergraphSdl,
    executor: createExecutor(buildGraph(supergraphSdl)),
    async askSubgraph(name, query, variables, { errors, log, down }) {
      if (name === down) throw new Error(`${name} is down.`);
      const schema = schemas.get(name) as GraphQLSchema;
      const document = parse(query);
      const invalid = validate(schema, document);
      if (invalid.length > 0) throw new Error(`The subgraph ${name} got an invalid document: ${invalid[0]?.message}\n${query}`);
      const fieldResolver = modelResolver(graph, { errors, log, subgraph: name });
      return JSON.parse(JSON.stringify(await execute({ schema, document, variableValues: variables, fieldResolver, typeResolver }))) as ExecutionResult;
    },
  };
}

const typeResolver = (value: unknown) => (value as Thing).__typename;

/** A reference names its entity by one of its keys; one to an interface does not say which of its types it is of. Some things are not found. */
function references(graph: RandomGraph, subgraph: string, sdl: string) {
  const keyOf = ({ id, sku, ref, org }: Record<string, unknown>): string =>
    String(id ?? sku ?? ref ?? (org as { oid?: unknown } | undefined)?.oid).replace(/^(sku|ref|oid)-/, '');
  const resolver = {
    __resolveReference: async (reference: Record<string, unknown>) => {
      const found = { __typename: reference.__typename, key: keyOf(reference), reference };
      return isGone(graph, String(reference.__typename), found.key, subgraph) ? null : found;
    },
  };
  const interfaceResolver = {
    __resolveType: ({ key }: Thing) => key.replace(/\d+$/, ''),
    __resolveReference: async (reference: Record<string, unknown>) => ({ __typename: keyOf(reference).replace(/\d+$/, ''), key: keyOf(reference), reference }),
  };
  const resolvers = Object.fromEntries(ENTITIES.map((name) => [name, resolver]));
  return { ...resolvers, Media: sdl.includes('interface Media') ? interfaceResolver : resolver } as never;
}

/** Straight through the executor, whose answer is an object or text. */
export function throughExecutor({ executor, askSubgraph }: Composed, asText: boolean): Run {
  return ({ query, variables }, state) =>
    executor.execute({
      document: parse(query),
      operationName: undefined,
      variables,
      asText,
      fetch: (service, request) => askSubgraph(service, request.query, request.variables, state),
    });
}

export async function compareOperation(composed: Composed, operationSeed: number, run: Run): Promise<{ difference: Difference | null; isFallback: boolean }> {
  const { graph, executor } = composed;
  const random = createRandom(graph.seed * 1_000 + operationSeed);
  const operation = randomOperation(random, executor.graph.schema);
  const errors = random.chance(0.5) ? 0 : 0.08;
  const differs = (what: string, expected: unknown, actual: unknown) => ({
    difference: { graphSeed: graph.seed, operationSeed, operation, what, expected, actual },
    isFallback: operation.isFallback,
  });
  const merged = async (options: ModelOptions) =>
    execute({
      schema: executor.graph.schema,
      document: parse(operation.query),
      variableValues: operation.variables,
      fieldResolver: modelResolver(graph, options),
      typeResolver,
    });

  const [expectedLog, actualLog]: [string[], string[]] = [[], []];
  const expected = await merged({ errors, log: expectedLog, subgraph: null });
  const actual = await run(operation, { errors, log: actualLog, down: null });
  if (JSON.stringify(expected.data ?? null) !== JSON.stringify(actual.data ?? null)) return differs('data', plain(expected), plain(actual));
  const wrongErrors = differenceOfErrors(graph, expected, actual);
  if (wrongErrors) return differs('errors', [wrongErrors, plain(expected)], plain(actual));
  if (JSON.stringify(expectedLog) !== JSON.stringify(actualLog)) return differs('mutations', expectedLog, actualLog);

  const { data } = await throughExecutor(composed, true)(operation, { errors, log: [], down: null });
  const text = data instanceof AnswerText ? data.text : JSON.stringify(data);
  if (text !== JSON.stringify(actual.data)) return differs('text', actual.data, text);

  if (errors === 0 && operation.query.startsWith('query')) {
    const down = random.pick(graph.subgraphs).name;
    const partial = await run(operation, { errors, log: [], down });
    const wrong = wrongInPart(expected.data, partial.data, partial.errors !== undefined);
    if (wrong) return differs(`without ${down}, ${wrong}`, plain(expected), plain(partial));
  }
  return { difference: null, isFallback: operation.isFallback };
}

/** What is there while a subgraph is not has to be right; what is missing is null, and there is an error that says so. */
function wrongInPart(expected: unknown, actual: unknown, isTold: boolean, path = ''): string | null {
  if (actual === null && expected !== null) return isTold ? null : `null at ${path} without any error`;
  if (Array.isArray(expected) || Array.isArray(actual)) {
    if (!Array.isArray(expected) || !Array.isArray(actual) || expected.length !== actual.length) return `another list at ${path}`;
    return expected.map((item, index) => wrongInPart(item, actual[index], isTold, `${path}.${index}`)).find((wrong) => wrong !== null) ?? null;
  }
  if (typeof expected !== 'object' || expected === null) return expected === actual ? null : `another value at ${path}`;
  if (typeof actual !== 'object' || actual === null) return `no object at ${path}`;
  const [left, right] = [expected as Record<string, unknown>, actual as Record<string, unknown>];
  if (Object.keys(left).join() !== Object.keys(right).join()) return `other fields at ${path}`;
  return (
    Object.keys(left)
      .map((name) => wrongInPart(left[name], right[name], isTold, `${path}.${name}`))
      .find((wrong) => wrong !== null) ?? null
  );
}

function plain(result: ExecutionResult): unknown {
  return {
    data: JSON.parse(JSON.stringify(result.data ?? null)) as unknown,
    errors: result.errors?.map(
      (error) => `${error.message} ${error.path?.join('.')} ${error.extensions?.code} ${error.originalError?.stack?.split('\n').slice(0, 3)}`,
    ),
  };
}
