import type { FetchNode } from '@apollo/query-planner';
import {
  type FieldNode,
  getNamedType,
  GraphQLInt,
  type GraphQLSchema,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  parse,
  print,
  type SelectionNode,
  type SelectionSetNode,
  type VariableDefinitionNode,
  valueFromASTUntyped,
  visit,
} from 'graphql';
import { hasReplaceableKinds } from './delivery.js';

/** Carries the resumption point of an upstream, in place of whatever the client wrote for `afterSequence`. */
export const AFTER_SEQUENCE_VARIABLE = '_wgAfterSequence';
const SEQUENCE_ALIAS = '_wgSequence';
const KIND_ALIAS = '_wgKind';

/** The operation that is subscribed to at the owning subgraph, and how to read and resume its events. */
export interface PrimaryOperation {
  query: string;
  operationName: string | undefined;
  /** Name of the subscription root field, and the name under which the client wants it. */
  rootField: string;
  responseName: string;
  /** The field takes `afterSequence` and its events are numbered: a broken upstream can go on where it was. */
  resumable: boolean;
  /** Response names of `sequence` and `kind` in an event; null when the field has none or nobody needs them. */
  sequenceName: string | null;
  kindName: string | null;
  /** The client's own variables that the subgraph needs, without `afterSequence`. */
  variableNames: readonly string[];
  /** The resumption point that the client asked for; null when none. */
  afterSequenceOf(variables: Record<string, unknown>): number | null;
}

/**
 * Prepares the primary fetch of a subscription plan. Events of a resumable field are asked for `sequence` and `kind` under reserved aliases,
 * whether or not the client wants them: shaping the answer to the client's own selection drops them again.
 */
export function preparePrimary(fetch: FetchNode, schema: GraphQLSchema): PrimaryOperation {
  const document = parse(fetch.operation, { noLocation: true });
  const operation = document.definitions.find((definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION);
  const field = operation && rootFieldOf(operation.selectionSet);
  if (!operation || !field) throw new Error('The plan of a subscription has no root field.');
  const definition = schema.getSubscriptionType()?.getFields()[field.name.value];
  const eventType = definition && getNamedType(definition.type);
  const eventFields = eventType && (isObjectType(eventType) || isInterfaceType(eventType)) ? eventType.getFields() : {};
  const numbered = eventFields.sequence !== undefined && getNamedType(eventFields.sequence.type) === GraphQLInt;
  const resumable = numbered && definition?.args.some((argument) => argument.name === 'afterSequence') === true;
  const wantsKind = eventFields.kind !== undefined && hasReplaceableKinds(field.name.value);
  const common = {
    operationName: fetch.operationName,
    rootField: field.name.value,
    responseName: field.alias?.value ?? field.name.value,
    resumable,
    sequenceName: resumable ? SEQUENCE_ALIAS : null,
    kindName: wantsKind ? KIND_ALIAS : null,
  };
  const extra = [...(resumable ? [aliased(SEQUENCE_ALIAS, 'sequence')] : []), ...(wantsKind ? [aliased(KIND_ALIAS, 'kind')] : [])];
  const given = field.arguments?.find((argument) => argument.name.value === 'afterSequence')?.value;
  const rewritten: FieldNode = {
    ...field,
    ...(resumable && { arguments: [...(field.arguments ?? []).filter((argument) => argument.value !== given), afterSequenceArgument] }),
    ...(field.selectionSet && { selectionSet: { ...field.selectionSet, selections: [...field.selectionSet.selections, ...extra] } }),
  };
  const replaced: OperationDefinitionNode = visit(operation, { enter: (node) => (node === field ? rewritten : undefined) });
  const used = variablesIn({ ...replaced, variableDefinitions: [] });
  const definitions = (operation.variableDefinitions ?? []).filter(({ variable }) => used.has(variable.name.value));
  const final: OperationDefinitionNode = { ...replaced, variableDefinitions: resumable ? [...definitions, afterSequenceDefinition] : definitions };
  return {
    ...common,
    query: print({ ...document, definitions: document.definitions.map((part) => (part === operation ? final : part)) }),
    variableNames: definitions.map(({ variable }) => variable.name.value),
    afterSequenceOf(variables) {
      if (!resumable || !given) return null;
      const value = given.kind === Kind.VARIABLE ? (variables[given.name.value] ?? defaultOf(operation, given.name.value)) : valueFromASTUntyped(given);
      return typeof value === 'number' ? value : null;
    },
  };
}

const afterSequenceVariable = { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: AFTER_SEQUENCE_VARIABLE } } as const;
const afterSequenceArgument = { kind: Kind.ARGUMENT, name: { kind: Kind.NAME, value: 'afterSequence' }, value: afterSequenceVariable } as const;
const afterSequenceDefinition: VariableDefinitionNode = {
  kind: Kind.VARIABLE_DEFINITION,
  variable: afterSequenceVariable,
  type: { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: 'Int' } },
};

function aliased(alias: string, name: string): FieldNode {
  return { kind: Kind.FIELD, alias: { kind: Kind.NAME, value: alias }, name: { kind: Kind.NAME, value: name } };
}

/** The one root field of a subscription; the planner may have put it into an inline fragment. */
function rootFieldOf(set: SelectionSetNode): FieldNode | undefined {
  for (const selection of set.selections as readonly SelectionNode[]) {
    if (selection.kind === Kind.FIELD && !selection.name.value.startsWith('__')) return selection;
    const inner = selection.kind === Kind.INLINE_FRAGMENT ? rootFieldOf(selection.selectionSet) : undefined;
    if (inner) return inner;
  }
  return undefined;
}

function variablesIn(operation: OperationDefinitionNode): Set<string> {
  const names = new Set<string>();
  visit(operation, {
    enter(node) {
      if (node.kind === Kind.VARIABLE) names.add(node.name.value);
    },
  });
  return names;
}

function defaultOf(operation: OperationDefinitionNode, name: string): unknown {
  const value = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)?.defaultValue;
  return value && valueFromASTUntyped(value);
}
