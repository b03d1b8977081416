import type { Context } from '../../platform/context.js';
import { buildFederatedSchema } from '../../platform/federatedSchema.js';
import { uuidOf } from '../../platform/ids.js';
import { startSubgraph, type SubgraphEnvironment } from '../../platform/startSubgraph.js';
import type { Route, Subgraph } from '../../platform/subgraph.js';
import { setTimer } from '../../platform/timers.js';
import type { IdentityConfig } from './config.js';
import { identityPermissions, identitySameForAll } from './permissions.js';
import { type IdentityLoaders, identityLoaders, POINTERS, SessionResolver, SystemHealthResolver, toUser, UserResolver } from './resolvers.js';
import { SharedDriver } from './types.js';
import { seedIdentity } from './seed.js';
import { createTokenIssuer, nextRotation, ROTATION_TIMER, type TokenIssuer } from './tokens.js';

/** Federation schema of identity; also what composition reads. */
export function buildIdentitySchema() {
  return buildFederatedSchema({
    resolvers: [UserResolver, SessionResolver, SystemHealthResolver],
    orphanedTypes: [...Object.values(POINTERS), SharedDriver],
    permissions: identityPermissions,
    sameForAll: identitySameForAll,
    references: {
      User: {
        async __resolveReference(reference: { id: string }, ctx: Context<IdentityLoaders>) {
          const id = uuidOf('usr', reference.id);
          const name = id && (await ctx.loaders.name.load(id));
          return id && name ? toUser({ id, name }) : null;
        },
      },
      SharedDriver: {
        // The edge has seen the link to the trip (DP-32); whoever has one may know the first name, and nothing else.
        async __resolveReference(reference: { ref: string }, ctx: Context<IdentityLoaders>) {
          const id = uuidOf('usr', reference.ref);
          const name = id && (await ctx.loaders.name.load(id));
          return name ? Object.assign(new SharedDriver(), { ref: reference.ref, firstName: name.split(/\s+/)[0] }) : null;
        },
      },
      SystemHealth: {
        async __resolveReference(reference: unknown) {
          return reference;
        },
      },
    },
  });
}

/** Public keys, for the gateway and for whoever verifies our tokens (ID-06). */
function jwksRoute(tokens: TokenIssuer): Route {
  return {
    method: 'GET',
    path: '/.well-known/jwks.json',
    handle: async (_request, response) => {
      const body = JSON.stringify(await tokens.jwks());
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'public, max-age=60' });
      response.end(body);
    },
  };
}

export async function startIdentity(environment: SubgraphEnvironment, config: IdentityConfig): Promise<Subgraph> {
  const built = await buildIdentitySchema();
  return startSubgraph<IdentityLoaders>('identity', environment, async ({ db }) => {
    const tokens = await createTokenIssuer(db, { issuer: config.TOKEN_ISSUER, audience: config.TOKEN_AUDIENCE, secret: environment.internalSecret });
    return {
      ...built,
      loaders: identityLoaders(tokens),
      consumes: [],
      timers: {
        [ROTATION_TIMER]: async (tx) => {
          await tokens.rotate(tx);
          await setTimer(tx, { kind: ROTATION_TIMER, key: 'signing', dueAt: nextRotation(tx.now) });
        },
      },
      routes: [jwksRoute(tokens)],
      seedDemo: () => seedIdentity(db),
    };
  });
}
