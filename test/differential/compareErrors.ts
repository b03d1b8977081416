import type { ExecutionResult } from 'graphql';
import type { RandomGraph } from './randomGraph.js';

interface Told {
  path: readonly (string | number)[];
  /** The code of an error of the model; none for a null that may not be there, which subgraph and gateway code differently. */
  code: string;
}

/**
 * Compares errors by path and code. Where an error turned just its own field to null, both have to tell exactly that. Where it went up, several
 * errors below one null may be told in part, by graphql-js as by anybody; then each null has one, and none is told otherwise than the other tells it.
 * @returns what differs, or null
 */
export function differenceOfErrors(graph: RandomGraph, expected: ExecutionResult, actual: ExecutionResult): unknown {
  const [want, got] = [byNull(expected), byNull(actual)];
  for (const [point, told] of got) {
    // Of what was required and not selected the client is told at the object that required it.
    if (!want.has(point) && told.every(({ error }) => isOfARequirement(graph, actual, error))) got.delete(point);
  }
  const places = (all: Map<string, unknown>) => [...all.keys()].sort();
  if (JSON.stringify(places(want)) !== JSON.stringify(places(got))) return { want: places(want), got: places(got) };
  for (const [point, wanted] of want) {
    const given = got.get(point) ?? [];
    const exact = (all: typeof wanted) =>
      [...new Set(all.filter(({ told }) => told.path.join('.') === point).map(({ told }) => `${point} ${told.code}`))].sort();
    const isBubbled = exact(wanted).length === 0;
    if (!isBubbled && JSON.stringify(exact(wanted)) !== JSON.stringify(exact(given))) return { want: exact(wanted), got: exact(given) };
    const codes = new Map(wanted.map(({ told }) => [told.path.join('.'), told.code]));
    const other = given.find(({ told }) => (codes.get(told.path.join('.')) ?? told.code) !== told.code);
    if (other) return { want: codes.get(other.told.path.join('.')), got: other.told };
  }
  return null;
}

/** Errors by the null that they explain, in the names of the answer. */
function byNull({ data, errors }: ExecutionResult): Map<string, { told: Told; error: NonNullable<ExecutionResult['errors']>[number] }[]> {
  const points = new Map<string, { told: Told; error: NonNullable<ExecutionResult['errors']>[number] }[]>();
  for (const error of errors ?? []) {
    const path = error.path ?? [];
    const point = reachable(data, path).join('.');
    const code = error.extensions?.code === 'FAILED' ? 'FAILED' : 'NULL';
    points.set(point, [...(points.get(point) ?? []), { told: { path, code }, error }]);
  }
  return points;
}

/** The path as far as there is something in the data. */
function reachable(data: unknown, path: readonly (string | number)[]): (string | number)[] {
  let value = data;
  const walked: (string | number)[] = [];
  for (const part of path) {
    if (value === null || value === undefined) break;
    walked.push(part);
    value = (value as Record<string | number, unknown>)[part];
  }
  return walked;
}

function isOfARequirement(graph: RandomGraph, { data }: ExecutionResult, { path = [], extensions }: NonNullable<ExecutionResult['errors']>[number]): boolean {
  let value: unknown = data;
  for (const part of path) value = (value as Record<string | number, unknown> | null | undefined)?.[part];
  return typeof value === 'object' && value !== null && graph.fallible.has(String(extensions?.place));
}
