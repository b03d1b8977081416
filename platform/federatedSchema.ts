import 'reflect-metadata';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { mergeResolvers } from '@graphql-tools/merge';
import { type IResolvers, printSchemaWithDirectives } from '@graphql-tools/utils';
import { type GraphQLSchema, parse, print, specifiedDirectives } from 'graphql';
import { applyMiddleware } from 'graphql-middleware';
import { allow, deny, shield } from 'graphql-shield';
import { buildSchema, createResolversMap, getMetadataStorage, type NonEmptyArray, type PubSub } from 'type-graphql';
import { type CacheHints, markCached } from './cacheHints.js';
import { Refusal, refusalToGraphQLError } from './errors.js';
import { CalendarDate, DateTime, Decimal } from './graphqlTypes.js';
import type { Permissions } from './permissions.js';
import { markSameForAll, type SameForAll } from './sameForAll.js';

const FEDERATION_LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@external", "@requires", "@provides", "@override", "@inaccessible", "@tag", "@interfaceObject"])
`;

/** The last of what is imported; `@composeDirective` only by those who compose one. */
const FEDERATION_IMPORTS = /("@interfaceObject")/;

/** type-graphql wants a pub-sub as soon as there is a subscription, even when each brings its own `subscribe`, as ours do. */
const unusedPubSub: PubSub = {
  publish() {
    throw new Error('subscriptions listen to the live feed, not to type-graphql');
  },
  subscribe() {
    throw new Error('subscriptions listen to the live feed, not to type-graphql');
  },
};

/** Resolves references to an entity that other subgraphs hold. Asynchronous, because a synchronous throw would null the whole list. */
export type ReferenceResolvers = Record<string, { __resolveReference(reference: never, context: never): Promise<unknown> }>;

export interface FederatedSchemaOptions {
  resolvers: readonly (new () => object)[];
  /** Entity classes that no root field of this subgraph reaches. */
  orphanedTypes?: readonly object[];
  references: ReferenceResolvers;
  permissions: Permissions;
  /** What may be resolved once for all who watch it together (GW-11); nothing unless it is named. */
  sameForAll?: SameForAll;
  /** What may be kept for everybody (GW-30); nothing unless it is named. */
  cached?: CacheHints;
}

/** Builds a federation subgraph from type-graphql classes, guarded by shield. Root fields without a rule are refused. */
export async function buildFederatedSchema(options: FederatedSchemaOptions): Promise<{ schema: GraphQLSchema; sdl: string }> {
  // Without this every plain field gets an asynchronous resolver of its own, which costs more than all of ours together.
  for (const type of getMetadataStorage().objectTypes) type.simpleResolvers ??= true;
  const base = await buildSchema({
    resolvers: [...options.resolvers] as unknown as NonEmptyArray<new () => object>,
    orphanedTypes: [...(options.orphanedTypes ?? [])] as never[],
    directives: [...specifiedDirectives],
    scalarsMap: [{ type: Date, scalar: DateTime }],
    skipCheck: true,
    validate: false,
    pubSub: unusedPubSub,
  });
  const printed = FEDERATION_LINK + printSchemaWithDirectives(base);
  const shared = options.sameForAll ? print(markSameForAll(parse(printed), options.sameForAll, options.permissions)) : printed;
  const sdl = options.cached ? withCacheHints(shared, options.cached, options.permissions) : shared;
  const scalars = { DateTime, Date: CalendarDate, Decimal };
  const declared = Object.fromEntries(Object.entries(scalars).filter(([name]) => base.getType(name)));
  const schema = buildSubgraphSchema({
    typeDefs: parse(sdl),
    resolvers: mergeResolvers([createResolversMap(base) as IResolvers, declared as IResolvers, options.references as unknown as IResolvers]) as never,
  });
  return { schema: guard(schema, options.permissions), sdl };
}

function withCacheHints(sdl: string, hints: CacheHints, permissions: Permissions): string {
  const { prelude, document } = markCached(parse(sdl.replace(FEDERATION_IMPORTS, `$1, "@composeDirective"`)), hints, permissions);
  return `${prelude}\n${print(document)}`;
}

/**
 * Applies shield to the fields that have a rule and to all root fields. Shield alone would wrap every field of every type in an asynchronous
 * function, so what has no rule is taken out of its map; a root field without a rule falls to `fallbackRule: deny`.
 */
function guard(schema: GraphQLSchema, permissions: Permissions): GraphQLSchema {
  const denied = refusalToGraphQLError(new Refusal('FORBIDDEN', 'This is not open to you.'));
  const generator = shield(
    { ...permissions, Query: { ...asFields(permissions, 'Query'), _service: allow, _entities: allow } },
    { allowExternalErrors: true, fallbackError: denied, fallbackRule: deny },
  );
  const generated = generator.generate(schema) as Record<string, Record<string, unknown>>;
  const kept: Record<string, Record<string, unknown>> = {};
  for (const [type, fields] of Object.entries(generated)) {
    const rules = asFields(permissions, type);
    if (type === 'Query' || type === 'Mutation') kept[type] = fields;
    else if (Object.keys(rules).length > 0) kept[type] = Object.fromEntries(Object.entries(fields).filter(([field]) => field in rules));
  }
  return applyMiddleware(schema, kept as never);
}

function asFields(permissions: Permissions, type: string): Record<string, never> {
  return ((permissions as Record<string, unknown>)[type] ?? {}) as Record<string, never>;
}
