import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { Refusal, refusalToGraphQLError } from '../../platform/errors.js';
import { type Data, isData } from './merge.js';
import type { FetchError } from './run.js';
import { possibleTypes } from './selections.js';
import type { FieldShape, ObjectShape } from './shape.js';
import type { Graph } from './graph.js';

type Path = readonly (string | number)[];

/** Errors as the client may place them, and what they explain. */
export interface PlacedErrors {
  errors: GraphQLError[];
  /** Whether one of the errors is the reason why there is a null at this path. */
  isExplained(path: Path): boolean;
}

/** Errors that one operation answers with at most: an error of an entity stands once for every place of it. */
const MAX_ERRORS = 1_000;

/**
 * Gives errors of fetches their paths in the answer: list indices and all, in the client's own names, once for each place where an object
 * stands. An error of something that the client did not select gets the path of the object that it was fetched for.
 */
export function placeErrors(graph: Graph, shape: ObjectShape, runs: readonly { data: Data; errors: readonly FetchError[] }[]): PlacedErrors {
  const placed: GraphQLError[] = [];
  const exact = new Set<string>();
  const above = new Set<string>();
  const explain = (path: Path) => {
    exact.add(JSON.stringify(path));
    for (let length = 0; length < path.length; length += 1) above.add(JSON.stringify(path.slice(0, length)));
  };
  let explainsAll = false;
  for (const { data, failure } of runs.flatMap(({ data, errors }) => errors.map((failure) => ({ data, failure })))) {
    const places = placesOf(data, failure.planPath, new Set(failure.targets));
    const paths = places.flatMap((place) => clientPaths(graph, shape, data, [...place, ...failure.rest]));
    const distinct = [...new Map(paths.map((path) => [JSON.stringify(path), path])).values()];
    for (const path of distinct) explain(path);
    if (failure.planPath.length === 0 && failure.rest.length === 0) explainsAll = true;
    const told = failure.once ? distinct.slice(0, 1) : distinct;
    for (const path of told.length > 0 ? told : [undefined]) if (placed.length < MAX_ERRORS) placed.push(toGraphQLError(failure, path));
  }
  return {
    errors: placed,
    isExplained(path) {
      if (explainsAll || above.has(JSON.stringify(path))) return true;
      for (let length = 1; length <= path.length; length += 1) if (exact.has(JSON.stringify(path.slice(0, length)))) return true;
      return false;
    },
  };
}

/** Every place, in the names of the plan, where one of the objects stands at the end of a plan's path. */
function placesOf(data: Data, planPath: readonly string[], targets: ReadonlySet<unknown>): Path[] {
  const places: Path[] = [];
  const walk = (value: unknown, at: number, place: (string | number)[]) => {
    if (!isData(value) || places.length >= MAX_ERRORS) return;
    if (Array.isArray(value)) {
      // A plan writes `@` for each list, but not at its end.
      const next = planPath[at] === '@' ? at + 1 : at;
      for (let index = 0; index < value.length; index += 1) walk(value[index], next, [...place, index]);
    } else if (at === planPath.length) {
      if (targets.has(value)) places.push(place);
    } else {
      const name = planPath[at] as string;
      walk(value[name], at + 1, [...place, name]);
    }
  };
  walk(data, 0, []);
  return places;
}

/** One path of the data as the client knows it: several when it selects the same under several names. */
function clientPaths(graph: Graph, shape: ObjectShape, data: Data, path: Path): Path[] {
  let found: { path: Path; shape: ObjectShape | null }[] = [{ path: [], shape }];
  let value: unknown = data;
  for (const part of path) {
    if (typeof part === 'number') {
      found = found.map((at) => ({ ...at, path: [...at.path, part] }));
      value = Array.isArray(value) ? value[part] : undefined;
      continue;
    }
    const typename = isData(value) ? value.__typename : undefined;
    const next = found.flatMap((at) =>
      (at.shape ? fieldsNamed(graph, at.shape, part, typename) : []).map(({ responseName, child }) => ({ path: [...at.path, responseName], shape: child })),
    );
    if (next.length === 0) break;
    found = next;
    value = isData(value) ? (value as Data)[part] : undefined;
  }
  return found.map((at) => at.path);
}

function fieldsNamed(graph: Graph, shape: ObjectShape, source: string, typename: unknown): FieldShape[] {
  const known = typeof typename === 'string' ? shape.fieldsFor(typename) : null;
  const fields = known ?? possibleTypes(graph.schema, shape.type).flatMap(({ name }) => shape.fieldsFor(name) ?? []);
  const named = fields.filter((field) => field.source === source && field.name !== '__typename');
  return [...new Map(named.map((field) => [field.responseName, field])).values()];
}

function toGraphQLError({ error, service }: FetchError, path: Path | undefined): GraphQLError {
  const thrown = error instanceof Error && !(error instanceof GraphQLError);
  const given: GraphQLFormattedError | GraphQLError = !thrown
    ? (error as GraphQLFormattedError)
    : error instanceof Refusal
      ? refusalToGraphQLError(error)
      : new GraphQLError('A subgraph failed.');
  return new GraphQLError(given.message || 'A subgraph failed.', {
    path,
    originalError: error instanceof Error ? error : Object.assign(new Error(given.message), { extensions: given.extensions }),
    extensions: { code: 'DOWNSTREAM_SERVICE_ERROR', ...given.extensions, serviceName: service },
  });
}
