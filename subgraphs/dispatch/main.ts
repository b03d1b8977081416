import { isPrivileged, isSelfOrPrivileged, systemActor } from '../../platform/actor.js';
import { buildFederatedSchema } from '../../platform/federatedSchema.js';
import { uuidOf } from '../../platform/ids.js';
import { inTransaction, type Tx } from '../../platform/postgres.js';
import { connectRedis } from '../../platform/queue.js';
import { openPrecedence } from '../../platform/precedence.js';
import { startSubgraph, type SubgraphEnvironment } from '../../platform/startSubgraph.js';
import { linkSigner } from '../../platform/signedLinks.js';
import { diskStorage } from '../../platform/storage.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { osrmRouting } from './adapters/osrm.js';
import { localRouting } from './adapters/routing.js';
import { writeQueueChanges } from './airportQueue.js';
import { cityClock } from './cityClock.js';
import { availableByCell } from './cityQueries.js';
import { CityResolver } from './cityResolvers.js';
import { startCityTimers } from './cityTimers.js';
import { type DispatchConfig, readDispatchConfig } from './config.js';
import type { Dispatch, DispatchContext, DispatchLoaders } from './context.js';
import { DocumentResolver } from './documentResolvers.js';
import { documentUploads } from './documentUploads.js';
import { driverOfUser, driversByIds, knownDrivers, lastPlaces, standingsOf } from './driverQueries.js';
import { DriverResolver } from './driverResolvers.js';
import { LocationFlagResolver, DriverStandingResolver } from './flagResolvers.js';
import { dispatchConsumes, dispatchJointTimers, dispatchTimers } from './jobs.js';
import { openJournal } from './journal.js';
import { rememberDrivers } from './knownDrivers.js';
import { dispatchLoaders } from './loaders.js';
import { openLocationBuffer } from './locationBuffer.js';
import { movePositions } from './locationCommands.js';
import { writeFlags } from './locationFlags.js';
import { MapResolver } from './mapResolvers.js';
import { MATCHING_RESOLVERS } from './matchingResolvers.js';
import { openNearbyMap } from './nearbyMap.js';
import { NearbySubscription } from './nearbySubscription.js';
import { dispatchPermissions, dispatchSameForAll } from './permissions.js';
import { openOffersOf } from './offerQueries.js';
import { openOpenOffers } from './openOffers.js';
import { openPositionBacklog } from './positionBacklog.js';
import { PriceResolver } from './priceResolvers.js';
import { openPositions } from './positions.js';
import { seedDispatch } from './seed.js';
import { toDriver, toTrip } from './shapes.js';
import { type Strategies, strategiesFor } from './strategies.js';
import { DispatchSubscriptions } from './subscriptions.js';
import { openSupplyMap } from './supplyMap.js';
import { SuspensionResolver } from './suspensionResolvers.js';
import { OfferResolver, TripResolver, UserTripsResolver } from './tripResolvers.js';
import { SystemHealth } from './types.js';
import { beginUpkeep } from './upkeep.js';
import { dispatchViolations } from './violations.js';
import { openZoneCache } from './zoneCache.js';
import { activeZones, zoneOf } from './zoneQueries.js';
import { DriverQueueResolver, ZoneResolver } from './zoneResolvers.js';

/** Federation schema of dispatch; also what composition reads. */
export function buildDispatchSchema() {
  return buildFederatedSchema({
    resolvers: [
      ...([TripResolver, OfferResolver, UserTripsResolver, DriverResolver, MapResolver, PriceResolver, CityResolver, DispatchSubscriptions] as const),
      ...([ZoneResolver, DriverQueueResolver, LocationFlagResolver, DriverStandingResolver, SuspensionResolver, NearbySubscription, DocumentResolver] as const),
      ...MATCHING_RESOLVERS,
    ],
    orphanedTypes: [SystemHealth],
    permissions: dispatchPermissions,
    sameForAll: dispatchSameForAll,
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
        async __resolveReference(_reference: unknown, ctx: DispatchContext) {
          if (!isPrivileged(ctx.actor)) return null;
          return { id: 'system', dispatchViolations: await ctx.run((tx) => dispatchViolations(tx, ctx.loaders.dispatch.redis)) };
        },
      },
    },
  });
}

/**
 * Payments, mails and counts of a search wait until its driver has been asked, or for as long as this, in milliseconds: on a busy machine they would take the
 * second in which the offers go out. The pauses between the steps to an offer are shorter than the first.
 */
const QUIET_MS = 50;
const GIVE_WAY_MS = 1_000;
/** Rounds wait so long for requests that are being written: who comes just too late would wait for the whole round of the others. */
const GATHER_MS = 80;

/** `strategies` are others than those of the house only in tests of the runner. */
export async function startDispatch(
  environment: SubgraphEnvironment,
  config: DispatchConfig = readDispatchConfig({}),
  strategies: Strategies = strategiesFor(config),
): Promise<Subgraph> {
  const built = await buildDispatchSchema();
  return startSubgraph<DispatchLoaders>('dispatch', environment, async ({ db, feed, log }) => {
    const redis = connectRedis(environment.redisUrl, log);
    const asJob = <T>(work: (tx: Tx) => Promise<T>) => inTransaction(systemActor('positions'), db, { traceId: '0'.repeat(32), causationId: 'positions' }, work);
    const onError = (error: unknown, what: string) => log.warn({ err: error }, what);
    const cityTime = cityClock(config.timeZone);
    const local = localRouting((at) => cityTime(at).hour);
    const positions = openPositions({
      redis,
      clock: environment.clock,
      readStandings: (ids) => asJob((tx) => standingsOf(tx.orm, ids)),
      readPlaces: (ids) => asJob((tx) => lastPlaces(tx.orm, ids)),
      readKnown: (afterId) => asJob((tx) => knownDrivers(tx.orm, afterId)),
      onError,
    });
    const secret = environment.internalSecret;
    const origin = () => config.publicOrigin ?? new URL(environment.graphUrl()).origin;
    const storage = diskStorage({ dir: config.storageDir, subgraph: 'dispatch', secret, origin, clock: environment.clock });
    const uploads = linkSigner(secret, 'uploads:dispatch');
    const precedence = openPrecedence({ quietMs: QUIET_MS, atMostMs: GIVE_WAY_MS });
    const moving = {
      config,
      files: { storage, uploads, origin },
      feed,
      cityTime,
      strategies,
      routing: config.osrmUrl ? osrmRouting({ url: config.osrmUrl, local, clock: environment.clock, onError }) : local,
      buffer: openLocationBuffer({ db, maxPoints: config.bufferPoints }),
      positions,
      redis,
      onError,
      zones: openZoneCache({ read: () => asJob(async (tx) => (await activeZones(tx.orm)).map(zoneOf)), feed, onError }),
      flags: openJournal({ db, name: 'location-flags', maxWaiting: config.bufferPoints, write: writeFlags }),
      queueChanges: openJournal({ db, name: 'airport-queue', maxWaiting: config.bufferPoints, write: writeQueueChanges }),
      supply: openSupplyMap({ read: () => asJob((tx) => availableByCell(tx.orm, tx.now)), clock: environment.clock }),
      nearbyMap: openNearbyMap({ positions, onError }),
      openOffers: openOpenOffers((userIds) => precedence.during(() => asJob((tx) => openOffersOf(tx.orm, userIds, tx.now)))),
      precedence,
      requests: openPrecedence({ quietMs: 0, atMostMs: GATHER_MS }),
      drivers: rememberDrivers({
        driverOfUser: async (userId) => (await positions.driverOf(userId)) ?? (await asJob((tx) => driverOfUser(tx.orm, userId)))?.id ?? null,
        readExisting: async (ids) => (await asJob((tx) => driversByIds(tx.orm, ids))).map((driver) => driver.id),
      }),
    };
    const backlog = openPositionBacklog({
      maxDrivers: config.backlogDrivers,
      take: async (points) => {
        await movePositions(moving, points);
      },
      onError,
    });
    const dispatch: Dispatch = { ...moving, backlog };
    await asJob(beginUpkeep);
    await asJob(startCityTimers);
    return {
      ...built,
      loaders: (run) => dispatchLoaders(run, dispatch),
      consumes: dispatchConsumes(dispatch),
      timers: dispatchTimers(dispatch),
      jointTimers: dispatchJointTimers(dispatch),
      giveWay: precedence.giveWay,
      routes: [documentUploads({ db, storage, links: uploads }), ...storage.routes],
      seedDemo: () => seedDispatch(db, dispatch),
      checks: {
        positions: async () => {
          await redis.ping();
        },
      },
      close: async () => {
        backlog.stop();
        moving.nearbyMap.stop();
        moving.openOffers.stop();
        await Promise.all([moving.zones.stop(), moving.buffer.stop(), moving.flags.stop(), moving.queueChanges.stop()]);
        dispatch.routing.stop();
        redis.disconnect();
      },
    };
  });
}
