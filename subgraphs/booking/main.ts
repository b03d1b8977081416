import { isPrivileged } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import { connectEntityCache } from '../../platform/entityCache.js';
import { buildFederatedSchema } from '../../platform/federatedSchema.js';
import { uuidOf } from '../../platform/ids.js';
import { startSubgraph, type SubgraphEnvironment } from '../../platform/startSubgraph.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { BookingResolver, UserBookingsResolver } from './bookingResolvers.js';
import { toBooking } from './bookingShapes.js';
import { ChangeResolver } from './changeResolvers.js';
import { DeskResolver, VehicleDeskResolver } from './deskResolvers.js';
import { bookingConsumes, bookingTimers } from './jobs.js';
import { type BookingLoaders, bookingLoaders, visibleBooking } from './loaders.js';
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

export async function startBooking(environment: SubgraphEnvironment): Promise<Subgraph> {
  const built = await buildBookingSchema();
  return startSubgraph<BookingLoaders>('booking', environment, async ({ db, feed, log }) => {
    const cache = connectEntityCache(environment.redisUrl, 'booking', log);
    db.wakers.entities.add(cache.invalidate);
    return {
      ...built,
      loaders: bookingLoaders(cache, environment.clock),
      consumes: bookingConsumes(feed),
      timers: bookingTimers(feed),
      close: cache.close,
    };
  });
}
