import {
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  GraphQLError,
  type GraphQLSchema,
  isAbstractType,
  isEnumType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { fractionOf } from './random.js';
import type { RandomGraph } from './randomGraph.js';
import { ENTITIES, type Required } from './randomParts.js';

/** An object of the generated data: what it answers depends on these and nothing else. */
export interface Thing {
  __typename: string;
  key: string;
  /** As a subgraph got it: with the fields that it cannot know itself. */
  reference?: Record<string, unknown>;
}

export interface ModelOptions {
  /** Share of fields that fail. */
  errors: number;
  /** Root fields of mutations, as they run. */
  log: string[];
  /** The subgraph that answers; null for the one schema over everything, which knows what a subgraph has to be told. */
  subgraph: string | null;
}

/**
 * Answers every field of a generated graph, the same in whichever schema it is asked: in the subgraphs, and in one schema over all of it.
 */
export function modelResolver(graph: RandomGraph, { errors, log, subgraph }: ModelOptions): GraphQLFieldResolver<Thing | undefined, unknown> {
  // Each root field of a mutation changes everything: what is read before it and after it must not be mixed up.
  const chance = (...parts: unknown[]) => fractionOf(`${graph.seed} ${log.length > 0 ? `${log.length} ` : ''}${JSON.stringify(parts)}`);
  const fails = (typeName: string, key: string, field: string, args: object) => chance('error', typeName, key, field, args) < errors;

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a list of cases, read from top to bottom.
  const contentOf = (typeName: string, key: string, field: string, args: object, type: GraphQLOutputType, at: string): unknown => {
    const seat = [typeName, key, field, args, at];
    const place = `${typeName}.${field}`;
    if (isNonNullType(type)) return contentOf(typeName, key, field, args, type.ofType, `${at}!`);
    if (!at.endsWith('!') && chance('null', ...seat) < 0.12) return null;
    if (isListType(type)) {
      const length = Math.floor(chance('length', ...seat) * 4);
      return Array.from({ length }, (_, index) => contentOf(typeName, key, field, args, type.ofType, `${at}.${index}`));
    }
    const value = chance('value', ...seat);
    if (isObjectType(type) || isAbstractType(type)) {
      // The object of an interface, which a subgraph knows as one type, is of one of the interface's types all the same.
      const options = isObjectType(type) && type.name !== 'Media' ? [type.name] : (graph.choices.get(place) ?? []);
      const name = options[Math.floor(value * options.length)];
      if (name === undefined) return null;
      return {
        __typename: isObjectType(type) ? type.name : name,
        key: ENTITIES.includes(name) ? `${name}${Math.floor(chance('key', ...seat) * 4)}` : `${typeName}/${key}/${field}${JSON.stringify(args)}${at}`,
      };
    }
    if (isEnumType(type)) {
      const names = type.name === 'Mood' ? (graph.moods.get(place) ?? ['CALM']) : ['RED', 'GREEN', 'BLUE'];
      return names[Math.floor(value * names.length)];
    }
    switch (type.name) {
      case 'Int':
        return Math.floor(value * 4);
      case 'Float':
        return Math.floor(value * 4) / 2;
      case 'Boolean':
        return value < 0.5;
      default:
        return value < 0.2 ? '' : `${field}"${Math.floor(value * 100)}`;
    }
  };

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a list of cases, read from top to bottom.
  return (source, args, _context, info) => {
    const field = info.fieldName;
    // Whoever adds fields to an interface adds them to all of its types, and answers the same for each.
    const typeName = MEDIA_FIELD.test(field) && info.parentType.name !== 'Query' ? 'Media' : info.parentType.name;
    const place = `${typeName}.${field}`;
    const key = source?.key ?? '';
    const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined && value !== null));
    if (typeName === 'Mutation') log.push(`${field}${JSON.stringify(given)}`);
    if (subgraph !== null && graph.overridden.get(place) === subgraph) throw new GraphQLError(`${place} is asked of ${subgraph}, which has it no more.`);
    const identity = identityOf(field, key);
    if (identity !== undefined) return identity;
    if (subgraph === null && isLost(graph, place, key)) return null;
    const requires = graph.computed.get(place);
    if (requires) {
      const parts = requires.map((required) =>
        subgraph === null ? dependencyOf(info.schema, typeName, key, required) : sorted(source?.reference?.[required.field] ?? missing(source, required.field)),
      );
      return JSON.stringify([parts, given]);
    }
    if (!graph.dependable.has(place) && field !== 'tag' && fails(typeName, key, field, given))
      throw new GraphQLError(`No ${place} of ${key}`, { extensions: { code: 'FAILED', place } });
    const content = contentOf(typeName, key, field, given, info.returnType, '');
    const provided = subgraph === null ? undefined : graph.provided.get(place);
    return provided === undefined ? content : withProvided(info.schema, content, provided);
  };

  /** A subgraph that provides a field of another's knows it, and may compute others from it. */
  function withProvided(schema: GraphQLSchema, content: unknown, field: string): unknown {
    if (Array.isArray(content)) return content.map((item) => withProvided(schema, item, field));
    if (!content) return content;
    const thing = content as Thing;
    return { ...thing, reference: { [field]: dependencyOf(schema, thing.__typename, thing.key, { field, args: {} }) } };
  }

  /** What a subgraph is told of a field, as the one schema over everything knows it. */
  function dependencyOf(schema: GraphQLSchema, typeName: string, key: string, { field, args, of }: Required): unknown {
    const identity = identityOf(field, key);
    if (identity !== undefined) return identity;
    const deeper = graph.computed.get(`${typeName}.${field}`);
    if (graph.fallible.has(`${typeName}.${field}`) && fails(typeName, key, field, args)) return null;
    if (deeper) return JSON.stringify([deeper.map((required) => dependencyOf(schema, typeName, key, required)), args]);
    const type = schema.getType(typeName);
    const definition = isObjectType(type) || isInterfaceType(type) ? type.getFields()[field] : undefined;
    const content = definition && contentOf(typeName, key, field, args, definition.type, '');
    const reduce = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reduce);
      if (!of || value === null || value === undefined) return value;
      const thing = value as Thing;
      const parts = of.filter(({ on }) => on === undefined || on === thing.__typename);
      return sorted(Object.fromEntries(parts.map((each) => [each.field, dependencyOf(schema, thing.__typename, thing.key, each)])));
    };
    return reduce(content);
  }
}

/** Whether a subgraph has lost what it knew of a thing: a reference to it resolves to null. */
export function isGone(graph: RandomGraph, typeName: string, key: string, subgraph: string): boolean {
  return graph.losing.has(`${typeName} ${subgraph}`) && fractionOf(`${graph.seed} gone ${typeName} ${key} ${subgraph}`) < 0.3;
}

/** Whether a field is null because its subgraph has lost the thing that it is of. */
function isLost(graph: RandomGraph, place: string, key: string): boolean {
  const subgraph = graph.losable.get(place);
  return subgraph !== undefined && isGone(graph, place.split('.', 1)[0] as string, key, subgraph);
}

/** Fields that an interface object adds. */
const MEDIA_FIELD = /^(m\d|msum|title)$/;

/** What names an object, computed from what it is known by here. */
function identityOf(field: string, key: string): unknown {
  if (field === 'id') return key;
  if (field === 'sku') return `sku-${key}`;
  if (field === 'ref') return `ref-${key}`;
  if (field === 'oid') return `oid-${key}`;
  if (field === 'org') return { __typename: 'Org', key };
  return undefined;
}

/** Null is an answer; nothing at all is not. */
function missing(source: Thing | undefined, field: string): unknown {
  return source?.reference && field in source.reference ? null : 'NOT TOLD';
}

/** The same value with its names in order and without type names: representations may differ in both. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => name !== '__typename');
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, inner]) => [name, sorted(inner)]));
}
