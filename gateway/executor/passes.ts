import {
  type DocumentNode,
  type FieldNode,
  getNamedType,
  GraphQLError,
  type GraphQLCompositeType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  isAbstractType,
  isCompositeType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import type { Graph } from './graph.js';
import { fieldSet, isChained, type LateField, lateField } from './late.js';
import type { SourceNames } from './sourceNames.js';
import { abstractSelections, argumentsText, fieldsOf, possibleTypes, type SelectionScope, subselections } from './selections.js';

/**
 * Selections into which fragments on abstract types may be taken apart: one for each concrete type, and within each of those again. Three fragments
 * inside each other on interfaces of thirty types are 27,000, with which the planner is busy for minutes.
 */
const MAX_SPREAD = 2_000;
/** Documents into which one operation may be taken apart. */
const MAX_PASSES = 8;

/** The operation cannot be answered rightly, so it is not answered at all: UNANSWERABLE. */
export class Unanswerable extends GraphQLError {
  /** @param cause why, when it is a fault of the planner */
  constructor(message: string, cause?: Error) {
    super(message, { extensions: { code: 'UNANSWERABLE' }, originalError: cause });
  }
}

/** What is to be planned, and what is to be fetched after that. */
export interface PlanningDocuments {
  documents: readonly DocumentNode[];
  late: readonly LateField[];
}

/**
 * Rewrites an operation into a plain form that the planner gets right: conditions decided, fragments taken apart, repeated fields merged, and
 * no client alias left that could be mistaken for a key or for a field that `@requires` adds. Mostly one document; more when two fields require
 * the same field with different arguments, which one plan cannot hold apart.
 * @param isCautious keeps from the planner all fields that require others, as far as they can be fetched last
 * @throws Unanswerable when a mutation would need more than one, because it must run once
 */
export function planningDocuments(
  graph: Graph,
  scope: SelectionScope,
  operation: OperationDefinitionNode,
  names: SourceNames,
  isCautious = false,
): PlanningDocuments {
  const root = graph.schema.getRootType(operation.operation);
  if (!root) throw new Unanswerable(`The graph has no ${operation.operation}s.`);
  const documents: DocumentNode[] = [];
  const late: LateField[] = [];
  let only: ReadonlySet<string> | null = null;
  do {
    const isMutation = operation.operation === OperationTypeNode.MUTATION;
    const pass: Pass = { graph, scope, names, isMutation, isCautious, claims: new Map(), postponed: new Set(), only, late, spread: 0 };
    const selections = selectionsOf(pass, root, [operation.selectionSet], [], only === null, true);
    const isStuck = selections.length === 0 && pass.postponed.size > 0;
    if (isStuck || documents.length === MAX_PASSES) throw new Unanswerable('Some of these fields need the same field with different arguments.');
    if (selections.length > 0) documents.push(documentOf(operation, selections));
    only = pass.postponed;
  } while (only.size > 0);
  if (documents.length > 1 && operation.operation !== OperationTypeNode.QUERY) {
    throw new Unanswerable('These fields need the same field with different arguments. Ask for them in separate queries.');
  }
  return { documents, late };
}

interface Pass {
  graph: Graph;
  scope: SelectionScope;
  names: SourceNames;
  isMutation: boolean;
  isCautious: boolean;
  /** Arguments with which a field is required, by place. */
  claims: Map<string, string>;
  /** Places of fields that have to wait for another pass. */
  postponed: Set<string>;
  /** In later passes: the places that are asked for; null for all. */
  only: ReadonlySet<string> | null;
  /** Fields that are fetched last, each after those that it needs. */
  late: LateField[];
  /** Selections so far that stand there once for each concrete type. */
  spread: number;
}

function selectionsOf(
  pass: Pass,
  parent: GraphQLCompositeType,
  sets: readonly SelectionSetNode[],
  path: readonly string[],
  whole: boolean,
  isRoot = false,
): SelectionNode[] {
  if (isObjectType(parent)) {
    const fields = isRoot
      ? [...fieldsOf(pass.scope, parent, sets).values()]
      : withoutLate(pass, parent, [...fieldsOf(pass.scope, parent, sets).values()], path, whole);
    const selections = plainFields(pass, parent, fields, path, whole, isRoot);
    if (selections.length > 0 && pass.late.some((late) => late.type === parent.name && late.path.join() === path.join())) return [typename, ...selections];
    return selections.length > 0 || isRoot || !whole ? selections : [typename];
  }
  const { common, typed, needsTypename } = abstractSelections(pass.scope, parent, sets);
  levelRequirements(pass, parent, typed);
  const own = common.filter((node) => !spreadLate(pass, parent, node, typed));
  const selections: SelectionNode[] = plainFields(pass, parent, grouped(own), path, whole);
  const typedNames = [...typed.keys()];
  for (const name of typedNames) {
    const type = pass.graph.schema.getType(name);
    if (!isObjectType(type)) continue;
    const inner = selectionsOf(pass, type, typed.get(name) as SelectionSetNode[], path, whole);
    pass.spread += inner.length;
    if (pass.spread > MAX_SPREAD) throw tooManyTypes();
    if (inner.length > 0)
      selections.push({ kind: Kind.INLINE_FRAGMENT, typeCondition: { kind: Kind.NAMED_TYPE, name: nameNode(name) }, selectionSet: set(inner) });
  }
  if (whole ? needsTypename || typedNames.length > 0 || selections.length === 0 : selections.length > 0) selections.unshift(typename);
  return selections;
}

/** Replaces fields that have to be fetched last by what they need for that. */
function withoutLate(pass: Pass, parent: GraphQLObjectType, fields: readonly FieldNode[][], path: readonly string[], whole: boolean): FieldNode[][] {
  const kept: FieldNode[][] = [];
  const expand = (nodes: FieldNode[]) => {
    const node = nodes[0] as FieldNode;
    const name = node.name.value;
    const isHard = isChained(pass.graph, parent.name, name);
    // Other passes are for what is left of this one; late fields are never left.
    if (isHard && !whole) return;
    const source = pass.names.of(node, false);
    const requires = whole && pass.graph.requirements.has(`${parent.name}.${name}`);
    const isLate = isHard || (requires && (pass.isCautious || !claim(pass, parent, name, path.join('.'))));
    const way = isLate ? lateField(pass.graph, pass.names, parent, path, node, source) : null;
    if (!way) return void kept.push(nodes);
    if (pass.late.some((late) => late.source === source && late.type === parent.name && late.path.join() === path.join())) return;
    for (const need of way.needs) expand([need]);
    pass.late.push(way.late);
  };
  for (const nodes of fields) expand(nodes);
  return kept;
}

/** Asks for a field of an interface type by type, when objects of some of its types have to be asked for it last. */
function spreadLate(pass: Pass, parent: GraphQLCompositeType, node: FieldNode, typed: Map<string, SelectionSetNode[]>): boolean {
  const types = possibleTypes(pass.graph.schema, parent);
  const requires = (name: string) => pass.isCautious && pass.graph.requirements.has(`${name}.${node.name.value}`);
  if (!types.some(({ name }) => isChained(pass.graph, name, node.name.value) || requires(name))) return false;
  for (const { name } of types) typed.set(name, [...(typed.get(name) ?? []), set([node])]);
  return true;
}

/**
 * Selects what a field of an interface object requires for all types of that interface, when it is asked of some. The planner asks for all of
 * them in one fetch and tells it the same of each: those of which it does not know that would get nothing.
 */
function levelRequirements({ graph, scope }: Pass, parent: GraphQLCompositeType, typed: Map<string, SelectionSetNode[]>): void {
  const needs = new Map<string, FieldNode[]>();
  for (const [name, sets] of typed) {
    const type = graph.schema.getType(name);
    if (!isObjectType(type)) continue;
    for (const field of fieldsOf(scope, type, sets).values()) {
      for (const { name: owner } of type.getInterfaces()) {
        const required = (graph.requirements.get(`${owner}.${field[0]?.name.value}`) ?? []).flatMap(({ fields }) => fieldSet(fields).selections);
        // What has arguments or a selection of its own gets another name here than there.
        const leaves = required.filter((need) => need.kind === Kind.FIELD && !need.selectionSet && !need.arguments?.length) as FieldNode[];
        if (leaves.length > 0) needs.set(owner, [...(needs.get(owner) ?? []), ...leaves]);
      }
    }
  }
  for (const [owner, nodes] of needs) addToImplementations(graph, parent, owner, nodes, typed);
}

function addToImplementations(
  graph: Graph,
  parent: GraphQLCompositeType,
  owner: string,
  nodes: readonly FieldNode[],
  typed: Map<string, SelectionSetNode[]>,
): void {
  for (const type of possibleTypes(graph.schema, parent)) {
    const visible = nodes.filter(({ name }) => name.value in type.getFields());
    if (visible.length > 0 && type.getInterfaces().some(({ name }) => name === owner)) {
      typed.set(type.name, [...(typed.get(type.name) ?? []), set(visible)]);
    }
  }
}

function tooManyTypes(): GraphQLError {
  const advice = 'Select fields of fewer types at once, or nest fewer fragments on interfaces.';
  return new GraphQLError(`The operation is too complex: it has more than ${MAX_SPREAD} fields when each type is counted. ${advice}`, {
    extensions: { code: 'QUERY_TOO_COMPLEX', details: { limit: 'types', max: MAX_SPREAD } },
  });
}

function listLevels(type: GraphQLOutputType): string[] {
  if (isNonNullType(type)) return listLevels(type.ofType);
  return isListType(type) ? ['@', ...listLevels(type.ofType)] : [];
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

function plainFields(
  pass: Pass,
  parent: GraphQLCompositeType,
  fields: readonly FieldNode[][],
  path: readonly string[],
  whole: boolean,
  isRoot = false,
): SelectionNode[] {
  const bySource = new Map<string, FieldNode[][]>();
  for (const nodes of fields) {
    const first = nodes[0] as FieldNode;
    // Names with two underscores in front are introspection's; `__typename` of an object type is known without asking.
    if (first.name.value.startsWith('__')) continue;
    const source = pass.names.of(first, isRoot && pass.isMutation);
    bySource.set(source, [...(bySource.get(source) ?? []), [...nodes]]);
  }
  return [...bySource].flatMap(([source, groups]) => plainField(pass, parent, source, groups, path, whole));
}

function plainField(
  pass: Pass,
  parent: GraphQLCompositeType,
  source: string,
  groups: readonly (readonly FieldNode[])[],
  path: readonly string[],
  whole: boolean,
): SelectionNode[] {
  const first = groups[0]?.[0] as FieldNode;
  const at = path.join('.');
  const place = `${at}.${parent.name}:${source}`;
  const inFull = whole || pass.only?.has(place) === true;
  const definition = 'getFields' in parent ? parent.getFields()[first.name.value] : undefined;
  if (!definition) throw new Unanswerable(`There is no field ${parent.name}.${first.name.value}.`);
  if (inFull && !claim(pass, parent, first.name.value, at)) {
    pass.postponed.add(place);
    return [];
  }
  const named = getNamedType(definition.type);
  const below = [...path, source, ...listLevels(definition.type)];
  // Group by group: what one of them calls its fields is no matter of the others'.
  const inner = isCompositeType(named) ? groups.flatMap((nodes) => selectionsOf(pass, named, subselections(nodes), below, inFull)) : null;
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
  const claimField = (node: FieldNode, type: string, place: string) => {
    const name = node.name.value;
    if (graph.fieldsWithArguments.has(name)) wanted.push([`${place}.${name}`, argumentsText(node)]);
    collectClaims(graph, type, name, place, wanted, depth + 1);
    const inner = graph.typeOfField(type, name);
    if (node.selectionSet && inner) walk(node.selectionSet, inner, `${place}.${name}`);
  };
  const walk = ({ selections }: SelectionSetNode, type: string, place: string) => {
    for (const part of selections) {
      if (part.kind === Kind.INLINE_FRAGMENT) walk(part.selectionSet, part.typeCondition?.name.value ?? type, place);
      if (part.kind === Kind.FIELD) claimField(part, type, place);
    }
  };
  for (const { fields } of graph.requirements.get(`${typeName}.${field}`) ?? []) walk(fieldSet(fields), typeName, at);
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
