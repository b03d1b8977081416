import { Kind, type OperationDefinitionNode, parse } from 'graphql';
import type { Graph } from './graph.js';
import { type Data, isData } from './merge.js';

/** A part of what an entity is asked for with: the planner's own, or ours, which may stand in the data under another name. */
export type RepresentationPart =
  | { kind: 'Field'; name: string; alias?: string; from?: string; selections?: readonly RepresentationPart[] }
  | { kind: 'InlineFragment'; typeCondition?: string; selections: readonly RepresentationPart[] };

/** What a subgraph has to be told about an entity, or undefined when it is not known: then the subgraph cannot be asked. */
export type Represent = (entity: Data) => Data | undefined;

export function compileRepresentation(graph: Graph, service: string, selections: readonly RepresentationPart[]): Represent {
  const select = compileSelections(graph, selections);
  const isKeyed = keyedTypes(graph, service, selections);
  return (entity) => {
    const representation = {};
    if (typeof entity.__typename === 'string' && !isKeyed(entity.__typename)) return undefined;
    return select(entity, representation) && '__typename' in representation ? representation : undefined;
  };
}

/** What a subgraph has to be told about an entity as JSON, or undefined when it is not known. */
export type RepresentText = (entity: Data) => string | undefined;

/**
 * The same as text straight away, without an object in between; null when a part of it is more than a leaf. Which fields it has depends on
 * the type of the entity and nothing else.
 */
export function compileRepresentationText(graph: Graph, service: string, selections: readonly RepresentationPart[]): RepresentText | null {
  const isFlat = (parts: readonly RepresentationPart[]): boolean =>
    parts.every((part) => (part.kind === 'InlineFragment' ? isFlat(part.selections) : !part.selections || part.selections.length === 0));
  if (!isFlat(selections)) return null;
  const isKeyed = keyedTypes(graph, service, selections);
  const byType = new Map<string, RepresentText>();
  return (entity) => {
    const typename = entity.__typename;
    if (typeof typename !== 'string') return undefined;
    let represent = byType.get(typename);
    if (!represent) {
      represent = isKeyed(typename) ? fieldsText(leavesFor(graph, selections, typename)) : () => undefined;
      // A subgraph could invent names without end.
      if (byType.size < MAX_TYPES) byType.set(typename, represent);
    }
    return represent(entity);
  };
}

/**
 * Tells of which types what is selected has one of the keys that the subgraph finds its entities by. The planner merges what it asks for objects of one type
 * into what it asks for those of their interface; of the other types there is then a required field without a key, and a subgraph that is told no more than
 * that would make up an entity.
 */
export function keyedTypes(graph: Graph, service: string, selections: readonly RepresentationPart[]): (typename: string) => boolean {
  const known = new Map<string, boolean>();
  const find = (typename: string): boolean => {
    const fields = new Set<string>();
    const names = new Set([typename]);
    const collect = (parts: readonly RepresentationPart[]) => {
      for (const part of parts) {
        if (part.kind === 'Field') fields.add(part.name);
        else if (part.typeCondition === undefined || graph.satisfies(typename, part.typeCondition)) {
          if (part.typeCondition !== undefined) names.add(part.typeCondition);
          collect(part.selections);
        }
      }
    };
    collect(selections);
    const keys = [...names].flatMap((name) => graph.keys.get(`${name} ${service}`) ?? []);
    return keys.length === 0 || keys.some((key) => topOf(key).every((field) => fields.has(field)));
  };
  return (typename) => {
    let isKeyed = known.get(typename);
    if (isKeyed === undefined) {
      isKeyed = find(typename);
      if (known.size < MAX_TYPES) known.set(typename, isKeyed);
    }
    return isKeyed;
  };
}

/** Names of the fields at the top of a key. */
function topOf(key: string): string[] {
  const { definitions } = parse(`{ ${key} }`, { noLocation: true });
  const [set] = definitions as OperationDefinitionNode[];
  return (set?.selectionSet.selections ?? []).flatMap((selection) => (selection.kind === Kind.FIELD ? [selection.name.value] : []));
}

/** Types of entities that one fetch is compiled for. */
const MAX_TYPES = 200;

function leavesFor(graph: Graph, selections: readonly RepresentationPart[], typename: string): Map<string, string> {
  const leaves = new Map<string, string>();
  for (const part of selections) {
    if (part.kind === 'Field') leaves.set(part.alias ?? part.name, part.from ?? part.alias ?? part.name);
    else if (part.typeCondition === undefined || graph.satisfies(typename, part.typeCondition)) {
      for (const [key, source] of leavesFor(graph, part.selections, typename)) leaves.set(key, source);
    }
  }
  return leaves;
}

function fieldsText(leaves: ReadonlyMap<string, string>): RepresentText {
  const parts = [...leaves].map(([key, source], index) => ({ key: `${index === 0 ? '{' : ','}${JSON.stringify(key)}:`, source }));
  if (!leaves.has('__typename')) return () => undefined;
  return (entity) => {
    let text = '';
    for (const { key, source } of parts) {
      const value = entity[source];
      if (value === undefined) return undefined;
      text += key + (typeof value === 'number' && Number.isFinite(value) ? value : JSON.stringify(value));
    }
    return `${text}}`;
  };
}

/** Copies what is selected; false when a part of it is missing. */
type Select = (from: Data, to: Data) => boolean;

function compileSelections(graph: Graph, selections: readonly RepresentationPart[]): Select {
  const parts = selections.map((selection) => (selection.kind === 'Field' ? compileField(graph, selection) : compileFragment(graph, selection)));
  const only = parts[0];
  if (parts.length === 1 && only) return only;
  return (from, to) => {
    for (const part of parts) if (!part(from, to)) return false;
    return true;
  };
}

function compileFragment(graph: Graph, { typeCondition, selections }: Extract<RepresentationPart, { kind: 'InlineFragment' }>): Select {
  const select = compileSelections(graph, selections);
  if (typeCondition === undefined) return select;
  return (from, to) => {
    const typename = from.__typename;
    return typeof typename !== 'string' || !graph.satisfies(typename, typeCondition) || select(from, to);
  };
}

function compileField(graph: Graph, { name, alias, from: source, selections }: Extract<RepresentationPart, { kind: 'Field' }>): Select {
  const key = alias ?? name;
  const place = source ?? key;
  const select = selections && selections.length > 0 ? compileSelections(graph, selections) : null;
  return (from, to) => {
    const value = from[place];
    if (value === undefined) return false;
    if (select === null) {
      to[key] = value;
      return true;
    }
    const copied = copy(value, select, to[key]);
    to[key] = copied;
    return copied !== undefined;
  };
}

/** At any depth of lists. What a fragment before this one has copied already is kept. */
function copy(value: unknown, select: Select, known: unknown): unknown {
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (let index = 0; index < value.length; index += 1) {
      const item = copy(value[index], select, Array.isArray(known) ? known[index] : undefined);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
  if (!isData(value)) return null;
  const to: Data = isData(known) ? known : {};
  return select(value, to) ? to : undefined;
}
