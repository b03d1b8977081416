import { baseType, isInterfaceType, isObjectType, isUnionType, type NamedType } from '@apollo/federation-internals';
import type { FetchNode, PlanNode, QueryPlan, QueryPlanSelectionNode } from '@apollo/query-planner';
import { type DocumentNode, type FieldNode, Kind, type OperationDefinitionNode, parse, type SelectionSetNode } from 'graphql';
import { membersOf } from './abstractTypes.js';
import type { Graph } from './graph.js';
import { Unanswerable } from './passes.js';
import { keyedTypes } from './representations.js';

/** A field that some fetch of a plan gives: where, and of objects that satisfy all of these type conditions. */
interface Given {
  conditions: readonly string[];
  /** Names of the object types of which an object may be that is given here; null when it may be any, or is none. */
  members: ReadonlySet<string> | null;
  /** Whether objects of this type are asked for it: those of which no key is told are not. */
  asks(type: string): boolean;
}

/** What a plan fetches, by place. */
export type GivenFields = ReadonlyMap<string, readonly Given[]>;

/**
 * Checks that a plan fetches all that is asked for, and asks no subgraph for a field without what that field requires. Apollo's planner has
 * faults, and their outcome is a null or a wrong value without any error: better no answer than that.
 * @throws Unanswerable that names the field
 */
export function checkPlan(graph: Graph, document: DocumentNode, node: QueryPlan['node']): void {
  const given = givenBy(graph, node);
  for (const { fetch, path } of fetchesOf(node)) checkInputs(graph, fetch, path, given);
  const operation = operationOf(document);
  const root = graph.schema.getRootType(operation.operation);
  if (root) checkSelections({ graph, given }, operation.selectionSet, root.name, [], []);
}

/** @throws Unanswerable when a fetch asks for a field without what it requires */
export function givenBy(graph: Graph, node: QueryPlan['node']): GivenFields {
  const given = new Map<string, Given[]>();
  for (const { fetch, path } of fetchesOf(node)) readFetch(graph, fetch, path, given);
  return given;
}

/** Names that the subgraph is asked under, and the names that they get. */
export function renamesOf({ outputRewrites = [] }: FetchNode): Map<string | undefined, string> {
  return new Map(outputRewrites.flatMap((rewrite) => (rewrite.kind === 'KeyRenamer' ? [[rewrite.path.at(-1), rewrite.renameKeyTo]] : [])));
}

/** All fetches of a plan, each with the names on the way to its objects. */
export function fetchesOf(node: QueryPlan['node'], path: readonly string[] = []): { fetch: FetchNode; path: readonly string[] }[] {
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

function note(given: Map<string, Given[]>, place: readonly string[], one: Given): void {
  const key = place.join('.');
  const known = given.get(key);
  if (known) known.push(one);
  else given.set(key, [one]);
}

const everyType = () => true;

/** A type as a subgraph knows it; undefined for what is none of objects. */
function fieldType(type: NamedType | undefined, field: string): NamedType | undefined {
  const definition = type && (isObjectType(type) || isInterfaceType(type)) ? type.field(field) : undefined;
  return definition?.type && baseType(definition.type);
}

/**
 * The types of which an object may be that a field gives, whoever gives it: of a shareable field those that all of its subgraphs know, because
 * each has to answer the same. Null for any.
 */
function membersOfField(graph: Graph, type: NamedType | undefined, field: string): Given['members'] {
  if (!type) return null;
  const known = knownMembers.get(graph) ?? new Map<string, Given['members']>();
  knownMembers.set(graph, known);
  const coordinate = `${type.name}.${field}`;
  let members = known.get(coordinate);
  // As many entries as the supergraph has fields: plans name no others.
  if (members === undefined) known.set(coordinate, (members = findMembers(graph, type, field)));
  return members;
}

const knownMembers = new WeakMap<Graph, Map<string, Given['members']>>();

function findMembers(graph: Graph, type: NamedType, field: string): Given['members'] {
  const all: ReadonlySet<string>[] = [];
  for (const subgraph of graph.planner.supergraph.subgraphs()) {
    const known = subgraph.schema.type(type.name);
    const inner = fieldType(known, field);
    const definition = known && (isObjectType(known) || isInterfaceType(known)) ? known.field(field) : undefined;
    if (!inner || !definition || subgraph.metadata().isFieldExternal(definition)) continue;
    // As one object a subgraph knows an interface: behind it are all the types that others know.
    if (isObjectType(inner) && subgraph.metadata().isInterfaceObjectType(inner)) continue;
    all.push(new Set(isInterfaceType(inner) || isUnionType(inner) ? membersOf(inner) : [inner.name]));
  }
  const [first, ...others] = all;
  return first ? new Set([...first].filter((name) => others.every((other) => other.has(name)))) : null;
}

function readFetch(graph: Graph, fetch: FetchNode, path: readonly string[], given: Map<string, Given[]>): void {
  const operation = operationOf(parse(fetch.operation, { noLocation: true }));
  const renamed = renamesOf(fetch);
  const subgraph = graph.planner.supergraph.subgraphs().get(fetch.serviceName);
  interface At {
    type: string;
    /** The same type as the subgraph knows it. */
    own: NamedType | undefined;
    place: readonly string[];
    conditions: readonly string[];
    isEntity: boolean;
    asks: Given['asks'];
  }
  const narrowed = (at: At, condition: string | undefined): At =>
    condition === undefined ? at : { ...at, type: condition, own: subgraph?.schema.type(condition), conditions: [...at.conditions, condition] };
  const walk = (set: SelectionSetNode, at: At): void => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        walk(selection.selectionSet, narrowed(at, selection.typeCondition?.name.value));
      } else if (selection.kind === Kind.FIELD) readField(selection, set, at);
    }
  };
  const readField = (node: FieldNode, beside: SelectionSetNode, at: At): void => {
    const field = node.name.value;
    const name = node.alias?.value ?? field;
    const place = [...at.place, renamed.get(name) ?? name];
    const members = node.selectionSet ? membersOfField(graph, at.own, field) : null;
    note(given, place, { conditions: at.conditions, members, asks: at.asks });
    checkRequirements(graph, fetch, at.type, field, at.isEntity, beside);
    const inner = graph.typeOfField(at.type, field);
    if (!node.selectionSet || !inner) return;
    walk(node.selectionSet, { type: inner, own: fieldType(at.own, field), place, conditions: [inner], isEntity: false, asks: everyType });
  };
  const entities = operation.selectionSet.selections[0];
  const common = { place: path, conditions: [], asks: everyType };
  if (!fetch.requires) {
    const own = subgraph?.schema.schemaDefinition.rootType(operation.operation);
    walk(operation.selectionSet, { ...common, type: graph.schema.getRootType(operation.operation)?.name ?? 'Query', own, isEntity: false });
  } else if (entities?.kind === Kind.FIELD && entities.selectionSet) {
    const asks = keyedTypes(graph, fetch.serviceName, fetch.requires);
    walk(entities.selectionSet, { ...common, type: '_Entity', own: undefined, isEntity: true, asks });
  }
}

/**
 * An entity is asked for only when all of its representation is known. The planner merges what it asks for objects of one type into what it
 * asks for those of its interface; where that makes them need a field which is fetched for the one type alone, the others would be left out.
 */
function checkInputs(graph: Graph, { requires = [], serviceName }: FetchNode, path: readonly string[], given: GivenFields): void {
  for (const part of requires) {
    if (part.kind !== 'InlineFragment' || part.typeCondition === undefined) continue;
    const fields = part.selections.flatMap((field) => (field.kind === 'Field' && field.name !== '__typename' ? [field.alias ?? field.name] : []));
    const keys = new Set((graph.keys.get(`${part.typeCondition} ${serviceName}`) ?? []).flatMap((key) => key.split(/\W+/)));
    for (const type of graph.objectTypes(part.typeCondition)) {
      const isKnown = (field: string) =>
        (given.get([...path, field].join('.')) ?? []).some(({ conditions }) => conditions.every((condition) => graph.satisfies(type, condition)));
      // Of which types objects are there shows in whose keys are fetched.
      const stands = fields.some((field) => keys.has(field)) && fields.every((field) => !keys.has(field) || isKnown(field));
      const missing = stands ? fields.find((field) => !isKnown(field)) : undefined;
      if (missing !== undefined) throw unanswerable(type, missing);
    }
  }
}

/**
 * What the fetch tells the subgraph of its entities has to hold all that the field requires there. Below the top of a fetch the subgraph gives
 * the object itself, and has what is required when it gives that too: by `@provides`.
 */
function checkRequirements(graph: Graph, fetch: FetchNode, type: string, field: string, isEntity: boolean, beside: SelectionSetNode): void {
  const requirement = graph.requirements.get(`${type}.${field}`)?.find(({ subgraph }) => subgraph === fetch.serviceName);
  if (!requirement) return;
  const told = isEntity ? fieldNamesIn(graph, fetch.requires ?? [], type) : fieldNamesOf(beside);
  const wanted = operationOf(parse(`{ ${requirement.fields} }`, { noLocation: true })).selectionSet.selections;
  for (const selection of wanted) {
    if (selection.kind === Kind.FIELD && !told.has(selection.name.value)) throw unanswerable(type, field);
  }
}

function fieldNamesOf({ selections }: SelectionSetNode): Set<string> {
  return new Set(selections.flatMap((selection) => (selection.kind === Kind.FIELD ? [selection.name.value] : [])));
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

interface Checking {
  graph: Graph;
  given: GivenFields;
}

/** @param givers who gives the objects of which this is selected, and of which types */
function checkSelections(checking: Checking, set: SelectionSetNode, type: string, at: readonly string[], givers: readonly Given[]): void {
  const { graph, given } = checking;
  for (const selection of set.selections) {
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      const condition = selection.typeCondition?.name.value ?? type;
      // A plan rightly leaves out types of which the subgraph that gives the objects knows none.
      const mayCome = givers.length > 0 && givers.every(({ members }) => members === null || members.has(condition));
      if (mayCome) checkSelections(checking, selection.selectionSet, condition, at, givers);
    } else if (selection.kind === Kind.FIELD && selection.name.value !== '__typename') {
      const place = [...at, selection.alias?.value ?? selection.name.value];
      const fitting = (given.get(place.join('.')) ?? []).filter(
        ({ conditions, asks }) => conditions.every((condition) => couldBe(graph, type, condition)) && graph.objectTypes(type).some(asks),
      );
      if (fitting.length === 0) throw unanswerable(type, selection.name.value);
      const inner = graph.typeOfField(type, selection.name.value);
      if (selection.selectionSet && inner) checkSelections(checking, selection.selectionSet, inner, place, fitting);
    }
  }
}

/** Whether an object of one type may be of the other too. */
export function couldBe(graph: Graph, type: string, condition: string): boolean {
  return graph.satisfies(type, condition) || graph.satisfies(condition, type);
}

function unanswerable(type: string, field: string): Unanswerable {
  return new Unanswerable(`No way was found to answer ${type}.${field} rightly here. Ask for it by itself.`);
}

export function operationOf(document: DocumentNode): OperationDefinitionNode {
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  if (!operation) throw new Error('A plan holds a document without an operation.');
  return operation;
}
