import {
  type DocumentNode,
  type FieldNode,
  getNamedType,
  type GraphQLCompositeType,
  isAbstractType,
  isCompositeType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import type { Graph } from './graph.js';
import type { SourceNames } from './sourceNames.js';
import { abstractSelections, argumentsText, fieldsOf, possibleTypes, type SelectionScope, subselections } from './selections.js';

/** Concrete types into which a fragment on an abstract type is taken apart; more would make the documents for subgraphs too long. */
const MAX_SPREAD = 40;
/** Documents into which one operation may be taken apart. */
const MAX_PASSES = 8;

/** The operation cannot be answered rightly, so it is not answered at all. */
export class Unanswerable extends Error {
  override name = 'Unanswerable';
}

/**
 * Rewrites an operation into a plain form that the planner gets right: conditions decided, fragments taken apart, repeated fields merged, and
 * no client alias left that could be mistaken for a key or for a field that `@requires` adds. Mostly one document; more when two fields require
 * the same field with different arguments, which one plan cannot hold apart.
 * @throws Unanswerable when a mutation would need more than one, because it must run once
 */
export function planningDocuments(graph: Graph, scope: SelectionScope, operation: OperationDefinitionNode, names: SourceNames): DocumentNode[] {
  const root = graph.schema.getRootType(operation.operation);
  if (!root) throw new Unanswerable(`The graph has no ${operation.operation}s.`);
  const documents: DocumentNode[] = [];
  let only: ReadonlySet<string> | null = null;
  do {
    const pass: Pass = { graph, scope, names, isMutation: operation.operation === OperationTypeNode.MUTATION, claims: new Map(), postponed: new Set(), only };
    const selections = selectionsOf(pass, root, [operation.selectionSet], '', only === null, true);
    const isStuck = selections.length === 0 && pass.postponed.size > 0;
    if (isStuck || documents.length === MAX_PASSES) throw new Unanswerable('Some of these fields need the same field with different arguments.');
    if (selections.length > 0) documents.push(documentOf(operation, selections));
    only = pass.postponed;
  } while (only.size > 0);
  if (documents.length > 1 && operation.operation !== OperationTypeNode.QUERY) {
    throw new Unanswerable('These fields need the same field with different arguments. Ask for them in separate queries.');
  }
  return documents;
}

interface Pass {
  graph: Graph;
  scope: SelectionScope;
  names: SourceNames;
  isMutation: boolean;
  /** Arguments with which a field is required, by place. */
  claims: Map<string, string>;
  /** Places of fields that have to wait for another pass. */
  postponed: Set<string>;
  /** In later passes: the places that are asked for; null for all. */
  only: ReadonlySet<string> | null;
}

function selectionsOf(
  pass: Pass,
  parent: GraphQLCompositeType,
  sets: readonly SelectionSetNode[],
  at: string,
  whole: boolean,
  isRoot = false,
): SelectionNode[] {
  if (isObjectType(parent)) {
    const fields = [...fieldsOf(pass.scope, parent, sets).values()];
    const selections = plainFields(pass, parent, fields, at, whole, isRoot);
    return selections.length > 0 || isRoot || !whole ? selections : [typename];
  }
  const { common, typed, needsTypename } = abstractSelections(pass.scope, parent, sets);
  const selections: SelectionNode[] = plainFields(pass, parent, grouped(common), at, whole);
  const typedNames = [...typed.keys()];
  if (typedNames.length > MAX_SPREAD) throw new Unanswerable(`Fields of more than ${MAX_SPREAD} types at once.`);
  for (const name of typedNames) {
    const type = pass.graph.schema.getType(name);
    if (!isObjectType(type)) continue;
    const inner = selectionsOf(pass, type, typed.get(name) as SelectionSetNode[], at, whole);
    if (inner.length > 0)
      selections.push({ kind: Kind.INLINE_FRAGMENT, typeCondition: { kind: Kind.NAMED_TYPE, name: nameNode(name) }, selectionSet: set(inner) });
  }
  if (whole ? needsTypename || selections.length === 0 : selections.length > 0) selections.unshift(typename);
  return selections;
}

/** Nodes by what they ask for: the planner gets one field for each. */
function grouped(nodes: readonly FieldNode[]): FieldNode[][] {
  const groups = new Map<string, FieldNode[]>();
  for (const node of nodes) {
    const key = node.alias?.value ?? node.name.value;
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  return [...groups.values()];
}

function plainFields(pass: Pass, parent: GraphQLCompositeType, fields: readonly FieldNode[][], at: string, whole: boolean, isRoot = false): SelectionNode[] {
  const bySource = new Map<string, FieldNode[]>();
  for (const nodes of fields) {
    const first = nodes[0] as FieldNode;
    // Names with two underscores in front are introspection's; `__typename` of an object type is known without asking.
    if (first.name.value.startsWith('__')) continue;
    const source = pass.names.of(first, isRoot && pass.isMutation);
    bySource.set(source, [...(bySource.get(source) ?? []), ...nodes]);
  }
  return [...bySource].flatMap(([source, nodes]) => plainField(pass, parent, source, nodes, at, whole));
}

function plainField(pass: Pass, parent: GraphQLCompositeType, source: string, nodes: readonly FieldNode[], at: string, whole: boolean): SelectionNode[] {
  const first = nodes[0] as FieldNode;
  const place = `${at}.${parent.name}:${source}`;
  const inFull = whole || pass.only?.has(place) === true;
  const definition = 'getFields' in parent ? parent.getFields()[first.name.value] : undefined;
  if (!definition) throw new Unanswerable(`There is no field ${parent.name}.${first.name.value}.`);
  if (inFull && !claim(pass, parent, first.name.value, at)) {
    pass.postponed.add(place);
    return [];
  }
  const named = getNamedType(definition.type);
  const inner = isCompositeType(named) ? selectionsOf(pass, named, subselections(nodes), `${at}.${source}`, inFull) : null;
  // In full, an empty selection means that everything below has to wait for another pass.
  if (inner ? inner.length === 0 : !inFull) return [];
  const field: FieldNode = {
    kind: Kind.FIELD,
    name: first.name,
    ...(source !== first.name.value && { alias: nameNode(source) }),
    arguments: first.arguments,
    ...(inner && { selectionSet: set(inner) }),
  };
  return [field];
}

/** Notes what a field requires, unless something in this pass requires it differently. */
function claim(pass: Pass, parent: GraphQLCompositeType, field: string, at: string): boolean {
  const wanted: [string, string][] = [];
  const types = isAbstractType(parent) ? possibleTypes(pass.graph.schema, parent) : [parent];
  for (const { name } of types) collectClaims(pass.graph, name, field, at, wanted, 0);
  const own = new Map<string, string>();
  for (const [place, given] of wanted) {
    const known = pass.claims.get(place) ?? own.get(place);
    if (known !== undefined && known !== given) return false;
    own.set(place, given);
  }
  for (const [place, given] of own) pass.claims.set(place, given);
  return true;
}

function collectClaims(graph: Graph, typeName: string, field: string, at: string, wanted: [string, string][], depth: number): void {
  // Requirements of requirements of requirements: a supergraph with cycles among them does not compose.
  if (depth > 10) return;
  for (const text of graph.requirements.get(`${typeName}.${field}`) ?? []) {
    const walk = (selection: SelectionSetNode, type: string, place: string) => {
      for (const part of selection.selections) {
        if (part.kind === Kind.INLINE_FRAGMENT) walk(part.selectionSet, part.typeCondition?.name.value ?? type, place);
        if (part.kind !== Kind.FIELD) continue;
        const name = part.name.value;
        if (graph.fieldsWithArguments.has(name)) wanted.push([`${place}.${name}`, argumentsText(part)]);
        collectClaims(graph, type, name, place, wanted, depth + 1);
        const inner = graph.typeOfField(type, name);
        if (part.selectionSet && inner) walk(part.selectionSet, inner, `${place}.${name}`);
      }
    };
    walk(fieldSet(text), typeName, at);
  }
}

function fieldSet(text: string): SelectionSetNode {
  const definition = parse(`{ ${text} }`, { noLocation: true }).definitions[0];
  return (definition as OperationDefinitionNode).selectionSet;
}

const typename: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: '__typename' } };

function nameNode(value: string) {
  return { kind: Kind.NAME, value } as const;
}

function set(selections: readonly SelectionNode[]): SelectionSetNode {
  return { kind: Kind.SELECTION_SET, selections };
}

/** The operation with these selections and the variables that they still use. */
function documentOf(operation: OperationDefinitionNode, selections: readonly SelectionNode[]): DocumentNode {
  const selectionSet = set(selections);
  const used = new Set<string>();
  visit(selectionSet, { Variable: ({ name }) => void used.add(name.value) });
  const variableDefinitions = operation.variableDefinitions?.filter(({ variable }) => used.has(variable.name.value));
  return { kind: Kind.DOCUMENT, definitions: [{ ...operation, directives: [], variableDefinitions, selectionSet }] };
}
