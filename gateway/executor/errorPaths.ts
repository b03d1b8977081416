import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { Refusal, refusalToGraphQLError } from '../../platform/errors.js';
import { MAX_ERRORS } from './complete.js';
import { type Data, isData } from './merge.js';
import type { FetchError } from './run.js';
import { possibleTypes } from './selections.js';
import type { FieldShape, ObjectShape } from './shape.js';
import type { Graph } from './graph.js';

type Path = readonly (string | number)[];

/** Places that are looked up for the errors of one operation. Beyond that they are told without a path: a subgraph could make up errors without end. */
const MAX_PLACED = 50_000;

/** Errors as the client may place them, and what they explain. */
export interface PlacedErrors {
  errors: GraphQLError[];
  /** Whether one of the errors is the reason why there is a null at this path. */
  isExplained(path: Path): boolean;
}

/**
 * Gives errors of fetches their paths in the answer: list indices and all, in the client's own names, once for each place where an object
 * stands. An error of something that the client did not select gets the path of the object that it was fetched for.
 */
export function placeErrors(graph: Graph, shape: ObjectShape, runs: readonly { data: Data; errors: readonly FetchError[] }[]): PlacedErrors {
  const placed: GraphQLError[] = [];
  const explained = createExplained();
  for (const { data, errors } of runs) {
    const pathsOf = createPathFinder(graph, shape, data, errors, explained.add);
    for (const failure of errors) {
      const paths = pathsOf(failure);
      if (paths === null) continue;
      if (failure.planPath.length === 0 && failure.rest.length === 0) explained.all();
      const told = paths.slice(0, failure.once ? 1 : MAX_ERRORS - placed.length);
      if (placed.length < MAX_ERRORS) placed.push(...(told.length > 0 ? told : [undefined]).map((path) => toGraphQLError(failure, path)));
    }
  }
  return { errors: placed, isExplained: explained.has };
}

/** Where nulls have their reasons. */
function createExplained() {
  const exact = new Set<string>();
  const above = new Set<string>();
  let all = false;
  return {
    all() {
      all = true;
    },
    add(path: Path) {
      exact.add(JSON.stringify(path));
      for (let length = path.length - 1; length >= 0; length -= 1) {
        const known = above.size;
        // Where one path has come by, all that is above it is noted already.
        if (above.add(JSON.stringify(path.slice(0, length))).size === known) return;
      }
    },
    has(path: Path): boolean {
      if (all || above.has(JSON.stringify(path))) return true;
      for (let length = 1; length <= path.length; length += 1) if (exact.has(JSON.stringify(path.slice(0, length)))) return true;
      return false;
    },
  };
}

/**
 * The paths of an error; null when the client does not want any of what it is about. What equal lists of objects and equal paths below them led
 * to is looked up once.
 */
function createPathFinder(graph: Graph, shape: ObjectShape, data: Data, errors: readonly FetchError[], found: (path: Path) => void) {
  const placesOf = indexPlaces(data, errors);
  const known = new Map<readonly Data[], Map<string, Path[] | null>>();
  let left = MAX_PLACED;
  return (failure: FetchError): Path[] | null => {
    const below = JSON.stringify(failure.rest);
    const seen = known.get(failure.targets) ?? new Map<string, Path[] | null>();
    known.set(failure.targets, seen);
    const present = seen.get(below);
    if (present !== undefined) return present;
    const places = left > 0 ? placesOf(failure) : [];
    left -= places.length;
    const paths = pathsAt(graph, shape, data, places, failure.rest);
    for (const path of paths ?? []) found(path);
    seen.set(below, paths);
    return paths;
  };
}

/** Paths of the client that objects at these places, or what is below them, have; null when the client does not want any of it. */
function pathsAt(graph: Graph, shape: ObjectShape, data: Data, places: readonly Path[], rest: Path): Path[] | null {
  const found = places.map((place) => clientPaths(graph, shape, data, [...place, ...rest]));
  if (found.length > 0 && found.every((each) => each === null)) return null;
  return [...new Map(found.flatMap((each) => each ?? []).map((path) => [JSON.stringify(path), path])).values()];
}

/**
 * Finds the places of all objects that errors are about, walking the data once for each path of the plan and not once for each error: a subgraph
 * whose every entity fails has as many errors as objects.
 */
function indexPlaces(data: Data, errors: readonly FetchError[]): (failure: FetchError) => Path[] {
  const targets = new Map<string, Set<Data>>();
  const listed = new Set<readonly Data[]>();
  for (const failure of errors) {
    const at = failure.planPath.join(' ');
    const wanted = targets.get(at) ?? new Set();
    targets.set(at, wanted);
    if (listed.has(failure.targets)) continue;
    listed.add(failure.targets);
    for (const target of failure.targets) wanted.add(target);
  }
  const found = new Map<string, Map<Data, Path[]>>();
  return ({ planPath, targets: wanted }) => {
    const at = planPath.join(' ');
    let places = found.get(at);
    if (!places) found.set(at, (places = placesOf(data, planPath, targets.get(at) ?? new Set())));
    const all: Path[] = [];
    for (const target of wanted) {
      for (const place of places.get(target) ?? []) all.push(place);
      if (all.length >= MAX_ERRORS) break;
    }
    return all;
  };
}

/** Every place, in the names of the plan, where one of the objects stands at the end of a plan's path, by object. */
function placesOf(data: Data, planPath: readonly string[], targets: ReadonlySet<unknown>): Map<Data, Path[]> {
  const places = new Map<Data, Path[]>();
  let count = 0;
  const note = (value: Data, place: Path) => {
    if (!targets.has(value)) return;
    count += 1;
    const known = places.get(value);
    if (known) known.push(place);
    else places.set(value, [place]);
  };
  const walk = (value: unknown, at: number, place: (string | number)[]) => {
    if (!isData(value) || count >= MAX_PLACED) return;
    if (Array.isArray(value)) {
      // A plan writes `@` for each list, but not at its end.
      const next = planPath[at] === '@' ? at + 1 : at;
      for (let index = 0; index < value.length; index += 1) walk(value[index], next, [...place, index]);
    } else if (at === planPath.length) {
      note(value, place);
    } else {
      const name = planPath[at] as string;
      walk(value[name], at + 1, [...place, name]);
    }
  };
  walk(data, 0, []);
  return places;
}

/**
 * One path of the data as the client knows it: several when it selects the same under several names. Null when it leads to what the client
 * wants of objects of other types only, and nothing requires: a subgraph that knows an interface as one object had to be asked for it for all.
 */
function clientPaths(graph: Graph, shape: ObjectShape, data: Data, path: Path): Path[] | null {
  let found: { path: Path; shape: ObjectShape | null }[] = [{ path: [], shape }];
  let value: unknown = data;
  for (const [at, part] of path.entries()) {
    if (typeof part === 'number') {
      found = found.map((at) => ({ ...at, path: [...at.path, part] }));
      value = Array.isArray(value) ? value[part] : undefined;
      continue;
    }
    const typename = isData(value) ? value.__typename : undefined;
    const next = found.flatMap((at) =>
      (at.shape ? fieldsNamed(graph, at.shape, part, typename) : []).map(({ responseName, child }) => ({ path: [...at.path, responseName], shape: child })),
    );
    if (next.length === 0) {
      return isForOthers(graph, shape, path.slice(0, at + 1)) ? null : found.map((each) => each.path);
    }
    found = next;
    value = isData(value) ? (value as Data)[part] : undefined;
  }
  return found.map((at) => at.path);
}

/** Whether the client wants what is at the end of a path, if only it stood below objects of other types; and nothing can have required it. */
function isForOthers(graph: Graph, shape: ObjectShape, path: Path): boolean {
  let shapes: ReadonlySet<ObjectShape> = new Set([shape]);
  const names = path.filter((part) => typeof part === 'string');
  const source = names.pop() ?? '';
  for (const name of names) shapes = new Set([...shapes].flatMap((each) => fieldsOfAnyType(graph, each, name).flatMap(({ child }) => child ?? [])));
  const fields = [...shapes].flatMap((each) => fieldsOfAnyType(graph, each, source));
  return fields.length > 0 && fields.every(({ name }) => !graph.requiredFields.has(name));
}

const anyFields = new WeakMap<ObjectShape, Map<string, readonly FieldShape[]>>();

function fieldsOfAnyType(graph: Graph, shape: ObjectShape, source: string): readonly FieldShape[] {
  const known = anyFields.get(shape) ?? new Map<string, readonly FieldShape[]>();
  anyFields.set(shape, known);
  const present = known.get(source);
  if (present) return present;
  const fields = possibleTypes(graph.schema, shape.type)
    .flatMap(({ name }) => shape.fieldsFor(name) ?? [])
    .filter((field) => field.source === source && field.name !== '__typename');
  // Names that a subgraph made up find nothing, and are not kept.
  if (fields.length > 0 && known.size < MAX_NAMES) known.set(source, fields);
  return fields;
}

/** Fields that a shape was asked for, by source and type name. */
const MAX_NAMES = 500;
const namedFields = new WeakMap<ObjectShape, Map<string, readonly FieldShape[]>>();

function fieldsNamed(graph: Graph, shape: ObjectShape, source: string, typename: unknown): readonly FieldShape[] {
  const known = namedFields.get(shape) ?? new Map<string, readonly FieldShape[]>();
  namedFields.set(shape, known);
  const key = `${source} ${String(typename)}`;
  const fields = known.get(key) ?? findFields(graph, shape, source, typename);
  // Names that a subgraph made up find nothing, and are not kept.
  if (fields.length > 0 && known.size < MAX_NAMES) known.set(key, fields);
  return fields;
}

function findFields(graph: Graph, shape: ObjectShape, source: string, typename: unknown): readonly FieldShape[] {
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
    // What concerns the whole answer has no path.
    path: path?.length ? path : undefined,
    originalError: error instanceof Error ? error : Object.assign(new Error(given.message), { extensions: given.extensions }),
    extensions: { code: 'DOWNSTREAM_SERVICE_ERROR', ...given.extensions, serviceName: service },
  });
}
