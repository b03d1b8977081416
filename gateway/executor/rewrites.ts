import type { FetchDataRewrite } from '@apollo/query-planner';
import type { Graph } from './graph.js';
import { type Data, isData } from './merge.js';

const ON_TYPE = '... on ';

/** Changes data as a plan asks: renames fields that had to be aliased for a subgraph, or sets `__typename` for an interface object. */
export type Rewrite = (value: unknown) => void;

export function compileRewrites(graph: Graph, rewrites: readonly FetchDataRewrite[] | undefined): Rewrite | null {
  if (!rewrites || rewrites.length === 0) return null;
  const compiled = rewrites.map((rewrite) => compileAt(graph, rewrite.path, rewrite));
  return (value) => {
    for (const apply of compiled) apply(value);
  };
}

function compileAt(graph: Graph, path: readonly string[], rewrite: FetchDataRewrite): Rewrite {
  const [first, ...rest] = path;
  if (first === undefined) throw new Error('A rewrite of the plan has no field.');
  if (rest.length === 0) return overObjects((object) => change(object, first, rewrite));
  const next = compileAt(graph, rest, rewrite);
  if (!first.startsWith(ON_TYPE)) return overObjects((object) => next(object[first]));
  const condition = first.slice(ON_TYPE.length);
  return overObjects((object) => {
    const typename = object.__typename;
    // Where the subgraph was not asked for it there is only one type that it can be.
    if (typeof typename !== 'string' || graph.satisfies(typename, condition)) next(object);
  });
}

function change(object: Data, name: string, rewrite: FetchDataRewrite): void {
  if (rewrite.kind === 'ValueSetter') {
    object[name] = rewrite.setValueTo;
    return;
  }
  const value = object[name];
  // Undefined only when there is no such field: `0`, `false`, `''` and null are values like any other.
  if (value === undefined || !Object.hasOwn(object, name)) return;
  object[name] = undefined;
  object[rewrite.renameKeyTo] = value;
}

function overObjects(apply: (object: Data) => void): Rewrite {
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    else if (isData(value)) apply(value);
  };
  return walk;
}
