import { createHash } from 'node:crypto';
import { type Schema, Supergraph } from '@apollo/federation-internals';
import { QueryPlanner } from '@apollo/query-planner';
import {
  type ConstDirectiveNode,
  type DocumentNode,
  getNamedType,
  type GraphQLSchema,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  visit,
} from 'graphql';
import { partialTypesIn } from './abstractTypes.js';
import { type CacheRules, cacheRulesIn } from './cacheRules.js';
import { type CostRules, costRulesIn } from './costRules.js';

/** Plans that are weighed against each other for one operation; Apollo's 10,000 take seconds for large operations. */
const MAX_EVALUATED_PLANS = 500;

/** A supergraph made ready for planning and execution. Replaced as a whole when the supergraph changes. */
export interface Graph {
  readonly planner: QueryPlanner;
  /** The public schema, as the planner knows it and as graphql-js does. */
  readonly api: Schema;
  readonly schema: GraphQLSchema;
  /** Names of fields that take arguments somewhere in the supergraph. */
  readonly fieldsWithArguments: ReadonlySet<string>;
  /** What a field has to be told by other subgraphs before it can answer: its `@requires`, by `Type.field`. */
  readonly requirements: ReadonlyMap<string, readonly Requirement[]>;
  /** Unions and interfaces that subgraphs know with different object types. */
  readonly partialTypes: ReadonlySet<string>;
  /** Names of all fields that some field requires, at any depth. */
  readonly requiredFields: ReadonlySet<string>;
  /** Names of fields of which a part is required, or is in a key: what clients select below them must not meet that. */
  readonly partlyRequired: ReadonlySet<string>;
  /** Keys by which a subgraph finds a type's entities, by `Type subgraph`. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
  /** Labels of fields that are on the move between subgraphs (`@override(label:)`), with the share of operations that go to the new one, 0 to 100. */
  readonly overrides: readonly { label: string; percent: number }[];
  /** What the supergraph says of the cost of its fields. */
  readonly costs: CostRules;
  /** What it says of keeping answers (GW-30). */
  readonly caching: CacheRules;
  /** Names the supergraph: answers of another one are other answers. */
  readonly fingerprint: string;
  /** Whether this is the name of an object type, also of one that clients cannot see. */
  isObjectType(name: string): boolean;
  /** Name of the type of a field, without lists and non-nulls; undefined when there is no such field. */
  typeOfField(type: string, field: string): string | undefined;
  /** Names of the object types that satisfy a type condition, those included that clients cannot see. */
  objectTypes(condition: string): readonly string[];
  /** Whether an object whose `__typename` is this satisfies a type condition. */
  satisfies(typename: string, condition: string): boolean;
}

/** A `@requires` of one subgraph. */
export interface Requirement {
  subgraph: string;
  fields: string;
}

/** @throws Error when the text is no supergraph that the planner understands */
export function buildGraph(supergraphSdl: string): Graph {
  const document = withoutUnusableKeys(parse(supergraphSdl, { noLocation: true }));
  const supergraph = Supergraph.build(document, { validateSupergraph: false });
  const api = supergraph.apiSchema();
  const whole = supergraph.schema.toGraphQLJSSchema();
  const graphNames = new Map([...supergraph.subgraphNameToGraphEnumValue()].map(([name, value]) => [value, name]));
  const nameOf = (value: string): string => graphNames.get(value) ?? value;
  const conditions = new Map<string, Set<string>>();
  const namesFor = (condition: string): Set<string> => {
    const names = new Set([condition]);
    const type = whole.getType(condition);
    if (isAbstractType(type)) {
      for (const { name } of whole.getPossibleTypes(type)) names.add(name);
      if (isInterfaceType(type)) for (const { name } of whole.getImplementations(type).interfaces) names.add(name);
    }
    return names;
  };
  const requirements = requirementsIn(document, nameOf);
  const requiredSets = [...requirements.values()].flat().map(({ fields }) => fields);
  const keys = keysIn(document, nameOf);
  return {
    planner: new QueryPlanner(supergraph, { debug: { maxEvaluatedPlans: MAX_EVALUATED_PLANS } }),
    api,
    schema: api.toGraphQLJSSchema(),
    fieldsWithArguments: fieldsWithArguments(whole),
    partialTypes: partialTypesIn([...supergraph.subgraphs()].map(({ schema }) => schema)),
    requirements,
    requiredFields: namesIn(requiredSets, false),
    partlyRequired: namesIn([...requiredSets, ...[...keys.values()].flat()], true),
    keys,
    overrides: overridesIn(document),
    costs: costRulesIn(document),
    caching: cacheRulesIn(document),
    fingerprint: createHash('sha256').update(supergraphSdl).digest('base64url'),
    isObjectType: (name) => isObjectType(whole.getType(name)),
    typeOfField(name, field) {
      const type = whole.getType(name);
      const definition = isObjectType(type) || isInterfaceType(type) ? type.getFields()[field] : undefined;
      return definition && getNamedType(definition.type).name;
    },
    objectTypes(condition) {
      const type = whole.getType(condition);
      return isAbstractType(type) ? whole.getPossibleTypes(type).map(({ name }) => name) : [condition];
    },
    satisfies(typename, condition) {
      let names = conditions.get(condition);
      // As many entries as the supergraph has types: plans name no others.
      if (!names) conditions.set(condition, (names = namesFor(condition)));
      return names.has(typename);
    },
  };
}

/**
 * Takes keys that a subgraph does not resolve from what the planner sees. When it goes back to a subgraph for a `@requires` it takes any key
 * that is at hand, also one marked `resolvable: false`, and the subgraph answers null.
 */
function withoutUnusableKeys(document: DocumentNode): DocumentNode {
  const enter = <N extends { directives?: readonly ConstDirectiveNode[] }>(node: N): N | undefined => {
    const directives = node.directives ?? [];
    const kept = directives.filter((directive) => {
      if (directive.name.value !== 'join__type' || !isUnusable(directive)) return true;
      const graph = argument(directive, 'graph');
      // The only key of a type stays: the planner never goes where there is no way, and what only the key uses would look unused.
      return !directives.some((other) => other.name.value === 'join__type' && argument(other, 'graph') === graph && !isUnusable(other));
    });
    return kept.length === directives.length ? undefined : { ...node, directives: kept };
  };
  return visit(document, { ObjectTypeDefinition: { enter }, InterfaceTypeDefinition: { enter } });
}

function isUnusable(directive: ConstDirectiveNode): boolean {
  return directive.arguments?.some(({ name, value }) => name.value === 'resolvable' && value.kind === Kind.BOOLEAN && !value.value) ?? false;
}

function argument(directive: ConstDirectiveNode, name: string): string | undefined {
  const value = directive.arguments?.find((given) => given.name.value === name)?.value;
  return value?.kind === Kind.ENUM || value?.kind === Kind.STRING ? value.value : undefined;
}

function fieldsWithArguments(schema: GraphQLSchema): Set<string> {
  const types = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type) || isInterfaceType(type));
  return new Set(types.flatMap((type) => Object.values(type.getFields()).flatMap(({ name, args }) => (args.length > 0 ? [name] : []))));
}

/** Calls back for each directive of types and fields that names a subgraph. */
function eachOf(document: DocumentNode, directiveName: string, found: (coordinate: string, directive: ConstDirectiveNode) => void): void {
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION && definition.kind !== Kind.INTERFACE_TYPE_DEFINITION) continue;
    const name = definition.name.value;
    const named = (directives: readonly ConstDirectiveNode[] = []) => directives.filter((directive) => directive.name.value === directiveName);
    for (const directive of named(definition.directives)) found(name, directive);
    for (const field of definition.fields ?? []) for (const directive of named(field.directives)) found(`${name}.${field.name.value}`, directive);
  }
}

function requirementsIn(document: DocumentNode, nameOf: (graph: string) => string): Map<string, Requirement[]> {
  const found = new Map<string, Requirement[]>();
  eachOf(document, 'join__field', (coordinate, directive) => {
    const [fields, graph] = [argument(directive, 'requires'), argument(directive, 'graph')];
    if (fields !== undefined && graph !== undefined) found.set(coordinate, [...(found.get(coordinate) ?? []), { subgraph: nameOf(graph), fields }]);
  });
  return found;
}

/** Names of the fields in these sets; or only of those with a selection of their own. */
function namesIn(fieldSets: readonly string[], composite: boolean): Set<string> {
  const names = new Set<string>();
  for (const fields of fieldSets) {
    visit(parse(`{ ${fields} }`), { Field: ({ name, selectionSet }) => void ((selectionSet || !composite) && names.add(name.value)) });
  }
  return names;
}

/** A label that is no `percent(n)` names a decision of its owner's, which nobody takes here: such fields stay where they were. */
function overridesIn(document: DocumentNode): { label: string; percent: number }[] {
  const found = new Map<string, number>();
  eachOf(document, 'join__field', (_coordinate, directive) => {
    const label = argument(directive, 'overrideLabel');
    const percent = label === undefined ? undefined : /^percent\((\d+(?:\.\d+)?)\)$/.exec(label)?.[1];
    if (label !== undefined && percent !== undefined) found.set(label, Number(percent));
  });
  return [...found].map(([label, percent]) => ({ label, percent }));
}

function keysIn(document: DocumentNode, nameOf: (graph: string) => string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  eachOf(document, 'join__type', (type, directive) => {
    const [key, graph] = [argument(directive, 'key'), argument(directive, 'graph')];
    if (key === undefined || graph === undefined) return;
    const place = `${type} ${nameOf(graph)}`;
    found.set(place, [...(found.get(place) ?? []), key]);
  });
  return found;
}
