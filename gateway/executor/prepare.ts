import { operationFromDocument } from '@apollo/federation-internals';
import type { FetchNode } from '@apollo/query-planner';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  getVariableValues,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { type BoundedCache, createBoundedCache } from '../boundedCache.js';
import type { Graph } from './graph.js';
import { lateStep } from './late.js';
import { planningDocuments } from './passes.js';
import { checkPlan } from './planCheck.js';
import { compileFetch, compilePlan, type FetchStep, type Step } from './plan.js';
import type { Conditions, SelectionScope } from './selections.js';
import { compileShape, type ObjectShape } from './shape.js';
import { createSourceNames } from './sourceNames.js';
import { compileText, type WriteText } from './text.js';

/** Documents whose plans are kept, and plans that are kept of one document: each of its operations with each set of condition values. */
const MAX_DOCUMENTS = 2_000;
const MAX_PLANS_PER_DOCUMENT = 16;

/** An operation with its conditions decided, ready to run. */
export interface Prepared {
  kind: OperationDefinitionNode['operation'];
  shape: ObjectShape;
  writeText: WriteText;
  /** Plans whose results together are the answer: one, but in rare cases. None when nothing is asked of a subgraph. */
  plans: readonly Step[];
  /** Steps over the results of all plans. */
  late: readonly Step[];
  /** For subscriptions: the fetch that is subscribed to, and as the planner made it. */
  primary: { step: FetchStep; node: FetchNode } | null;
  /** `__schema` and `__type` at the top of the operation, to be answered by graphql-js. */
  introspection: DocumentNode | null;
}

export interface Preparer {
  /** @throws InvalidVariables, or Unanswerable for an operation that cannot be answered rightly */
  prepare(document: DocumentNode, operationName: string | null | undefined, variables: Readonly<Record<string, unknown>>): Prepared;
}

/** What is known of one operation of a document, whatever the values of its conditions. */
interface Known {
  operation: OperationDefinitionNode;
  fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  conditionNames: readonly string[];
}

export function createPreparer(graph: Graph): Preparer {
  const documents = createBoundedCache<DocumentNode, { operations: Map<string, Known>; plans: BoundedCache<string, Prepared> }>(MAX_DOCUMENTS);
  return {
    prepare(document, operationName, variables) {
      let entry = documents.get(document);
      if (!entry) documents.set(document, (entry = { operations: new Map(), plans: createBoundedCache(MAX_PLANS_PER_DOCUMENT) }));
      const name = operationName ?? '';
      let known = entry.operations.get(name);
      if (!known) entry.operations.set(name, (known = readOperation(document, operationName)));
      const values = coerce(graph.schema, known.operation, variables);
      const conditions = Object.fromEntries(known.conditionNames.map((condition) => [condition, values[condition] === true]));
      const key = known.conditionNames.length === 0 ? name : `${name} ${JSON.stringify(Object.values(conditions))}`;
      let prepared = entry.plans.get(key);
      if (!prepared) entry.plans.set(key, (prepared = prepareOperation(graph, known, conditions)));
      return prepared;
    },
  };
}

function readOperation(document: DocumentNode, operationName: string | null | undefined): Known {
  const operations = document.definitions.filter((definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION);
  const operation = operationName ? operations.find(({ name }) => name?.value === operationName) : operations[0];
  if (!operation) throw new GraphQLError('The document has no operation of that name.');
  const fragments = new Map(document.definitions.flatMap((part) => (part.kind === Kind.FRAGMENT_DEFINITION ? [[part.name.value, part] as const] : [])));
  return { operation, fragments, conditionNames: conditionsIn(operation, fragments) };
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

function conditionsOf({ directives = [] }: SelectionNode): string[] {
  return directives.flatMap(({ name, arguments: given }) => {
    const value = given?.[0]?.value;
    return (name.value === 'skip' || name.value === 'include') && value?.kind === Kind.VARIABLE ? [value.name.value] : [];
  });
}

function coerce(schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const definitions = operation.variableDefinitions ?? [];
  if (definitions.length === 0) return {};
  const { errors, coerced } = getVariableValues(schema, definitions, variables, { maxErrors: 20 });
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

function prepareOperation(graph: Graph, { operation, fragments }: Known, conditions: Conditions): Prepared {
  const scope: SelectionScope = { schema: graph.schema, fragments, conditions };
  const names = createSourceNames(graph);
  const { documents, late } = planningDocuments(graph, scope, operation, names);
  const planned = documents.map((document) => ({
    document,
    node: graph.planner.buildQueryPlan(operationFromDocument(graph.api, document, { validate: false })).node,
  }));
  const shape = compileShape(graph, scope, operation, names);
  const plans: Step[] = [];
  let primary: Prepared['primary'] = null;
  for (const { document, node } of planned) {
    checkPlan(graph, document, node);
    if (node?.kind === 'Subscription') {
      primary = { step: compileFetch(graph, node.primary), node: node.primary };
      if (node.rest) plans.push(compilePlan(graph, node.rest));
    } else if (node) plans.push(compilePlan(graph, node));
  }
  return {
    kind: operation.operation,
    shape,
    writeText: compileText(shape),
    plans,
    late: late.map((field) => lateStep(graph, operation, field)),
    primary,
    introspection: introspectionOf(operation, shape, fragments),
  };
}

/** The introspection in an operation, as an operation of its own. */
function introspectionOf(operation: OperationDefinitionNode, shape: ObjectShape, fragments: Known['fragments']): DocumentNode | null {
  const selections = shape.common().flatMap((field) => (field.isIntrospection ? field.nodes : []));
  if (selections.length === 0) return null;
  return { kind: Kind.DOCUMENT, definitions: [{ ...operation, selectionSet: { kind: Kind.SELECTION_SET, selections } }, ...fragments.values()] };
}
