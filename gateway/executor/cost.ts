import {
  type ArgumentNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  type GraphQLCompositeType,
  GraphQLError,
  type GraphQLField,
  type GraphQLOutputType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import type { ListSize } from './costRules.js';
import type { Graph } from './graph.js';
import { isIncluded } from './selections.js';

/** Items of a list of which nobody says how long it is. */
const ASSUMED_SIZE = 10;
/** What a root field of a mutation costs, as in IBM's cost specification: it writes. */
const MUTATION_WEIGHT = 10;
/** Arguments that say how many there are at most. */
const SLICING = ['first', 'last', 'limit'];
/** Lists of a connection, which its field's arguments are about. */
const SIZED = ['edges', 'nodes', 'items'];

type Variables = Readonly<Record<string, unknown>>;

/**
 * What an operation may cost to run (GW-23), before it runs: each object counts 1 as often as it can be there, which is the product of the lists
 * above it; leaves count nothing. Lists are as long as their arguments allow (`first`, `last`, `limit`, or as many ids as are given), else 10.
 * `@cost` and `@listSize` of the supergraph take precedence. What is under several type conditions is counted for all of them.
 */
export function costOf(graph: Pick<Graph, 'schema' | 'costs'>, document: DocumentNode, operation: OperationDefinitionNode, variables: Variables): number {
  const known = fixed.get(operation);
  if (known?.graph === graph) return known.cost;
  const root = graph.schema.getRootType(operation.operation);
  const fragments = new Map(document.definitions.flatMap((part) => (part.kind === Kind.FRAGMENT_DEFINITION ? [[part.name.value, part] as const] : [])));
  const counting: Counting = { graph, fragments, variables, defaults: defaultsOf(operation), spread: new Map(), depends: false };
  const cost = root ? selectionsCost(counting, root, operation.selectionSet, null, operation.operation === OperationTypeNode.MUTATION) : 0;
  if (!counting.depends) fixed.set(operation, { graph, cost });
  return cost;
}

/** @returns QUERY_TOO_COMPLEX when the operation may cost more than this, else null */
export function overCost(
  graph: Pick<Graph, 'schema' | 'costs'>,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
  max: number,
): GraphQLError | null {
  const cost = Math.ceil(costOf(graph, document, operation, variables));
  if (cost <= max) return null;
  return new GraphQLError(`The operation is too complex: it may cost ${cost}, at most ${max}. Ask for shorter lists, nest fewer of them, or split it.`, {
    nodes: operation,
    extensions: { code: 'QUERY_TOO_COMPLEX', details: { limit: 'cost', max, actual: cost, cost } },
  });
}

/** Costs that depend on no variable. */
const fixed = new WeakMap<OperationDefinitionNode, { graph: object; cost: number }>();

interface Counting {
  graph: Pick<Graph, 'schema' | 'costs'>;
  fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  variables: Variables;
  defaults: ReadonlyMap<string, ValueNode>;
  /** Costs of fragments, by name and size of the lists in them: each is counted once, however far they multiply. */
  spread: Map<string, number>;
  /** Whether the values of variables have made a difference. */
  depends: boolean;
}

/** Lists of a connection, and how long they are. */
interface Sized {
  fields: readonly string[];
  size: number;
}

function selectionsCost(counting: Counting, parent: GraphQLCompositeType, set: SelectionSetNode, sized: Sized | null, isMutation = false): number {
  let cost = 0;
  for (const selection of set.selections) {
    if (selection.directives?.length) counting.depends = true;
    if (!isIncluded(selection.directives, counting.variables as Readonly<Record<string, boolean>>)) continue;
    if (selection.kind === Kind.FIELD) cost += fieldCost(counting, parent, selection, sized, isMutation);
    else if (selection.kind === Kind.FRAGMENT_SPREAD) cost += spreadCost(counting, selection.name.value, sized, isMutation);
    else cost += selectionsCost(counting, typeNamed(counting, selection.typeCondition?.name.value) ?? parent, selection.selectionSet, sized, isMutation);
  }
  return cost;
}

function spreadCost(counting: Counting, name: string, sized: Sized | null, isMutation: boolean): number {
  const key = `${name} ${sized?.size} ${sized?.fields.join()}`;
  const known = counting.spread.get(key);
  if (known !== undefined) return known;
  // A fragment that spreads itself is refused elsewhere.
  counting.spread.set(key, 0);
  const fragment = counting.fragments.get(name);
  const type = typeNamed(counting, fragment?.typeCondition.name.value);
  const cost = fragment && type ? selectionsCost(counting, type, fragment.selectionSet, sized, isMutation) : 0;
  counting.spread.set(key, cost);
  return cost;
}

function typeNamed({ graph }: Counting, name: string | undefined): GraphQLCompositeType | undefined {
  const type = name === undefined ? undefined : graph.schema.getType(name);
  return isCompositeType(type) ? type : undefined;
}

function fieldCost(counting: Counting, parent: GraphQLCompositeType, node: FieldNode, sized: Sized | null, isMutation: boolean): number {
  const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[node.name.value] : undefined;
  if (!field) return 0;
  const { costs } = counting.graph;
  const coordinate = `${parent.name}.${field.name}`;
  const type = getNamedType(field.type);
  const weight = costs.weights.get(coordinate) ?? costs.weights.get(type.name) ?? (isMutation ? MUTATION_WEIGHT : isCompositeType(type) ? 1 : 0);
  const rule = costs.listSizes.get(coordinate);
  const slice = sliceOf(counting, field, node, rule);
  const isList = isListOf(field.type);
  const own = sized?.fields.includes(field.name) ? sized.size : undefined;
  const size = isList ? (slice ?? own ?? rule?.assumedSize ?? givenItems(counting, node) ?? ASSUMED_SIZE) : 1;
  if (!node.selectionSet || !isCompositeType(type)) return size * weight;
  // Of a connection the arguments of its field say how long the lists in it are.
  const length = slice ?? rule?.assumedSize;
  const below = !isList && length !== undefined ? { fields: rule?.sizedFields.length ? rule.sizedFields : SIZED, size: length } : null;
  return size * (weight + selectionsCost(counting, type, node.selectionSet, below));
}

/** How many the arguments of a field allow; undefined when they do not say. */
function sliceOf(counting: Counting, field: GraphQLField<unknown, unknown>, node: FieldNode, rule: ListSize | undefined): number | undefined {
  const names = rule && rule.slicingArguments.length > 0 ? rule.slicingArguments : SLICING;
  const sizes = field.args.flatMap(({ name, defaultValue }) => {
    if (!names.includes(name)) return [];
    const given = node.arguments?.find((argument) => argument.name.value === name);
    const value = given ? argumentValue(counting, given) : undefined;
    const size = Number(value ?? defaultValue ?? Number.NaN);
    return Number.isFinite(size) ? [Math.max(0, size)] : [];
  });
  return sizes.length > 0 ? Math.max(...sizes) : undefined;
}

/** The longest list among the arguments: who asks for so many ids gets so many things. */
function givenItems(counting: Counting, { arguments: given = [] }: FieldNode): number | undefined {
  const lengths = given.flatMap((argument) => {
    const value = argumentValue(counting, argument);
    return Array.isArray(value) ? [value.length] : [];
  });
  return lengths.length > 0 ? Math.max(...lengths) : undefined;
}

/** A number or a list of an argument; what is inside lists does not matter. */
function argumentValue(counting: Counting, { value }: ArgumentNode): unknown {
  if (value.kind !== Kind.VARIABLE) return literalOf(value);
  counting.depends = true;
  const name = value.name.value;
  const given = counting.variables[name];
  const byDefault = counting.defaults.get(name);
  return given === undefined && byDefault ? literalOf(byDefault) : given;
}

function literalOf(value: ValueNode): unknown {
  if (value.kind === Kind.INT) return Number(value.value);
  return value.kind === Kind.LIST ? value.values : undefined;
}

function defaultsOf({ variableDefinitions = [] }: OperationDefinitionNode): Map<string, ValueNode> {
  return new Map(variableDefinitions.flatMap(({ variable, defaultValue }) => (defaultValue ? [[variable.name.value, defaultValue] as const] : [])));
}

function isListOf(type: GraphQLOutputType): boolean {
  return isNonNullType(type) ? isListOf(type.ofType) : isListType(type);
}
