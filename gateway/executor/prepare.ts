import { operationFromDocument } from '@apollo/federation-internals';
import type { FetchNode } from '@apollo/query-planner';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
  valueFromASTUntyped,
} from 'graphql';
import { variableValues } from '../../platform/variableValues.js';
import { createBoundedCache } from '../boundedCache.js';
import { type CachePolicy, cachePolicyOf } from './cachePolicy.js';
import { documentBytes } from './documentBytes.js';
import type { Graph } from './graph.js';
import { lateStep } from './late.js';
import { askForPartialTypes } from './partialTypes.js';
import { type PlanningDocuments, planningDocuments, Unanswerable } from './passes.js';
import { checkPlan } from './planCheck.js';
import { compileFetch, compilePlan, type FetchStep, markRepeated, type Step, stepBytes } from './plan.js';
import { type Conditions, conditionsOf, type SelectionScope } from './selections.js';
import { compileShape, type ObjectShape } from './shape.js';
import { createSourceNames, type SourceNames } from './sourceNames.js';
import { compileText, type WriteText } from './text.js';

/** Plans that are kept, each of one operation with one set of condition values; and bytes of them all, with the documents that they belong to. */
const MAX_PLANS = 4_000;
const MAX_PLAN_BYTES = 128 * 1024 * 1024;
/** Texts whose operations are known again when they come as another document, and bytes of those documents. */
const MAX_TEXTS = 1_000;
const MAX_TEXT_BYTES = 32 * 1024 * 1024;

/** An operation with its conditions decided, ready to run. */
export interface Prepared {
  kind: OperationDefinitionNode['operation'];
  /** Names of the fields at the top. */
  rootFields: readonly string[];
  shape: ObjectShape;
  writeText: WriteText;
  /** Plans whose results together are the answer: one, but in rare cases. None when nothing is asked of a subgraph. */
  plans: readonly Step[];
  /** Steps over the results of all plans. */
  late: readonly Step[];
  /** For mutations of several root fields: each by itself, in place of `plans` and `late`. */
  series: readonly MutationField[] | null;
  /** For subscriptions: the fetch that is subscribed to, and as the planner made it. */
  primary: { step: FetchStep; node: FetchNode } | null;
  /** `__schema` and `__type` at the top of the operation, to be answered by graphql-js. */
  introspection: DocumentNode | null;
  /** How long its answers may be kept for everybody; null when they may not. */
  caching: CachePolicy | null;
}

/** A root field of a mutation, and all that belongs to it: the next one runs once this is complete, and only if it is not null where it must not be. */
export interface MutationField {
  steps: readonly Step[];
  /** The answer with this field alone. */
  shape: ObjectShape;
}

export interface Preparer {
  /** @throws InvalidVariables, or Unanswerable for an operation that cannot be answered rightly */
  prepare(document: DocumentNode, operationName: string | null | undefined, variables: Readonly<Record<string, unknown>>): Prepared;
  /** Plans an operation before anybody runs it, for the values that its conditions have when they are not given. @throws what `prepare` throws */
  prepareAhead(document: DocumentNode, operationName: string | null | undefined): void;
}

/** Labels of `@override` that are on. */
type Moved = ReadonlyMap<string, boolean>;

/** What is known of one operation of a document, whatever the values of its conditions. */
interface Known {
  /** Names it in the keys of plans. */
  id: number;
  bytes: number;
  operation: OperationDefinitionNode;
  fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  conditionNames: readonly string[];
}

export function createPreparer(graph: Graph, { maxPlans = MAX_PLANS, maxPlanBytes = MAX_PLAN_BYTES } = {}): Preparer {
  // Goes with the document, which whoever keeps documents keeps.
  const operations = new WeakMap<DocumentNode, Map<string, Known>>();
  // Apollo Server and the short way each keep documents of their own: what one of them has had planned, by a warm-up too, the other need not.
  const ofText = createBoundedCache<string, { named: Map<string, Known>; document: DocumentNode }>(MAX_TEXTS, {
    limit: MAX_TEXT_BYTES,
    of: (_text, { document }) => documentBytes(document),
  });
  const namedOf = (document: DocumentNode): Map<string, Known> => {
    const present = operations.get(document);
    if (present) return present;
    const text = document.loc?.source.body;
    const named = (text === undefined ? undefined : ofText.get(text)?.named) ?? new Map<string, Known>();
    operations.set(document, named);
    if (text !== undefined) ofText.set(text, { named, document });
    return named;
  };
  let count = 0;
  const plans = createBoundedCache<string, { known: Known; prepared: Prepared }>(maxPlans, {
    limit: maxPlanBytes,
    of: (_key, { known, prepared }) => planBytes(known, prepared),
  });
  const prepareWith = (
    document: DocumentNode,
    operationName: string | null | undefined,
    valuesFor: (operation: OperationDefinitionNode) => Record<string, unknown>,
  ): Prepared => {
    const named = namedOf(document);
    const name = operationName ?? '';
    let known = named.get(name);
    if (!known) {
      count += 1;
      const read = readOperation(document, operationName, count);
      // The only operation of a document may be asked for by its name, or without one.
      const own = read.operation.name?.value ?? '';
      known = named.get(own) ?? read;
      named.set(own, known).set(name, known);
    }
    const values = valuesFor(known.operation);
    const conditions = Object.fromEntries(known.conditionNames.map((condition) => [condition, values[condition] === true]));
    const moved = movedBy(graph, graph.overrides.length > 0 ? Math.random() * 100 : 0);
    const decided = known.conditionNames.length === 0 && moved.size === 0 ? '' : JSON.stringify([...Object.values(conditions), ...moved.keys()]);
    const key = `${known.id} ${decided}`;
    const kept = plans.get(key);
    if (kept) return kept.prepared;
    const prepared = prepareOperation(graph, known, conditions, moved);
    markRepeated([...prepared.plans, ...prepared.late, ...(prepared.series ?? []).flatMap(({ steps }) => steps)]);
    plans.set(key, { known, prepared });
    return prepared;
  };
  return {
    prepare: (document, operationName, variables) => prepareWith(document, operationName, (operation) => coerce(graph.schema, operation, variables)),
    prepareAhead: (document, operationName) => void prepareWith(document, operationName, defaultsOf),
  };
}

/** The values of variables that nobody has given. */
function defaultsOf({ variableDefinitions = [] }: OperationDefinitionNode): Record<string, unknown> {
  return Object.fromEntries(
    variableDefinitions.flatMap(({ variable, defaultValue }) => (defaultValue ? [[variable.name.value, valueFromASTUntyped(defaultValue)]] : [])),
  );
}

/** The labels that are on for one operation: by one draw, so that there are no more plans than labels. */
function movedBy({ overrides }: Graph, draw: number): Moved {
  return new Map(overrides.flatMap(({ label, percent }) => (draw < percent ? [[label, true] as const] : [])));
}

function readOperation(document: DocumentNode, operationName: string | null | undefined, id: number): Known {
  const operations = document.definitions.filter((definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION);
  const operation = operationName ? operations.find(({ name }) => name?.value === operationName) : operations[0];
  if (!operation) throw new GraphQLError('The document has no operation of that name.');
  const fragments = new Map(document.definitions.flatMap((part) => (part.kind === Kind.FRAGMENT_DEFINITION ? [[part.name.value, part] as const] : [])));
  return { id, bytes: documentBytes(document), operation, fragments, conditionNames: conditionsIn(operation, fragments) };
}

/** About how much memory a plan takes: what is compiled of a document is as large again as the document, twice, and then come the fetches. */
function planBytes({ bytes }: Known, { plans, late, series, primary }: Prepared): number {
  const steps = [...plans, ...late, ...(series ?? []).flatMap((field) => field.steps), ...(primary ? [primary.step] : [])];
  return bytes * 3 + steps.reduce((sum, step) => sum + stepBytes(step), 0);
}

/** Variables that `@skip` and `@include` depend on. */
function conditionsIn(operation: OperationDefinitionNode, fragments: ReadonlyMap<string, FragmentDefinitionNode>): string[] {
  const names = new Set<string>();
  const visited = new Set<string>();
  const enter = (name: string) => {
    if (visited.has(name)) return;
    visited.add(name);
    const fragment = fragments.get(name);
    if (fragment) walk(fragment.selectionSet);
  };
  const walk = ({ selections }: SelectionSetNode) => {
    for (const selection of selections) {
      for (const name of conditionsOf(selection)) names.add(name);
      if (selection.kind === Kind.FRAGMENT_SPREAD) enter(selection.name.value);
      else if (selection.selectionSet) walk(selection.selectionSet);
    }
  };
  walk(operation.selectionSet);
  return [...names].sort();
}

function coerce(schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const definitions = operation.variableDefinitions ?? [];
  if (definitions.length === 0) return {};
  const { errors, coerced } = variableValues(schema, definitions, variables);
  if (errors) throw new InvalidVariables(errors);
  return coerced;
}

/** Variables that do not fit their types. */
export class InvalidVariables extends Error {
  override name = 'InvalidVariables';
  readonly errors: readonly GraphQLError[];

  constructor(errors: readonly GraphQLError[]) {
    super('The variables do not fit.');
    this.errors = errors;
  }
}

function prepareOperation(graph: Graph, { operation, fragments }: Known, conditions: Conditions, moved: Moved): Prepared {
  const scope: SelectionScope = { schema: graph.schema, fragments, conditions };
  const names = createSourceNames(graph);
  const shape = compileShape(graph, scope, operation, names);
  const rootFields = shape.common().map(({ name }) => name);
  const common = { kind: operation.operation, rootFields, shape, writeText: compileText(shape), introspection: introspectionOf(operation, shape, fragments) };
  const fields = shape.common().filter(({ name }) => !name.startsWith('__'));
  // One plan for all would put fields of one subgraph into one fetch, and join what is elsewhere behind all of them: then it would show what the
  // later ones have changed.
  if (operation.operation === OperationTypeNode.MUTATION && fields.length > 1) {
    const series = fields.map((field): MutationField => {
      const alone = { ...operation, selectionSet: { kind: Kind.SELECTION_SET, selections: field.nodes } } as const;
      const { plans, late } = planOperation(graph, scope, alone, names, moved);
      return { steps: [...plans, ...late], shape: { ...shape, common: () => [field] } };
    });
    return { ...common, plans: [], late: [], series, primary: null, caching: null };
  }
  const planned = planOperation(graph, scope, operation, names, moved);
  const caching = cachePolicyOf(graph, operation, fragments, [...planned.plans, ...planned.late]);
  return { ...common, ...planned, series: null, caching };
}

type Planned = Pick<Prepared, 'plans' | 'late' | 'primary'>;

/**
 * Plans an operation. Where Apollo's planner fails, or its plan would not give all that is asked for, it is asked once more for less: without the fields that
 * require others, which are then fetched last by fetches of our own.
 * @throws Unanswerable when that does not help either
 */
function planOperation(graph: Graph, scope: SelectionScope, operation: OperationDefinitionNode, names: SourceNames, moved: Moved): Planned {
  try {
    return planWith(graph, planningDocuments(graph, scope, operation, names), operation, moved);
  } catch (error) {
    if (error instanceof GraphQLError && !(error instanceof Unanswerable)) throw error;
    try {
      return planWith(graph, planningDocuments(graph, scope, operation, names, true), operation, moved);
    } catch {
      if (error instanceof Unanswerable) throw error;
      throw new Unanswerable('No way was found to answer this. Ask for less at once.', error as Error);
    }
  }
}

function planWith(graph: Graph, { documents, late }: PlanningDocuments, operation: OperationDefinitionNode, moved: Moved): Planned {
  const plans: Step[] = [];
  let primary: Prepared['primary'] = null;
  for (const document of documents) {
    const overrideConditions = new Map(moved);
    const { node } = graph.planner.buildQueryPlan(operationFromDocument(graph.api, document, { validate: false }), { overrideConditions });
    askForPartialTypes(graph, document, node);
    checkPlan(graph, document, node);
    if (node?.kind === 'Subscription') {
      primary = { step: compileFetch(graph, node.primary), node: node.primary };
      if (node.rest) plans.push(compilePlan(graph, node.rest));
    } else if (node) plans.push(compilePlan(graph, node));
  }
  return { plans, late: late.map((field) => lateStep(graph, operation, field)), primary };
}

/** The introspection in an operation, as an operation of its own. */
function introspectionOf(operation: OperationDefinitionNode, shape: ObjectShape, fragments: Known['fragments']): DocumentNode | null {
  const selections = shape.common().flatMap((field) => (field.isIntrospection ? field.nodes : []));
  if (selections.length === 0) return null;
  return { kind: Kind.DOCUMENT, definitions: [{ ...operation, selectionSet: { kind: Kind.SELECTION_SET, selections } }, ...fragments.values()] };
}
