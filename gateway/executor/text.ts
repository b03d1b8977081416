import { type GraphQLLeafType, type GraphQLOutputType, isLeafType, isListType, isNonNullType, isObjectType } from 'graphql';
import type { Data } from './merge.js';
import type { FieldShape, ObjectShape } from './shape.js';

/** Writes data as the JSON text of the answer; null when something in it is not as it should be, and has to be completed with care. */
export type WriteText = (data: Data, shared: ReadonlySet<object>) => string | null;

/** What one answer needs while it is written. */
interface Writing {
  shared: ReadonlySet<object>;
  /** Text of shared values, by shape. */
  written: Map<object, string>[];
}

type Writer = (value: unknown, writing: Writing) => string;

/** Thrown where data is irregular; one object, because making a stack trace costs more than writing the answer. */
const IRREGULAR = Object.freeze({ irregular: true });

/**
 * Compiles a shape to functions that write JSON straight away, without an object in between. They do only what is the same in every regular
 * answer; nulls that may not be there, unknown types and values of the wrong kind are left to `complete`.
 */
export function compileText(shape: ObjectShape): WriteText {
  const root = objectWriter(shape);
  return (data, shared) => {
    try {
      return root(data, { shared, written: [] });
    } catch (error) {
      if (error === IRREGULAR) return null;
      throw error;
    }
  };
}

function writerFor(type: GraphQLOutputType, child: ObjectShape | null): Writer {
  if (isNonNullType(type)) {
    const write = writerFor(type.ofType, child);
    return (value, writing) => {
      if (value === null || value === undefined) throw IRREGULAR;
      return write(value, writing);
    };
  }
  if (isListType(type)) return listWriter(writerFor(type.ofType, child), child);
  if (isLeafType(type)) return leafWriter(type);
  const write = objectWriter(child as ObjectShape);
  return (value, writing) => (value === null || value === undefined ? 'null' : write(value, writing));
}

function listWriter(write: Writer, child: ObjectShape | null): Writer {
  const writeItems = (items: readonly unknown[], writing: Writing): string => {
    if (items.length === 0) return '[]';
    let text = `[${write(items[0], writing)}`;
    for (let index = 1; index < items.length; index += 1) text += `,${write(items[index], writing)}`;
    return `${text}]`;
  };
  return (value, writing) => {
    if (value === null || value === undefined) return 'null';
    if (!Array.isArray(value)) throw IRREGULAR;
    return child && writing.shared.has(value) ? once(child.id, value, writing, () => writeItems(value, writing)) : writeItems(value, writing);
  };
}

function once(id: number, value: object, writing: Writing, write: () => string): string {
  let written = writing.written[id];
  if (!written) writing.written[id] = written = new Map();
  let text = written.get(value);
  if (text === undefined) written.set(value, (text = write()));
  return text;
}

function objectWriter(shape: ObjectShape): Writer {
  const byType = new Map<string, Writer>();
  const fixed = isObjectType(shape.type) ? shape.type.name : null;
  const typeNames = (typename: string): Writer => {
    let write = byType.get(typename);
    if (!write) {
      const fields = shape.fieldsFor(typename);
      if (!fields) throw IRREGULAR;
      byType.set(typename, (write = fieldsWriter(fields, typename)));
    }
    return write;
  };
  let common: Writer | null = null;
  const writeObject: Writer = (value, writing) => {
    if (typeof value !== 'object' || Array.isArray(value)) throw IRREGULAR;
    if (fixed !== null) return typeNames(fixed)(value, writing);
    const typename = (value as Data).__typename;
    if (typeof typename === 'string' && (shape.needsTypename || typename !== shape.type.name)) return typeNames(typename)(value, writing);
    if (shape.needsTypename) throw IRREGULAR;
    common ??= fieldsWriter(shape.common(), shape.type.name);
    return common(value, writing);
  };
  return (value, writing) =>
    writing.shared.has(value as object) ? once(shape.id, value as object, writing, () => writeObject(value, writing)) : writeObject(value, writing);
}

function fieldsWriter(fields: readonly FieldShape[], typename: string): Writer {
  const parts = fields.map((field) => ({ key: field.key, source: field.source, write: fieldWriter(field, typename) }));
  const [first, ...rest] = parts;
  if (!first) return () => '{}';
  const firstKey = `{${first.key}`;
  const others = rest.map(({ key, source, write }) => ({ key: `,${key}`, source, write }));
  return (value, writing) => {
    const data = value as Data;
    let text = firstKey + first.write(data[first.source], writing);
    for (const { key, source, write } of others) text += key + write(data[source], writing);
    return `${text}}`;
  };
}

function fieldWriter(field: FieldShape, typename: string): Writer {
  if (field.name === '__typename') {
    const text = JSON.stringify(typename);
    return () => text;
  }
  if (field.isIntrospection) return (value) => JSON.stringify(value ?? null);
  return writerFor(field.type, field.child);
}

function leafWriter(type: GraphQLLeafType): Writer {
  const write = LEAVES[type.name];
  if (write) return (value) => (value === null || value === undefined ? 'null' : write(value));
  return (value) => {
    if (value === null || value === undefined) return 'null';
    try {
      const text = JSON.stringify(type.serialize(value));
      if (text !== undefined) return text;
    } catch {
      // An enum without such a value; which error that is, `complete` knows.
    }
    throw IRREGULAR;
  };
}

/** Nothing that JSON has to escape, and no lone surrogate. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** The built-in scalars, as subgraphs give them when all is well. */
const LEAVES: Record<string, ((value: unknown) => string) | undefined> = {
  String: text,
  ID: text,
  Boolean(value) {
    if (value === true) return 'true';
    if (value === false) return 'false';
    throw IRREGULAR;
  },
  Int(value) {
    if (typeof value === 'number' && (value | 0) === value) return String(value);
    throw IRREGULAR;
  },
  Float(value) {
    if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
    throw IRREGULAR;
  },
};

function text(value: unknown): string {
  if (typeof value !== 'string') throw IRREGULAR;
  return value.length < 60 && PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
}
