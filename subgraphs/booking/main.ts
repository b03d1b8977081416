import { isPrivileged } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import { connectEntityCache } from '../../platform/entityCache.js';
import { buildFederatedSchema } from '../../platform/federatedSchema.js';
import { askGraph } from '../../platform/graphClient.js';
import { uuidOf } from '../../platform/ids.js';
import { openStorage } from '../../platform/openStorage.js';
import { outsideWorkers } from '../../platform/outsideWork.js';
import { linkSigner } from '../../platform/signedLinks.js';
import { startSubgraph, type SubgraphEnvironment } from '../../platform/startSubgraph.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { localSigner } from './adapters/localSigner.js';
import { localSignerServer } from './adapters/localSignerServer.js';
import { agreementWork } from './agreementWork.js';
import { BookingResolver, UserBookingsResolver } from './bookingResolvers.js';
import { toBooking } from './bookingShapes.js';
import { ChangeResolver } from './changeResolvers.js';
import { type BookingConfig, readBookingConfig } from './config.js';
import { DeskResolver, VehicleDeskResolver } from './deskResolvers.js';
import { availabilityChanges, bookingConsumes, bookingTimers } from './jobs.js';
import { type BookingLoaders, bookingLoaders, visibleBooking } from './loaders.js';
import { DocumentResolver } from './documentResolvers.js';
import { photoUploads } from './photoUploads.js';
import { signatureWebhook } from './signatureWebhook.js';
import { bookingPermissions } from './permissions.js';
import { RentalResolver } from './rentalResolvers.js';
import { BookingSubscriptions } from './subscriptions.js';
import { SystemHealth } from './types.js';
import { VehicleResolver } from './vehicleResolvers.js';
import { bookingViolations } from './violations.js';

/** Federation schema of booking; also what composition reads. */
export function buildBookingSchema() {
  return buildFederatedSchema({
    resolvers: [
      BookingResolver,
      UserBookingsResolver,
      VehicleResolver,
      RentalResolver,
      ChangeResolver,
      DeskResolver,
      VehicleDeskResolver,
      BookingSubscriptions,
      DocumentResolver,
    ],
    orphanedTypes: [SystemHealth],
    permissions: bookingPermissions,
    references: {
      Booking: {
        async __resolveReference(reference: { id?: string; ref?: string }, ctx: Context<BookingLoaders>) {
          const row = await visibleBooking(ctx, uuidOf('bkg', reference.id ?? reference.ref ?? ''));
          return row ? toBooking(row) : null;
        },
      },
      Vehicle: {
        async __resolveReference({ id }: { id: string }) {
          return { id };
        },
      },
      User: {
        async __resolveReference({ id }: { id: string }) {
          return { id };
        },
      },
      SystemHealth: {
        async __resolveReference(_reference: unknown, ctx: Context) {
          return isPrivileged(ctx.actor) ? { id: 'system', bookingViolations: await ctx.run(bookingViolations) } : null;
        },
      },
    },
  });
}

export async function startBooking(environment: SubgraphEnvironment, config: BookingConfig = readBookingConfig(process.env)): Promise<Subgraph> {
  const built = await buildBookingSchema();
  return startSubgraph<BookingLoaders>('booking', environment, async ({ db, feed, log }) => {
    const cache = connectEntityCache(environment.redisUrl, 'booking', log);
    db.wakers.entities.add(cache.invalidate);
    const { internalSecret: secret, graphUrl, clock } = environment;
    const graphOrigin = () => new URL(graphUrl()).origin;
    const origin = () => config.publicOrigin ?? graphOrigin();
    const storage = openStorage(config, { subgraph: 'booking', secret, origin, clock });
    const uploads = linkSigner(secret, 'uploads:booking');
    const workers = outsideWorkers(log);
    const signer = config.signer && localSigner({ origin: graphOrigin, secret, clock });
    const askAsJob = (query: string, variables: Record<string, unknown>) =>
      askGraph<unknown>({ graphUrl, internalSecret: secret, clock }, 'agreement', query, variables);
    workers.add(agreementWork({ db, feed, storage, signer, askGraph: askAsJob }));
    const local =
      config.signer && localSignerServer({ db, storage, secret, pageOrigin: origin, webhookUrl: () => `${graphOrigin()}/webhooks/signatures/local` });
    if (local) workers.add(local.work);
    return {
      ...built,
      loaders: bookingLoaders(cache, clock, { origin, uploads, storage }),
      consumes: bookingConsumes(feed),
      timers: { ...bookingTimers(feed, storage), ...workers.handlers },
      changes: availabilityChanges,
      routes: [
        photoUploads({ db, storage, links: uploads }),
        ...storage.routes,
        ...(signer ? [signatureWebhook({ db, feed, signer })] : []),
        ...(local ? local.routes : []),
      ],
      close: async () => {
        await workers.idle();
        await cache.close();
      },
    };
  });
}
