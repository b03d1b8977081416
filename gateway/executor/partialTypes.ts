import { isAbstractType, isObjectType, type ObjectType, type Subgraph } from '@apollo/federation-internals';
import type { FetchNode, QueryPlan } from '@apollo/query-planner';
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
  const { fetch, graph, operation } = completing;
  const asked = operationOf(parse(fetch.operation, { noLocation: true }));
  const renamed = renamesOf(fetch);
  let isChanged = false;
  const walk = (set: SelectionSetNode, type: string | undefined, place: readonly string[]): SelectionSetNode => {
    const selections = set.selections.map((selection) => {
      if (!('selectionSet' in selection) || !selection.selectionSet) return selection;
      if (selection.kind === Kind.INLINE_FRAGMENT)
        return { ...selection, selectionSet: walk(selection.selectionSet, selection.typeCondition?.name.value ?? type, place) };
      const name = selection.alias?.value ?? selection.name.value;
      const isEntities = selection.name.value === '_entities';
      const inner = type === undefined || isEntities ? undefined : graph.typeOfField(type, selection.name.value);
      return { ...selection, selectionSet: walk(selection.selectionSet, inner, isEntities ? place : [...place, renamed.get(name) ?? name]) };
    });
    const missing = type === undefined ? [] : missingFragments(completing, set, type, place);
    if (missing.length > 0) isChanged = true;
    return { ...set, selections: [...selections, ...missing] };
  };
  const selectionSet = walk(asked.selectionSet, graph.schema.getRootType(asked.operation)?.name, path);
  if (!isChanged) return;
  const used = new Set<string>();
  visit(selectionSet, { Variable: ({ name }) => void used.add(name.value) });
  const known = asked.variableDefinitions ?? [];
  const more = (operation.variableDefinitions ?? []).filter(
    ({ variable }) => used.has(variable.name.value) && !known.some((definition) => definition.variable.name.value === variable.name.value),
  );
  fetch.operation = print({ ...asked, selectionSet, variableDefinitions: [...known, ...more] });
  fetch.variableUsages = [...(fetch.variableUsages ?? []), ...more.map(({ variable }) => variable.name.value)];
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
