import {
  type DocumentNode,
  getOperationAST,
  getVariableValues,
  type GraphQLInputType,
  type GraphQLSchema,
  isInputObjectType,
  isInputType,
  isLeafType,
  isListType,
  isNonNullType,
  Kind,
  type NamedTypeNode,
  type OperationDefinitionNode,
  typeFromAST,
  type VariableDefinitionNode,
  valueFromAST,
} from 'graphql';

type Inputs = Readonly<Record<string, unknown>>;
/** The value as its type has it, or NOT_PLAIN: then graphql-js is asked, which knows what else is allowed, and what to say of what is not. */
type Coercer = (value: unknown) => unknown;

const NOT_PLAIN = Symbol('not plain');
const MAX_ERRORS = { maxErrors: 20 };

interface Compiled {
  schema: GraphQLSchema;
  coerce(inputs: Inputs): Record<string, unknown> | typeof NOT_PLAIN;
}

const byDefinitions = new WeakMap<readonly VariableDefinitionNode[], Compiled>();
const byType = new WeakMap<GraphQLInputType, Coercer>();

/**
 * What graphql-js' `getVariableValues` gives, with twenty errors at most. Values that fit are read by functions made once for each type: graphql-js notes
 * for every single one of them where it is, in case that it will have to say so, which takes longer than all else that is done with a list of 500 points.
 */
export function variableValues(schema: GraphQLSchema, definitions: readonly VariableDefinitionNode[], inputs: Inputs): ReturnType<typeof getVariableValues> {
  if (definitions.length === 0) return { coerced: {} };
  let compiled = byDefinitions.get(definitions);
  if (compiled?.schema !== schema) {
    compiled = compile(schema, definitions);
    byDefinitions.set(definitions, compiled);
  }
  const coerced = compiled.coerce(inputs);
  return coerced === NOT_PLAIN ? getVariableValues(schema, definitions, inputs, MAX_ERRORS) : { coerced };
}

function compile(schema: GraphQLSchema, definitions: readonly VariableDefinitionNode[]): Compiled {
  const variables = definitions.map(({ variable, type: node, defaultValue }) => {
    const type = typeFromAST(schema, node as never) as GraphQLInputType | undefined;
    const fits = type !== undefined && isInputType(type);
    return {
      name: variable.name.value,
      coerce: fits ? coercerOf(type) : () => NOT_PLAIN,
      // Made anew for each operation, as graphql-js does: a resolver may keep or change what it is given.
      valueWithout: () => (!fits ? NOT_PLAIN : defaultValue ? valueFromAST(defaultValue, type) : isNonNullType(type) ? NOT_PLAIN : undefined),
    };
  });
  return {
    schema,
    coerce(inputs) {
      const coerced: Record<string, unknown> = {};
      for (const { name, coerce, valueWithout } of variables) {
        const isGiven = Object.hasOwn(inputs, name);
        const value = isGiven ? coerce(inputs[name]) : valueWithout();
        if (value === NOT_PLAIN) return NOT_PLAIN;
        if (isGiven || value !== undefined) coerced[name] = value;
      }
      return coerced;
    },
  };
}

function coercerOf(type: GraphQLInputType): Coercer {
  const known = byType.get(type);
  if (known) return known;
  // Types may hold themselves: who meets this one again while it is made comes back here later, when it is there.
  byType.set(type, (value) => (byType.get(type) as Coercer)(value));
  const made = makeCoercer(type);
  byType.set(type, made);
  return made;
}

function makeCoercer(type: GraphQLInputType): Coercer {
  if (isNonNullType(type)) {
    const ofType = coercerOf(type.ofType);
    return (value) => (value == null ? NOT_PLAIN : ofType(value));
  }
  if (isListType(type)) return listCoercer(coercerOf(type.ofType));
  if (isInputObjectType(type)) {
    return type.isOneOf ? (value) => (value == null ? null : NOT_PLAIN) : objectCoercer(type.getFields());
  }
  if (!isLeafType(type)) return () => NOT_PLAIN;
  return (value) => {
    if (value == null) return null;
    try {
      const parsed = type.parseValue(value);
      return parsed === undefined ? NOT_PLAIN : parsed;
    } catch {
      return NOT_PLAIN;
    }
  };
}

function listCoercer(coerce: Coercer): Coercer {
  return (value) => {
    if (value == null) return null;
    if (!Array.isArray(value)) return NOT_PLAIN;
    const items: unknown[] = [];
    for (const item of value) {
      const coerced = coerce(item);
      if (coerced === NOT_PLAIN) return NOT_PLAIN;
      items.push(coerced);
    }
    return items;
  };
}

interface FieldDefinition {
  name: string;
  type: GraphQLInputType;
  defaultValue?: unknown;
}

function objectCoercer(definitions: Readonly<Record<string, FieldDefinition>>): Coercer {
  const names = new Set(Object.keys(definitions));
  if (names.has('__proto__')) return () => NOT_PLAIN;
  const fields = Object.values(definitions).map((definition) => ({ name: definition.name, coerce: fieldCoercer(definition) }));
  return (value) => {
    if (value == null) return null;
    if (typeof value !== 'object' || Array.isArray(value)) return NOT_PLAIN;
    for (const key in value) if (!names.has(key)) return NOT_PLAIN;
    const coerced: Record<string, unknown> = {};
    for (const { name, coerce } of fields) {
      const field = coerce((value as Inputs)[name]);
      if (field === NOT_PLAIN) return NOT_PLAIN;
      if (field !== undefined) coerced[name] = field;
    }
    return coerced;
  };
}

/** Gives undefined for a field that is not there, and need not be. */
function fieldCoercer({ type, defaultValue }: FieldDefinition): Coercer {
  const coerce = coercerOf(type);
  const without = defaultValue === undefined && isNonNullType(type) ? NOT_PLAIN : defaultValue;
  return (given) => (given === undefined ? without : coerce(given));
}

/** Federation's own scalar, which takes every value as it is. */
const AS_IT_IS: NamedTypeNode = { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: '_Any' } };
const withValues = new WeakMap<OperationDefinitionNode, DocumentNode>();

/**
 * What to run and with which values, so that graphql-js does not read them again in its own way: they are read here, and the variables of the document
 * that runs are of a type that lets everything through. Only for a document that has been validated as it is. Values that do not fit, or a schema
 * without that type, leave both as they are.
 */
export function withValuesRead(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null,
  inputs: Inputs,
): { document: DocumentNode; variableValues: Inputs } {
  const asTheyAre = { document, variableValues: inputs };
  const operation = getOperationAST(document, operationName);
  if (!operation?.variableDefinitions?.length || !schema.getType(AS_IT_IS.name.value)) return asTheyAre;
  const { coerced } = variableValues(schema, operation.variableDefinitions, inputs);
  if (!coerced) return asTheyAre;
  let rewritten = withValues.get(operation);
  if (!rewritten) {
    const variableDefinitions = operation.variableDefinitions.map(({ kind, variable }) => ({ kind, variable, type: AS_IT_IS }));
    rewritten = { ...document, definitions: document.definitions.map((part) => (part === operation ? { ...operation, variableDefinitions } : part)) };
    withValues.set(operation, rewritten);
  }
  return { document: rewritten, variableValues: coerced };
}
