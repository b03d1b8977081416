import {
  type FieldNode,
  getNamedType,
  type GraphQLObjectType,
  isCompositeType,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  type SelectionSetNode,
  visit,
} from 'graphql';
import type { Graph } from './graph.js';
import { queryText, type Step } from './plan.js';
import { compileRepresentation, compileRepresentationText, type RepresentationPart } from './representations.js';
import type { SourceNames } from './sourceNames.js';

/**
 * A field that is asked for when everything else is there, by a fetch that we plan ourselves: its `@requires` needs a field that requires
 * something in turn, or the same field with other arguments than its neighbour does. Apollo's planner gets both wrong.
 */
export interface LateField {
  /** Place of the objects in the data, with `@` for each list. */
  path: readonly string[];
  type: string;
  subgraph: string;
  source: string;
  node: FieldNode;
  representation: readonly RepresentationPart[];
}

/** Whether something that a field requires has requirements of its own. */
export function isChained(graph: Graph, type: string, field: string): boolean {
  return (graph.requirements.get(`${type}.${field}`) ?? []).some(({ fields }) => {
    const isComputed = (selections: SelectionSetNode, on: string): boolean =>
      selections.selections.some((selection) => {
        if (selection.kind === Kind.INLINE_FRAGMENT) return isComputed(selection.selectionSet, selection.typeCondition?.name.value ?? on);
        if (selection.kind !== Kind.FIELD) return false;
        if (graph.requirements.has(`${on}.${selection.name.value}`)) return true;
        const inner = graph.typeOfField(on, selection.name.value);
        return selection.selectionSet !== undefined && inner !== undefined && isComputed(selection.selectionSet, inner);
      });
    return isComputed(fieldSet(fields), type);
  });
}

/** How a field can be asked for late, and what has to be selected for that; null when it cannot be. */
export function lateField(
  graph: Graph,
  names: SourceNames,
  parent: GraphQLObjectType,
  path: readonly string[],
  { name, arguments: given }: FieldNode,
  source: string,
): { late: LateField; needs: readonly FieldNode[] } | null {
  const definition = parent.getFields()[name.value];
  // Conditions are decided by now, and variables that only they use must not be declared.
  const node: FieldNode = { kind: Kind.FIELD, name, arguments: given };
  // What is below a late field would need a plan of its own.
  if (!definition || isCompositeType(getNamedType(definition.type))) return null;
  const requirement = graph.requirements.get(`${parent.name}.${name.value}`)?.[0];
  const key = requirement && graph.keys.get(`${parent.name} ${requirement.subgraph}`)?.[0];
  if (!requirement || key === undefined) return null;
  const needs = [...fieldSet(key).selections, ...fieldSet(requirement.fields).selections].filter((selection) => selection.kind === Kind.FIELD);
  const representation: RepresentationPart[] = [{ kind: 'Field', name: '__typename' }, ...needs.map((need) => partOf(names, need))];
  return {
    needs,
    late: {
      path,
      type: parent.name,
      subgraph: requirement.subgraph,
      source,
      node,
      representation: [{ kind: 'InlineFragment', typeCondition: parent.name, selections: representation }],
    },
  };
}

function partOf(names: SourceNames, node: FieldNode): RepresentationPart {
  const inner = node.selectionSet?.selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [partOf(names, selection)];
    if (selection.kind === Kind.FRAGMENT_SPREAD) return [];
    const parts = selection.selectionSet.selections.flatMap((part) => (part.kind === Kind.FIELD ? [partOf(names, part)] : []));
    return [{ kind: 'InlineFragment' as const, typeCondition: selection.typeCondition?.name.value, selections: parts }];
  });
  return { kind: 'Field', name: node.name.value, from: names.of(node, false), ...(inner && { selections: inner }) };
}

/** The fetch for a late field. */
export function lateStep(graph: Graph, operation: OperationDefinitionNode, late: LateField): Step {
  const field = print({ ...late.node, alias: { kind: Kind.NAME, value: late.source } });
  const used = new Set<string>();
  visit(late.node, { Variable: ({ name }) => void used.add(name.value) });
  const definitions = (operation.variableDefinitions ?? []).filter(({ variable }) => used.has(variable.name.value)).map((definition) => print(definition));
  const query = `query(${['$representations: [_Any!]!', ...definitions].join(', ')}) { _entities(representations: $representations) { ... on ${late.type} { ${field} } } }`;
  const step: Step = {
    kind: 'fetch',
    service: late.subgraph,
    query,
    operationName: undefined,
    queryText: queryText(query, undefined),
    mayRepeat: false,
    key: `${late.subgraph}\n${query}`,
    isMutation: false,
    variableNames: [...used],
    represent: compileRepresentation(graph, late.subgraph, late.representation),
    representText: compileRepresentationText(graph, late.subgraph, late.representation),
    rewriteInput: null,
    rewriteOutput: null,
    renamed: new Map(),
    rootNames: () => [],
  };
  return late.path.length === 0 ? step : { kind: 'flatten', path: late.path, step };
}

export function fieldSet(text: string): SelectionSetNode {
  const definition = parse(`{ ${text} }`, { noLocation: true }).definitions[0];
  return (definition as OperationDefinitionNode).selectionSet;
}
