import type { Context } from '../../platform/context.js';
import { connectEntityCache } from '../../platform/entityCache.js';
import { buildFederatedSchema } from '../../platform/federatedSchema.js';
import { uuidOf } from '../../platform/ids.js';
import { linkSigner } from '../../platform/signedLinks.js';
import { openStorage } from '../../platform/openStorage.js';
import { type FilesConfig, readFilesConfig } from '../../platform/storage.js';
import { startSubgraph, type SubgraphEnvironment } from '../../platform/startSubgraph.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { undeliveredEvents } from '../../platform/violations.js';
import { ImageResolver, VehicleImageResolver } from './imageResolvers.js';
import { imageRoutes, imageTimers } from './imageUploads.js';
import { cachedOf } from './commands.js';
import { fleetConsumes } from './jobs.js';
import { fleetCached, fleetPermissions, fleetSameForAll } from './permissions.js';
import { PositionResolver } from './positionResolvers.js';
import { type FleetLoaders, fleetLoaders, StationResolver, toStation, toVehicle, VehicleResolver } from './resolvers.js';
import { VehicleSearchResolver } from './searchResolvers.js';
import { seedFleet } from './seed.js';
import { SystemHealth } from './types.js';
import { StationUtilisationResolver, VehicleUtilisationResolver } from './utilisationResolvers.js';

/** Federation schema of fleet; also what composition reads. */
export function buildFleetSchema() {
  return buildFederatedSchema({
    resolvers: [
      VehicleResolver,
      VehicleImageResolver,
      ImageResolver,
      PositionResolver,
      StationResolver,
      VehicleSearchResolver,
      VehicleUtilisationResolver,
      StationUtilisationResolver,
    ],
    orphanedTypes: [SystemHealth],
    permissions: fleetPermissions,
    sameForAll: fleetSameForAll,
    cached: fleetCached,
    references: {
      Vehicle: {
        async __resolveReference(reference: { id?: string; ref?: string }, ctx: Context<FleetLoaders>) {
          const uuid = uuidOf('veh', reference.id ?? reference.ref ?? '');
          const row = uuid && (await ctx.loaders.vehicle.load(uuid));
          return row ? toVehicle(row) : null;
        },
      },
      Station: {
        async __resolveReference(reference: { id?: string; ref?: string }, ctx: Context<FleetLoaders>) {
          const uuid = uuidOf('stn', reference.id ?? reference.ref ?? '');
          const row = uuid && (await ctx.loaders.station.load(uuid));
          return row ? toStation(row) : null;
        },
      },
      SystemHealth: {
        async __resolveReference(_reference: unknown, ctx: Context) {
          return { id: 'system', fleetViolations: await ctx.run(undeliveredEvents) };
        },
      },
    },
  });
}

export async function startFleet(environment: SubgraphEnvironment, config: FilesConfig = readFilesConfig(process.env)): Promise<Subgraph> {
  const built = await buildFleetSchema();
  return startSubgraph<FleetLoaders>('fleet', environment, async ({ db, log }) => {
    const cache = connectEntityCache(environment.redisUrl, 'fleet', log);
    db.wakers.entities.add(cache.invalidate);
    const origin = () => config.publicOrigin ?? new URL(environment.graphUrl()).origin;
    const secret = environment.internalSecret;
    const storage = openStorage(config, { subgraph: 'fleet', secret, origin, clock: db.clock });
    const links = linkSigner(secret, 'uploads:fleet');
    return {
      ...built,
      loaders: fleetLoaders(cache, { origin, links }),
      consumes: fleetConsumes,
      // All our events are about one vehicle each; where its box says that it is, is in no cache.
      changes: ({ type, aggregateId }) => (type === 'vehicle.moved' ? [] : cachedOf(aggregateId)),
      timers: imageTimers(storage),
      routes: [...imageRoutes({ db, storage, links }), ...storage.routes],
      seedDemo: () => seedFleet(db),
      close: cache.close,
    };
  });
}
