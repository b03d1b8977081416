import { baseType, isInterfaceType, isObjectType, isUnionType, type NamedType, type ObjectType, type Schema } from '@apollo/federation-internals';
import { type DocumentNode, type FragmentDefinitionNode, getOperationAST, Kind, type SelectionSetNode } from 'graphql';
import { SAME_FOR_ALL_TAG } from '../platform/sameForAll.js';

/**
 * Whether everybody who may run an operation at all gets the same answer: each of its fields says so in the schema (platform/sameForAll.ts). Fields
 * under a condition count as selected. An abstract type says it when all types behind it do.
 */
export function isSameForAll(schema: Schema, document: DocumentNode, operationName?: string | null): boolean {
  const operation = getOperationAST(document, operationName);
  const root = operation && schema.schemaDefinition.rootType(operation.operation);
  if (!operation || !root) return false;
  const fragments = new Map(document.definitions.flatMap((part) => (part.kind === Kind.FRAGMENT_DEFINITION ? [[part.name.value, part] as const] : [])));
  return selects(schema, fragments, root, operation.selectionSet, new Set());
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

function selects(schema: Schema, fragments: Fragments, type: NamedType, set: SelectionSetNode, spread: ReadonlySet<string>): boolean {
  return set.selections.every((selection) => {
    if (selection.kind === Kind.FIELD) {
      if (selection.name.value === '__typename') return true;
      return objectsOf(type).every((object) => {
        const field = object.field(selection.name.value);
        if (!field?.appliedDirectivesOf('tag').some((tag) => tag.arguments().name === SAME_FOR_ALL_TAG)) return false;
        const inner = field.type && baseType(field.type);
        return !selection.selectionSet || (inner !== undefined && selects(schema, fragments, inner, selection.selectionSet, spread));
      });
    }
    const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value) : undefined;
    if (selection.kind === Kind.FRAGMENT_SPREAD && (!fragment || spread.has(selection.name.value))) return false;
    const condition = selection.kind === Kind.INLINE_FRAGMENT ? selection.typeCondition : fragment?.typeCondition;
    const narrowed = condition ? schema.type(condition.name.value) : type;
    const inner = selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : fragment?.selectionSet;
    const within = fragment ? new Set([...spread, fragment.name.value]) : spread;
    return narrowed !== undefined && inner !== undefined && selects(schema, fragments, narrowed, inner, within);
  });
}

/** The object types that a value of this type may have; none, for what has no fields. */
function objectsOf(type: NamedType): readonly ObjectType[] {
  if (isObjectType(type)) return [type];
  if (isInterfaceType(type)) return [...type.possibleRuntimeTypes()];
  return isUnionType(type) ? [...type.types()] : [];
}
