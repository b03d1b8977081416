import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { type Consumption, consumption } from '../../platform/consumer.js';
import type { TimerHandlers } from '../../platform/timers.js';
import type { Dispatch } from './context.js';
import { COOLDOWN_TIMER, endCooldown } from './driverMoves.js';
import { runRound } from './matchingCommands.js';
import { ROUND_TIMER } from './offerCommands.js';
import { cancelUnpayable, recordRoute, ROUTE_TIMER } from './rideCommands.js';
import { unpaidTrips } from './tables.js';

const payment = z.object({ subjectType: z.string(), subjectId: z.uuid(), payerId: z.uuid() });
const declined = z.object({ subjectType: z.string(), subjectId: z.uuid(), code: z.string() });

/** A debt is settled, taken back, or void: the rider may travel again. */
const settles = (type: string) =>
  consumption({
    type,
    projection: true,
    payload: z.object({ subjectType: z.string(), subjectId: z.uuid() }),
    apply: async (tx, { payload: { subjectType, subjectId } }) => {
      if (subjectType === 'TRIP') await tx.orm.delete(unpaidTrips).where(eq(unpaidTrips.tripId, subjectId));
    },
  });

/** What dispatch does on other domains' events. An authorised payment needs nothing: the search has been running all the time. */
export function dispatchConsumes(dispatch: Dispatch): readonly Consumption[] {
  return [
    consumption({
      type: 'payment.declined',
      payload: declined,
      apply: async (tx, { payload }) => {
        if (payload.subjectType === 'TRIP') await cancelUnpayable(tx, dispatch, payload.subjectId, payload.code);
      },
    }),
    consumption({
      type: 'payment.failed',
      projection: true,
      payload: payment,
      apply: async (tx, { payload: { subjectType, subjectId, payerId }, occurredAt }) => {
        if (subjectType === 'TRIP') await tx.orm.insert(unpaidTrips).values({ tripId: subjectId, payerId, since: occurredAt }).onConflictDoNothing();
      },
    }),
    settles('payment.captured'),
    settles('payment.refunded'),
    settles('payment.voided'),
  ];
}

export function dispatchTimers(dispatch: Dispatch): TimerHandlers {
  return {
    [ROUND_TIMER]: (tx, { key }) => runRound(tx, dispatch, key),
    [COOLDOWN_TIMER]: (tx, { key }) => endCooldown(tx, dispatch, key),
    [ROUTE_TIMER]: async (tx, { key }) => {
      await recordRoute(tx, key);
    },
  };
}
