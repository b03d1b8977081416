import { isPrivileged, isSelfOrPrivileged, systemActor } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import { buildFederatedSchema } from '../../platform/federatedSchema.js';
import { uuidOf } from '../../platform/ids.js';
import { inTransaction, type Tx } from '../../platform/postgres.js';
import { connectRedis } from '../../platform/queue.js';
import { startSubgraph, type SubgraphEnvironment } from '../../platform/startSubgraph.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { localRouting } from './adapters/routing.js';
import { cityClock } from './cityClock.js';
import { type DispatchConfig, readDispatchConfig } from './config.js';
import type { Dispatch, DispatchContext, DispatchLoaders } from './context.js';
import { driverOfUser, standingsOf } from './driverQueries.js';
import { DriverResolver } from './driverResolvers.js';
import { dispatchConsumes, dispatchTimers } from './jobs.js';
import { dispatchLoaders } from './loaders.js';
import { openLocationBuffer } from './locationBuffer.js';
import { MapResolver } from './mapResolvers.js';
import { dispatchPermissions } from './permissions.js';
import { openPositions } from './positions.js';
import { seedDispatch } from './seed.js';
import { toDriver, toTrip } from './shapes.js';
import { DispatchSubscriptions } from './subscriptions.js';
import { OfferResolver, TripResolver, UserTripsResolver } from './tripResolvers.js';
import { SystemHealth } from './types.js';
import { dispatchViolations } from './violations.js';

/** Federation schema of dispatch; also what composition reads. */
export function buildDispatchSchema() {
  return buildFederatedSchema({
    resolvers: [TripResolver, OfferResolver, UserTripsResolver, DriverResolver, MapResolver, DispatchSubscriptions],
    orphanedTypes: [SystemHealth],
    permissions: dispatchPermissions,
    references: {
      Trip: {
        async __resolveReference(reference: { id?: string; ref?: string }, ctx: DispatchContext) {
          const uuid = uuidOf('trp', reference.id ?? reference.ref ?? '');
          const row = uuid && (await ctx.loaders.trip.load(uuid));
          return row ? toTrip(row) : null;
        },
      },
      Driver: {
        async __resolveReference(reference: { id?: string; ref?: string }, ctx: DispatchContext) {
          const uuid = uuidOf('drv', reference.id ?? reference.ref ?? '');
          const row = uuid && (await ctx.loaders.driver.load(uuid));
          // A rider meets his driver through the trip; `node` is for the driver himself and for admins.
          return row && (reference.id !== undefined || isSelfOrPrivileged(ctx.actor, row.userId)) ? toDriver(row) : null;
        },
      },
      User: {
        async __resolveReference(reference: { id: string }) {
          return { id: reference.id };
        },
      },
      SystemHealth: {
        async __resolveReference(_reference: unknown, ctx: Context) {
          return isPrivileged(ctx.actor) ? { id: 'system', dispatchViolations: await ctx.run(dispatchViolations) } : null;
        },
      },
    },
  });
}

export async function startDispatch(environment: SubgraphEnvironment, config: DispatchConfig = readDispatchConfig({})): Promise<Subgraph> {
  const built = await buildDispatchSchema();
  return startSubgraph<DispatchLoaders>('dispatch', environment, async ({ db, feed, log }) => {
    const redis = connectRedis(environment.redisUrl, log);
    const asJob = <T>(work: (tx: Tx) => Promise<T>) => inTransaction(systemActor('positions'), db, { traceId: '0'.repeat(32), causationId: 'positions' }, work);
    const cityTime = cityClock(config.timeZone);
    const dispatch: Dispatch = {
      config,
      feed,
      cityTime,
      routing: localRouting((at) => cityTime(at).hour),
      buffer: openLocationBuffer({ db, maxPoints: config.bufferPoints }),
      positions: openPositions({
        redis,
        clock: environment.clock,
        readStandings: (ids) => asJob((tx) => standingsOf(tx.orm, ids)),
        onError: (error, what) => log.warn({ err: error }, what),
      }),
      driverIdOf: rememberedDriverIds(asJob),
    };
    return {
      ...built,
      loaders: (run) => dispatchLoaders(run, dispatch),
      consumes: dispatchConsumes(dispatch),
      timers: dispatchTimers(dispatch),
      seedDemo: () => seedDispatch(db, dispatch),
      checks: {
        positions: async () => {
          await redis.ping();
        },
      },
      close: async () => {
        await dispatch.buffer.stop();
        redis.disconnect();
      },
    };
  });
}

/** People whose driver is remembered: a driver's id never changes, so that a position needs no Postgres to know whose it is. */
const MAX_REMEMBERED = 100_000;

function rememberedDriverIds(asJob: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>): Dispatch['driverIdOf'] {
  const known = new Map<string, string>();
  return async (userId) => {
    const remembered = known.get(userId);
    if (remembered) return remembered;
    const driver = await asJob((tx) => driverOfUser(tx.orm, userId));
    if (!driver) return null;
    if (known.size >= MAX_REMEMBERED) known.delete(known.keys().next().value as string);
    known.set(userId, driver.id);
    return driver.id;
  };
}
