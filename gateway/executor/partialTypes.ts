import { isAbstractType, isInterfaceType, isObjectType, type ObjectType, type Subgraph } from '@apollo/federation-internals';
import type { FetchDataRewrite, FetchNode, QueryPlan } from '@apollo/query-planner';
import {
  type DocumentNode,
  type FieldNode,
  type InlineFragmentNode,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  type SelectionSetNode,
  visit,
} from 'graphql';
import { membersOf } from './abstractTypes.js';
import type { Graph } from './graph.js';
import { couldBe, fetchesOf, type GivenFields, givenBy, operationOf, renamesOf } from './planCheck.js';

/**
 * Adds to the fetches of a plan what the planner leaves out: of a shareable field it asks only for the types that all of its subgraphs know,
 * because the others should never come. When one comes all the same, its fields would be null without any error; so the subgraph that gives
 * the object is asked for those of them that it has itself.
 */
export function askForPartialTypes(graph: Graph, document: DocumentNode, node: QueryPlan['node']): void {
  if (graph.partialTypes.size === 0) return;
  const operation = operationOf(document);
  let given: GivenFields | null = null;
  for (const { fetch, path } of fetchesOf(node)) {
    const subgraph = graph.planner.supergraph.subgraphs().get(fetch.serviceName);
    if (subgraph) complete({ graph, operation, fetch, subgraph, given: () => (given ??= givenBy(graph, node)) }, path);
  }
}

interface Completing {
  graph: Graph;
  operation: OperationDefinitionNode;
  fetch: FetchNode;
  subgraph: Subgraph;
  given(): GivenFields;
}

function complete(completing: Completing, path: readonly string[]): void {
  const { fetch, graph, operation, subgraph } = completing;
  const asked = operationOf(parse(fetch.operation, { noLocation: true }));
  const renamed = renamesOf(fetch);
  const rewrites: FetchDataRewrite[] = [];
  let isChanged = false;
  interface At {
    type: string | undefined;
    place: readonly string[];
    /** The same place in the names that the subgraph is asked under, and with the types on the way, as rewrites write it. */
    way: readonly string[];
  }
  const below = (selection: FieldNode | InlineFragmentNode, { type, place, way }: At): At => {
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      const condition = selection.typeCondition?.name.value;
      return condition === undefined ? { type, place, way } : { type: condition, place, way: [...way, `... on ${condition}`] };
    }
    if (selection.name.value === '_entities') return { type: undefined, place, way };
    const name = selection.alias?.value ?? selection.name.value;
    const inner = type === undefined ? undefined : graph.typeOfField(type, selection.name.value);
    return { type: inner, place: [...place, renamed.get(name) ?? name], way: [...way, name] };
  };
  const walk = (set: SelectionSetNode, at: At): SelectionSetNode => {
    const { type, place, way } = at;
    const selections = set.selections.map((selection) =>
      'selectionSet' in selection && selection.selectionSet ? { ...selection, selectionSet: walk(selection.selectionSet, below(selection, at)) } : selection,
    );
    const missing = type === undefined ? [] : missingFragments(completing, set, type, place);
    if (missing.length === 0) return { ...set, selections };
    isChanged = true;
    const rename = (condition: string, alias: string, name: string) =>
      void rewrites.push({ kind: 'KeyRenamer', path: [...way, `... on ${condition}`, alias], renameKeyTo: name });
    return { ...set, selections: [...selections, ...withoutConflicts(subgraph, set, missing, () => `_wgp${rewrites.length}`, rename)] };
  };
  const selectionSet = walk(asked.selectionSet, { type: graph.schema.getRootType(asked.operation)?.name, place: path, way: [] });
  if (!isChanged) return;
  if (rewrites.length > 0) fetch.outputRewrites = [...(fetch.outputRewrites ?? []), ...rewrites];
  const used = new Set<string>();
  visit(selectionSet, { Variable: ({ name }) => void used.add(name.value) });
  const known = asked.variableDefinitions ?? [];
  const more = (operation.variableDefinitions ?? []).filter(
    ({ variable }) => used.has(variable.name.value) && !known.some((definition) => definition.variable.name.value === variable.name.value),
  );
  fetch.operation = print({ ...asked, selectionSet, variableDefinitions: [...known, ...more] });
  fetch.variableUsages = [...(fetch.variableUsages ?? []), ...more.map(({ variable }) => variable.name.value)];
}

/**
 * Gives fields of fragments other names where objects of another type have a field of that name and another type: no subgraph takes a document in which two
 * fields that could stand in the same place have different types. The rewrites give them their names back.
 */
function withoutConflicts(
  subgraph: Subgraph,
  set: SelectionSetNode,
  missing: readonly InlineFragmentNode[],
  nextAlias: () => string,
  rename: (condition: string, alias: string, name: string) => void,
): InlineFragmentNode[] {
  const types = new Map<string, string>();
  const typeOf = (condition: string, field: FieldNode): string => {
    const type = subgraph.schema.type(condition);
    const definition = type && (isObjectType(type) || isInterfaceType(type)) ? type.field(field.name.value) : undefined;
    return String(definition?.type);
  };
  const responseName = (field: FieldNode) => field.alias?.value ?? field.name.value;
  for (const fragment of set.selections) {
    if (fragment.kind !== Kind.INLINE_FRAGMENT || !fragment.typeCondition) continue;
    for (const field of fragment.selectionSet.selections)
      if (field.kind === Kind.FIELD) types.set(responseName(field), typeOf(fragment.typeCondition.name.value, field));
  }
  return missing.map((fragment) => {
    const condition = fragment.typeCondition?.name.value ?? '';
    const selections = fragment.selectionSet.selections.map((field) => {
      if (field.kind !== Kind.FIELD) return field;
      const name = responseName(field);
      const type = typeOf(condition, field);
      const known = types.get(name);
      if (known === undefined) types.set(name, type);
      if (known === undefined || known === type) return field;
      const alias = nextAlias();
      rename(condition, alias, name);
      return { ...field, alias: { kind: Kind.NAME, value: alias } as const };
    });
    return { ...fragment, selectionSet: { ...fragment.selectionSet, selections } };
  });
}

function missingFragments(
  { graph, operation, subgraph, given }: Completing,
  set: SelectionSetNode,
  type: string,
  place: readonly string[],
): InlineFragmentNode[] {
  const known = graph.partialTypes.has(type) ? subgraph.schema.type(type) : undefined;
  if (!known || !isAbstractType(known)) return [];
  const possible = new Set(membersOf(known));
  const present = new Set(set.selections.flatMap((selection) => (selection.kind === Kind.INLINE_FRAGMENT ? [selection.typeCondition?.name.value] : [])));
  return fragmentsAt(operation.selectionSet, place).flatMap((fragment) => {
    const name = fragment.typeCondition?.name.value ?? '';
    const object = subgraph.schema.type(name);
    if (!possible.has(name) || present.has(name) || !object || !isObjectType(object)) return [];
    const isGiven = (field: FieldNode) =>
      (given().get([...place, field.alias?.value ?? field.name.value].join('.')) ?? []).some(({ conditions }) =>
        conditions.every((condition) => couldBe(graph, name, condition)),
      );
    const fields = ownFields(graph, subgraph, object, fragment.selectionSet).filter((field) => !isGiven(field));
    return fields.length > 0 ? [{ ...fragment, selectionSet: { kind: Kind.SELECTION_SET, selections: fields } } as const] : [];
  });
}

/** Fragments of an operation in plain form at a place, whatever the types of the objects on the way. */
function fragmentsAt(set: SelectionSetNode, place: readonly string[]): InlineFragmentNode[] {
  const [first, ...rest] = place;
  return set.selections.flatMap((selection) => {
    if (selection.kind === Kind.INLINE_FRAGMENT) return first === undefined ? [selection] : fragmentsAt(selection.selectionSet, place);
    if (selection.kind !== Kind.FIELD || !selection.selectionSet || (selection.alias?.value ?? selection.name.value) !== first) return [];
    return fragmentsAt(selection.selectionSet, rest);
  });
}

/** Those of the fields which a subgraph answers by itself, with all that is below them. */
function ownFields(graph: Graph, subgraph: Subgraph, type: ObjectType, set: SelectionSetNode): FieldNode[] {
  return set.selections.filter((selection) => selection.kind === Kind.FIELD && isOwn(graph, subgraph, type, selection)) as FieldNode[];
}

function isOwn(graph: Graph, subgraph: Subgraph, type: ObjectType, field: FieldNode): boolean {
  if (field.name.value === '__typename') return true;
  const definition = type.field(field.name.value);
  if (!definition || subgraph.metadata().isFieldExternal(definition)) return false;
  if (graph.requirements.get(`${type.name}.${field.name.value}`)?.some((requirement) => requirement.subgraph === subgraph.name)) return false;
  const inner = graph.typeOfField(type.name, field.name.value);
  if (!field.selectionSet || inner === undefined) return true;
  const object = subgraph.schema.type(inner);
  // What is below a field of an abstract type may be anybody's.
  return object !== undefined && isObjectType(object) && ownFields(graph, subgraph, object, field.selectionSet).length === field.selectionSet.selections.length;
}
