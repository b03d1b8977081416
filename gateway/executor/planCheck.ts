import type { FetchNode, PlanNode, QueryPlan, QueryPlanSelectionNode } from '@apollo/query-planner';
import { type DocumentNode, type FieldNode, Kind, type OperationDefinitionNode, parse, type SelectionSetNode } from 'graphql';
import type { Graph } from './graph.js';
import { Unanswerable } from './passes.js';

/** A field that some fetch of a plan gives: where, and of objects that satisfy all of these type conditions. */
interface Given {
  conditions: readonly string[];
}

/**
 * Checks that a plan fetches all that is asked for, and asks no subgraph for a field without what that field requires. Apollo's planner has
 * faults, and their outcome is a null or a wrong value without any error: better no answer than that.
 * @throws Unanswerable that names the field
 */
export function checkPlan(graph: Graph, document: DocumentNode, node: QueryPlan['node']): void {
  const given = new Map<string, Given[]>();
  for (const { fetch, path } of fetchesOf(node)) readFetch(graph, fetch, path, given);
  const operation = operationOf(document);
  const root = graph.schema.getRootType(operation.operation);
  if (root) checkSelections(graph, operation.selectionSet, root.name, [], given);
}

/** Names that the subgraph is asked under, and the names that they get. */
function renamesOf({ outputRewrites = [] }: FetchNode): Map<string | undefined, string> {
  return new Map(outputRewrites.flatMap((rewrite) => (rewrite.kind === 'KeyRenamer' ? [[rewrite.path.at(-1), rewrite.renameKeyTo]] : [])));
}

function fetchesOf(node: QueryPlan['node'], path: readonly string[] = []): { fetch: FetchNode; path: readonly string[] }[] {
  if (!node) return [];
  switch (node.kind) {
    case 'Subscription':
      return [...fetchesOf(node.primary), ...fetchesOf(node.rest)];
    case 'Sequence':
    case 'Parallel':
      return node.nodes.flatMap((each: PlanNode) => fetchesOf(each, path));
    case 'Flatten':
      return fetchesOf(node.node, [...path, ...node.path.map(String).filter((part) => part !== '@')]);
    case 'Condition':
      return [...fetchesOf(node.ifClause, path), ...fetchesOf(node.elseClause, path)];
    case 'Fetch':
      return [{ fetch: node, path }];
    default:
      return [];
  }
}

function note(given: Map<string, Given[]>, place: readonly string[], conditions: readonly string[]): void {
  const key = place.join('.');
  given.set(key, [...(given.get(key) ?? []), { conditions }]);
}

function readFetch(graph: Graph, fetch: FetchNode, path: readonly string[], given: Map<string, Given[]>): void {
  const operation = operationOf(parse(fetch.operation, { noLocation: true }));
  const renamed = renamesOf(fetch);
  const walk = (set: SelectionSetNode, type: string, at: readonly string[], conditions: readonly string[], isEntity: boolean): void => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition?.name.value;
        walk(selection.selectionSet, condition ?? type, at, condition === undefined ? conditions : [...conditions, condition], isEntity);
      } else if (selection.kind === Kind.FIELD) {
        const name = selection.alias?.value ?? selection.name.value;
        const place = [...at, renamed.get(name) ?? name];
        note(given, place, conditions);
        checkRequirements(graph, fetch, type, selection.name.value, isEntity);
        const inner = graph.typeOfField(type, selection.name.value);
        if (selection.selectionSet && inner) walk(selection.selectionSet, inner, place, [inner], false);
      }
    }
  };
  const entities = operation.selectionSet.selections[0];
  if (!fetch.requires) walk(operation.selectionSet, graph.schema.getRootType(operation.operation)?.name ?? 'Query', path, [], false);
  else if (entities?.kind === Kind.FIELD && entities.selectionSet) walk(entities.selectionSet, '_Entity', path, [], true);
}

/** What the fetch tells the subgraph of its entities has to hold all that the field requires there. */
function checkRequirements(graph: Graph, fetch: FetchNode, type: string, field: string, isEntity: boolean): void {
  const requirement = graph.requirements.get(`${type}.${field}`)?.find(({ subgraph }) => subgraph === fetch.serviceName);
  if (!requirement) return;
  const told = isEntity ? fieldNamesIn(graph, fetch.requires ?? [], type) : new Set<string>();
  const wanted = operationOf(parse(`{ ${requirement.fields} }`, { noLocation: true })).selectionSet.selections;
  for (const selection of wanted) {
    if (selection.kind === Kind.FIELD && !told.has(selection.name.value)) throw unanswerable(type, field);
  }
}

function fieldNamesIn(graph: Graph, selections: readonly QueryPlanSelectionNode[], type: string): Set<string> {
  const names = new Set<string>();
  for (const selection of selections) {
    if (selection.kind === 'Field') names.add(selection.alias ?? selection.name);
    else if (selection.typeCondition === undefined || graph.satisfies(type, selection.typeCondition)) {
      for (const name of fieldNamesIn(graph, selection.selections, type)) names.add(name);
    }
  }
  return names;
}

function checkSelections(graph: Graph, set: SelectionSetNode, type: string, at: readonly string[], given: Map<string, Given[]>): void {
  const isGiven = (field: FieldNode): boolean =>
    (given.get([...at, field.alias?.value ?? field.name.value].join('.')) ?? []).some(({ conditions }) =>
      conditions.every((condition) => couldBe(graph, type, condition)),
    );
  const fields = set.selections.filter((selection) => selection.kind === Kind.FIELD).filter(({ name }) => name.value !== '__typename');
  for (const field of fields) {
    if (!isGiven(field)) throw unanswerable(type, field.name.value);
    const inner = graph.typeOfField(type, field.name.value);
    if (field.selectionSet && inner) checkSelections(graph, field.selectionSet, inner, [...at, field.alias?.value ?? field.name.value], given);
  }
  // Fragments are not followed: a plan rightly leaves out types that the subgraph which gives the objects does not know as such.
}

/** Whether an object of one type may be of the other too. */
function couldBe(graph: Graph, type: string, condition: string): boolean {
  return graph.satisfies(type, condition) || graph.satisfies(condition, type);
}

function unanswerable(type: string, field: string): Unanswerable {
  return new Unanswerable(`No way was found to answer ${type}.${field} rightly here. Ask for it by itself.`);
}

function operationOf(document: DocumentNode): OperationDefinitionNode {
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  if (!operation) throw new Error('A plan holds a document without an operation.');
  return operation;
}
