import { eq } from 'drizzle-orm';
import { z } from 'zod';
import { type Consumption, consumption, nothingOn } from '../../platform/consumer.js';
import type { Tx } from '../../platform/postgres.js';
import type { JointHandlers, TimerHandlers } from '../../platform/timers.js';
import { cityTimers } from './cityTimers.js';
import type { Dispatch } from './context.js';
import { DOCUMENT_LEFTOVER, removeLeftoverDocument } from './documentCommands.js';
import { COOLDOWN_TIMER, endCooldown } from './driverMoves.js';
import { runBackupRound, runRound, runRounds, runTick, TICK_TIMER } from './matchingCommands.js';
import { BACKUP_TIMER, ROUND_TIMER } from './offerCommands.js';
import { cancelUnpayable, recordRoute } from './rideCommands.js';
import { ROUTE_TIMER } from './route.js';
import { unpaidTrips } from './tables.js';
import { dropFraudFlag, keepFraudFlag } from './standingCommands.js';
import { upkeepTimers } from './upkeep.js';
import { keepVehicleStatus } from './vehicleCommands.js';

const payment = z.object({ subjectType: z.string(), subjectId: z.uuid(), payerId: z.uuid() });
const declined = z.object({ subjectType: z.string(), subjectId: z.uuid(), code: z.string() });

/** A debt is settled, taken back, or void: the rider may travel again. Not when something is given back and the rest is owed all the same. */
const settles = (type: string, then: (tx: Tx, tripId: string) => Promise<void> = async () => {}) =>
  consumption({
    type,
    projection: true,
    payload: z.object({ subjectType: z.string(), subjectId: z.uuid(), owedMinor: z.string().optional() }),
    apply: async (tx, { payload: { subjectType, subjectId, owedMinor = '0' } }) => {
      if (subjectType !== 'TRIP' || owedMinor !== '0') return;
      await tx.orm.delete(unpaidTrips).where(eq(unpaidTrips.tripId, subjectId));
      await then(tx, subjectId);
    },
  });

/** A car that is retired or in the workshop takes its driver off the road. */
const carIs = (dispatch: Dispatch, type: string) =>
  consumption({
    type,
    projection: true,
    payload: z.object({ vehicleId: z.uuid(), status: z.string() }),
    apply: (tx, { payload: { vehicleId, status } }) => keepVehicleStatus(tx, dispatch, vehicleId, status),
  });

const flag = z.object({ flagId: z.uuid(), userId: z.uuid() });
const suspects = (type: string, apply: (tx: Tx, flag: { flagId: string; userId: string }) => Promise<void>) =>
  consumption({ type, projection: true, payload: flag, apply: (tx, { payload }) => apply(tx, payload) });

/** What dispatch does on other domains' events. */
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
    // The search has been running all the time.
    ...nothingOn('payment.authorised'),
    suspects('fraud.flagged', (tx, of) => keepFraudFlag(tx, of, false)),
    suspects('fraud.confirmed', (tx, of) => keepFraudFlag(tx, of, true)),
    suspects('fraud.cleared', dropFraudFlag),
    carIs(dispatch, 'vehicle.created'),
    carIs(dispatch, 'vehicle.updated'),
    carIs(dispatch, 'vehicle.retired'),
    settles('payment.captured'),
    settles('payment.refunded'),
    // What was promised is not there any more, be it that it ran out: nobody drives for it. That of a trip that is over, or on its way, changes nothing.
    settles('payment.voided', (tx, tripId) => cancelUnpayable(tx, dispatch, tripId, 'HOLD_EXPIRED')),
  ];
}

export function dispatchTimers(dispatch: Dispatch): TimerHandlers {
  return {
    ...upkeepTimers(dispatch),
    ...cityTimers(dispatch),
    [BACKUP_TIMER]: (tx, { key }) => runBackupRound(tx, dispatch, key),
    [TICK_TIMER]: (tx, { key }) => runTick(tx, dispatch, key),
    [COOLDOWN_TIMER]: (tx, { key }) => endCooldown(tx, dispatch, key),
    [DOCUMENT_LEFTOVER]: (tx, { key }) => removeLeftoverDocument(tx, dispatch.files.storage, key),
    [ROUTE_TIMER]: async (tx, { key }) => {
      await recordRoute(tx, key);
    },
  };
}

/** Rounds that are made together: enough for a burst, few enough that the first of them do not wait long for the last. */
const MOST_ROUNDS = 100;

export function dispatchJointTimers(dispatch: Dispatch): JointHandlers {
  return {
    [ROUND_TIMER]: {
      most: MOST_ROUNDS,
      gather: dispatch.requests.giveWay,
      together: (tx, timers) => dispatch.precedence.during(() => runRounds(tx, dispatch, timers)),
      alone: (tx, { key }) => runRound(tx, dispatch, key),
    },
  };
}
