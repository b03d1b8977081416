import { GraphQLError, type GraphQLLeafType, type GraphQLOutputType, isLeafType, isListType, isNonNullType, isObjectType } from 'graphql';
import { type Data, isData } from './merge.js';
import type { FieldShape, ObjectShape } from './shape.js';

type Path = (string | number)[];

/** Stands for a null that may not be where it is, on its way up to the next place where it may. */
const BUBBLE = Symbol('bubble');

/** The code of an error for a null that nothing explains. */
export const UNEXPLAINED_NULL = 'UNEXPLAINED_NULL';

/** Errors that one operation answers with at most, of each kind: a thousand say no more than a million. */
export const MAX_ERRORS = 1_000;

interface Completion {
  errors: GraphQLError[];
  /** Errors so far, those too many to keep included. */
  reported: number;
  isExplained(path: readonly (string | number)[]): boolean;
  path: Path;
}

/**
 * Completes data to the answer exactly as graphql-js would complete the values of resolvers: lists and leaves are checked, and a null in a
 * non-null place goes up to the nearest place that may be null. A null that an error of a subgraph explains is not reported again.
 */
export function complete(
  shape: ObjectShape,
  data: Data,
  isExplained: (path: readonly (string | number)[]) => boolean,
): { data: Data | null; errors: GraphQLError[] } {
  const completion: Completion = { errors: [], reported: 0, isExplained, path: [] };
  const result = completeObject(completion, shape, data, null);
  return { data: result === BUBBLE || result === null ? null : (result as Data), errors: completion.errors };
}

function completeFields(completion: Completion, fields: readonly FieldShape[], typename: string, value: Data): Data | typeof BUBBLE {
  const result: Data = Object.create(null);
  for (const field of fields) {
    if (field.name === '__typename') result[field.responseName] = typename;
    else {
      const given = Object.hasOwn(value, field.source) ? value[field.source] : undefined;
      const { errors, reported } = completion;
      const before = errors.length;
      completion.path.push(field.responseName);
      const completed = field.isIntrospection ? (given ?? null) : completeValue(completion, field.type, field, given);
      completion.path.pop();
      if (completed === BUBBLE) {
        // One reason is enough, and a known one is better.
        if (errors.length === before + 1 && errors[before]?.extensions.code === UNEXPLAINED_NULL && hasOtherReason(completion, fields, field, value)) {
          errors.pop();
          completion.reported = reported;
        }
        return BUBBLE;
      }
      result[field.responseName] = completed;
    }
  }
  return result;
}

/** Whether another field of the same object is null where it must not be, and an error of a subgraph says why. */
function hasOtherReason({ isExplained, path }: Completion, fields: readonly FieldShape[], bubbling: FieldShape, value: Data): boolean {
  return fields.some(
    (field) => field !== bubbling && isNonNullType(field.type) && (value[field.source] ?? null) === null && isExplained([...path, field.responseName]),
  );
}

function completeValue(completion: Completion, type: GraphQLOutputType, field: FieldShape, value: unknown): unknown {
  if (isNonNullType(type)) {
    const before = completion.reported;
    const completed = completeNullable(completion, type.ofType, field, value);
    if (completed !== null && completed !== BUBBLE) return completed;
    if (completed === null && completion.reported === before && !completion.isExplained(completion.path)) {
      report(completion, field, `Cannot return null for non-nullable field ${field.parentName}.${field.name}.`, UNEXPLAINED_NULL);
    }
    return BUBBLE;
  }
  const completed = completeNullable(completion, type, field, value);
  return completed === BUBBLE ? null : completed;
}

function completeNullable(completion: Completion, type: GraphQLOutputType, field: FieldShape, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (isListType(type)) return completeList(completion, type.ofType, field, value);
  if (isLeafType(type)) return completeLeaf(completion, type, field, value);
  return completeObject(completion, field.child as ObjectShape, value, field);
}

function completeList(completion: Completion, type: GraphQLOutputType, field: FieldShape, value: unknown): unknown {
  if (!Array.isArray(value)) {
    report(completion, field, `Expected Iterable, but did not find one for field "${field.parentName}.${field.name}".`);
    return null;
  }
  const items: unknown[] = [];
  for (let index = 0; index < value.length; index += 1) {
    completion.path.push(index);
    const item = completeValue(completion, type, field, value[index]);
    completion.path.pop();
    if (item === BUBBLE) return BUBBLE;
    items.push(item);
  }
  return items;
}

function completeLeaf(completion: Completion, type: GraphQLLeafType, field: FieldShape, value: unknown): unknown {
  try {
    const serialized: unknown = type.serialize(value);
    if (serialized !== undefined && serialized !== null) return serialized;
    report(completion, field, `Expected \`${type.name}\` to give a value for field "${field.parentName}.${field.name}".`);
  } catch (error) {
    report(completion, field, (error as Error).message);
  }
  return null;
}

function completeObject(completion: Completion, shape: ObjectShape, value: unknown, field: FieldShape | null): unknown {
  if (!isData(value) || Array.isArray(value)) {
    report(completion, field, `Expected an object for field "${field?.parentName}.${field?.name}".`);
    return null;
  }
  if (isObjectType(shape.type)) return completeFields(completion, shape.common(), shape.type.name, value);
  const typename = Object.hasOwn(value, '__typename') ? value.__typename : undefined;
  const isUnsaid = typename === undefined || typename === shape.type.name;
  if (isUnsaid && !shape.needsTypename) return completeFields(completion, shape.common(), shape.type.name, value);
  const fields = typeof typename === 'string' ? shape.fieldsFor(typename) : null;
  if (fields) return completeFields(completion, fields, typename as string, value);
  if (isUnsaid && completion.isExplained(completion.path)) return null;
  report(
    completion,
    field,
    isUnsaid
      ? `No subgraph said of which type the object of field "${field?.parentName}.${field?.name}" is.`
      : `Abstract type "${shape.type.name}" was resolved to a type that cannot stand here.`,
    UNEXPLAINED_NULL,
  );
  return null;
}

function report(completion: Completion, field: FieldShape | null, message: string, code = 'INTERNAL_SERVER_ERROR'): void {
  completion.reported += 1;
  if (completion.errors.length >= MAX_ERRORS) return;
  completion.errors.push(new GraphQLError(message, { nodes: field?.nodes, path: [...completion.path], extensions: { code } }));
}
