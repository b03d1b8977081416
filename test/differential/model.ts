import {
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  GraphQLError,
  type GraphQLSchema,
  isAbstractType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { fractionOf } from './random.js';
import type { RandomGraph, Required } from './randomGraph.js';

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
  /** For the one schema over everything, which knows what a subgraph has to be told. */
  whole: boolean;
}

/**
 * Answers every field of a generated graph, the same in whichever schema it is asked: in the subgraphs, and in one schema over all of it.
 */
export function modelResolver(graph: RandomGraph, { errors, log, whole }: ModelOptions): GraphQLFieldResolver<Thing | undefined, unknown> {
  const chance = (...parts: unknown[]) => fractionOf(`${graph.seed} ${JSON.stringify(parts)}`);

  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: a list of cases, read from top to bottom.
  const contentOf = (typeName: string, key: string, field: string, args: object, type: GraphQLOutputType, at: string): unknown => {
    const seat = [typeName, key, field, args, at];
    if (isNonNullType(type)) return contentOf(typeName, key, field, args, type.ofType, `${at}!`);
    if (!at.endsWith('!') && chance('null', ...seat) < 0.12) return null;
    if (isListType(type)) {
      const length = Math.floor(chance('length', ...seat) * 4);
      return Array.from({ length }, (_, index) => contentOf(typeName, key, field, args, type.ofType, `${at}.${index}`));
    }
    const value = chance('value', ...seat);
    if (isObjectType(type) || isAbstractType(type)) {
      const options = isObjectType(type) ? [type.name] : (graph.choices.get(`${typeName}.${field}`) ?? []);
      const name = options[Math.floor(value * options.length)];
      if (name === undefined) return null;
      const isEntity = ['Book', 'User', 'Shop', 'Trip'].includes(name);
      return {
        __typename: name,
        key: isEntity ? `${name}${Math.floor(chance('key', ...seat) * 4)}` : `${typeName}/${key}/${field}${JSON.stringify(args)}${at}`,
      };
    }
    if (isEnumType(type)) return ['RED', 'GREEN', 'BLUE'][Math.floor(value * 3)];
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

  return (source, args, _context, info) => {
    const typeName = info.parentType.name;
    const field = info.fieldName;
    const place = `${typeName}.${field}`;
    const key = source?.key ?? '';
    const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined && value !== null));
    if (typeName === 'Mutation') log.push(`${field}${JSON.stringify(given)}`);
    if (field === 'id') return key;
    if (field === 'sku') return `sku-${key}`;
    const requires = graph.computed.get(place);
    if (requires) {
      const parts = requires.map((required) => {
        if (whole) return dependencyOf(info.schema, typeName, key, required);
        const told = source?.reference?.[required.field];
        return told === undefined ? 'NOT TOLD' : told;
      });
      return JSON.stringify(parts);
    }
    if (!graph.dependable.has(place) && field !== 'tag' && chance('error', typeName, key, field, given) < errors)
      throw new GraphQLError(`No ${place} of ${key}`);
    return contentOf(typeName, key, field, given, info.returnType, '');
  };

  function dependencyOf(schema: GraphQLSchema, typeName: string, key: string, { field, args }: Required): unknown {
    const deeper = graph.computed.get(`${typeName}.${field}`);
    if (deeper) return JSON.stringify(deeper.map((required) => dependencyOf(schema, typeName, key, required)));
    const type = schema.getType(typeName);
    const definition = isObjectType(type) ? type.getFields()[field] : undefined;
    return definition && contentOf(typeName, key, field, args, definition.type, '');
  }
}
