import type { Context } from '../../platform/context.js';
import { connectEntityCache } from '../../platform/entityCache.js';
import { buildFederatedSchema } from '../../platform/federatedSchema.js';
import { uuidOf } from '../../platform/ids.js';
import { startSubgraph, type SubgraphEnvironment } from '../../platform/startSubgraph.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { undeliveredEvents } from '../../platform/violations.js';
import { fleetConsumes } from './jobs.js';
import { fleetPermissions } from './permissions.js';
import { type FleetLoaders, fleetLoaders, StationResolver, toStation, toVehicle, VehicleResolver } from './resolvers.js';
import { VehicleSearchResolver } from './searchResolvers.js';
import { seedFleet } from './seed.js';
import { SystemHealth } from './types.js';
import { StationUtilisationResolver, VehicleUtilisationResolver } from './utilisationResolvers.js';

/** Federation schema of fleet; also what composition reads. */
export function buildFleetSchema() {
  return buildFederatedSchema({
    resolvers: [VehicleResolver, StationResolver, VehicleSearchResolver, VehicleUtilisationResolver, StationUtilisationResolver],
    orphanedTypes: [SystemHealth],
    permissions: fleetPermissions,
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

export async function startFleet(environment: SubgraphEnvironment): Promise<Subgraph> {
  const built = await buildFleetSchema();
  return startSubgraph<FleetLoaders>('fleet', environment, async ({ db, log }) => {
    const cache = connectEntityCache(environment.redisUrl, 'fleet', log);
    db.wakers.entities.add(cache.invalidate);
    return {
      ...built,
      loaders: fleetLoaders(cache),
      consumes: fleetConsumes,
      timers: {},
      seedDemo: () => seedFleet(db),
      close: cache.close,
    };
  });
}
