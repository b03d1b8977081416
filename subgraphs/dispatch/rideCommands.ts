import { and, eq, isNull, sql } from 'drizzle-orm';
import type { z } from 'zod';
import { userIdOf } from '../../platform/actor.js';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { replaceDriver } from './backupCommands.js';
import { checkBoardingPin } from './boardingPinCommands.js';
import { ratesAt } from './cityQueries.js';
import type { Dispatch } from './context.js';
import { moveDrivers, rest } from './driverMoves.js';
import { asSystem } from './elevation.js';
import { tripArrived, tripCancelled, tripCompleted, tripStarted } from './events.js';
import { waitingFee } from './fare.js';
import { strategyOf } from './matchingCommands.js';
import { withdrawOffers } from './offerCommands.js';
import { encodePolyline, lengthM, ROUTE_TIMER, simplify } from './route.js';
import { drivers, trips } from './tables.js';
import {
  assertMayCancel,
  assertTransition,
  cancellationFee,
  fareOf,
  hasDriverOnIt,
  isBeforeStart,
  type Party,
  type PaymentMethod,
  ratingSchema,
  reasonSchema,
  type TripRow,
} from './trip.js';
import { lockTrip, recordedWay, tripForParty, tripsByIds } from './tripQueries.js';
import { stepTrip } from './tripSteps.js';
import type { VehicleType } from './vehicleType.js';

const ROUTE_AFTER_MS = 15_000;

/** The driver waits at the pickup. Repeating it answers with the present state. @throws Refusal NOT_FOUND, INVALID_TRANSITION */
export async function arriveAtPickup(tx: Tx, dispatch: Dispatch, tripId: string): Promise<TripRow> {
  const trip = await lockTripOfDriver(tx, tripId);
  if (trip.arrivedAt) return trip;
  const arrived = await stepTrip(tx, dispatch, trip, 'DRIVER_ARRIVED', 'DRIVER', { arrivedAt: tx.now });
  await appendEvent(tx, tripArrived, trip.id, { tripId: trip.id, riderId: trip.riderId, driverUserId: trip.driverUserId });
  return arrived;
}

/**
 * The rider is in the car. Repeating it answers with the present state. A refusal that is about the boarding PIN is answered, not thrown: the attempt has
 * to be counted first. @throws Refusal NOT_FOUND, INVALID_TRANSITION
 */
export async function startTrip(tx: Tx, dispatch: Dispatch, tripId: string, boardingPin: string | null | undefined): Promise<TripRow | Refusal> {
  const trip = await lockTripOfDriver(tx, tripId);
  if (trip.startedAt) return trip;
  assertTransition(trip, 'STARTED');
  const refusal = await checkBoardingPin(tx, trip.id, boardingPin);
  if (refusal) return refusal;
  const started = await stepTrip(tx, dispatch, trip, 'STARTED', 'DRIVER', { startedAt: tx.now });
  await withdrawOffers(tx, dispatch, trip.id);
  await appendEvent(tx, tripStarted, trip.id, { tripId: trip.id, riderId: trip.riderId, driverUserId: trip.driverUserId });
  return started;
}

/**
 * The rider is there: the final fare is the quote, or what the rider agreed to instead, and what waiting at the pickup cost by the published rule (DP-16);
 * payments settles it, the driver rests (DP-34). Repeating it answers with the present state.
 * @throws Refusal NOT_FOUND, INVALID_TRANSITION
 */
export async function completeTrip(tx: Tx, dispatch: Dispatch, tripId: string): Promise<TripRow> {
  const trip = await lockTripOfDriver(tx, tripId);
  if (trip.completedAt) return trip;
  const rates = (await ratesAt(tx.orm, trip.requestedAt)).get(trip.vehicleType);
  const waitingFeeMinor = rates ? waitingFee(rates, waitsFrom(trip), trip.startedAt) : 0n;
  const finalFareMinor = fareOf(trip) + waitingFeeMinor;
  const completed = await stepTrip(tx, dispatch, trip, 'COMPLETED', 'DRIVER', { completedAt: tx.now, finalFareMinor, waitingFeeMinor });
  await rest(tx, dispatch, trip.driverId);
  await appendEvent(tx, tripCompleted, trip.id, {
    tripId: trip.id,
    riderId: trip.riderId,
    driverUserId: trip.driverUserId,
    vehicleType: trip.vehicleType as VehicleType,
    fareMinor: finalFareMinor.toString(),
    currency: trip.currency,
    paymentMethod: trip.paymentMethod as PaymentMethod,
  });
  await setTimer(tx, { kind: ROUTE_TIMER, key: trip.id, dueAt: new Date(tx.now.getTime() + ROUTE_AFTER_MS) });
  return (await recordRoute(tx, trip.id)) ?? completed;
}

/** From when the rider is late: from the driver's arrival, and for a trip for later not before it was to begin. */
function waitsFrom(trip: TripRow): Date | null {
  return trip.arrivedAt && trip.departAt && trip.departAt > trip.arrivedAt ? trip.departAt : trip.arrivedAt;
}

/** Writes the driven way of a completed trip from the points that have come in so far (DP-33). */
export async function recordRoute(tx: Tx, tripId: string): Promise<TripRow | undefined> {
  return asSystem(tx, async () => {
    const [trip] = await tripsByIds(tx.orm, [tripId]);
    if (!trip?.driverId || !trip.startedAt || !trip.completedAt) return trip;
    const way = await recordedWay(tx.orm, trip.driverId, trip.startedAt, trip.completedAt);
    if (way.length < 2) return trip;
    const [row] = await tx.orm
      .update(trips)
      .set({ route: encodePolyline(simplify(way)), routeDistanceM: Math.round(lengthM(way)) })
      .where(eq(trips.id, tripId))
      .returning();
    return row;
  });
}

/**
 * Ends a trip before its end, by its rider, its driver or an admin; a trip for later whose driver cancels gets another one. Repeating it by the same party answers with the present state.
 * @throws Refusal NOT_FOUND, INVALID_TRANSITION
 */
export async function cancelTrip(tx: Tx, dispatch: Dispatch, tripId: string, reason: string | null | undefined): Promise<TripRow> {
  const cancelReason = parseInput(reasonSchema, reason, 'reason');
  if (!(await tripForParty(tx, tripId))) throw notFound('trip', 'tripId');
  const trip = await lockTrip(tx.orm, tripId);
  if (!trip) throw notFound('trip', 'tripId');
  const userId = userIdOf(tx.actor);
  const by = trip.riderId === userId ? 'RIDER' : trip.driverUserId === userId ? 'DRIVER' : 'ADMIN';
  if (trip.status === 'CANCELLED' && trip.cancelledBy === by) return trip;
  if (by === 'DRIVER' && isBeforeStart(trip.status) && strategyOf(dispatch, trip).backup) return replaceDriver(tx, dispatch, trip);
  return cancel(tx, dispatch, trip, by, cancelReason ?? null);
}

/** Stops a trip that cannot be paid, unless the rider is in the car already: then payments finds out at the end. Runs as SYSTEM. */
export async function cancelUnpayable(tx: Tx, dispatch: Dispatch, tripId: string, code: string): Promise<void> {
  const trip = await lockTrip(tx.orm, tripId);
  if (!trip || !['REQUESTED', 'SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED'].includes(trip.status)) return;
  await cancel(tx, dispatch, trip, 'SYSTEM', code);
}

async function cancel(tx: Tx, dispatch: Dispatch, trip: TripRow, by: Party, cancelReason: string | null): Promise<TripRow> {
  assertMayCancel(trip, by);
  const rates = (await ratesAt(tx.orm, trip.requestedAt)).get(trip.vehicleType);
  const feeMinor = cancellationFee(trip, by, BigInt(rates?.cancellationFeeMinor ?? 0), tx.now);
  const cancelled = await stepTrip(tx, dispatch, trip, 'CANCELLED', by, { cancelledAt: tx.now, cancelledBy: by, cancelReason, feeMinor });
  await withdrawOffers(tx, dispatch, trip.id);
  if (trip.driverId && hasDriverOnIt(trip.status)) {
    await moveDrivers(tx, dispatch, [trip.driverId], 'AVAILABLE', { from: ['BUSY'], ...(by === 'DRIVER' && { count: { cancelledCount: 1 } }) });
  }
  await appendEvent(tx, tripCancelled, trip.id, {
    tripId: trip.id,
    riderId: trip.riderId,
    driverUserId: trip.driverUserId,
    by,
    feeMinor: feeMinor.toString(),
    currency: trip.currency,
  });
  return cancelled;
}

/** The rider's stars for a completed trip, once. The same stars again answer with the trip. @throws Refusal NOT_FOUND, TRIP_NOT_COMPLETED, ALREADY_RATED */
export async function rateTrip(tx: Tx, tripId: string, input: z.input<typeof ratingSchema>): Promise<TripRow> {
  const { stars, comment } = parseInput(ratingSchema, input);
  const trip = await lockTrip(tx.orm, tripId);
  if (!trip || trip.riderId !== userIdOf(tx.actor)) throw notFound('trip', 'input.tripId');
  if (trip.status !== 'COMPLETED') {
    const details = { field: 'input.tripId', rule: 'completed_trip', status: trip.status };
    throw new Refusal('TRIP_NOT_COMPLETED', 'A trip can be rated when it is completed. Try again then.', { details });
  }
  if (trip.stars === stars && trip.comment === (comment ?? null)) return trip;
  const [rated] = await tx.orm
    .update(trips)
    .set({ stars, comment: comment ?? null })
    .where(and(eq(trips.id, trip.id), isNull(trips.stars)))
    .returning();
  if (!rated) {
    const details = { field: 'input.tripId', rule: 'rated_once', stars: trip.stars };
    throw new Refusal('ALREADY_RATED', 'You have rated this trip. A rating stays as it is: write to us if it was a slip.', { details });
  }
  if (trip.driverId) {
    const driverId = trip.driverId;
    await asSystem(tx, () =>
      tx.orm
        .update(drivers)
        .set({ starsSum: sql`${drivers.starsSum} + ${stars}`, starsCount: sql`${drivers.starsCount} + 1` })
        .where(eq(drivers.id, driverId)),
    );
  }
  return rated;
}

/** A trip that has a driver. */
type DrivenTrip = TripRow & { driverId: string; driverUserId: string };

/** The actor's own trip as its driver, locked. @throws Refusal NOT_FOUND, also for its rider and for admins: only the driver drives */
async function lockTripOfDriver(tx: Tx, tripId: string): Promise<DrivenTrip> {
  const trip = await lockTrip(tx.orm, tripId);
  if (!trip?.driverId || !trip.driverUserId || trip.driverUserId !== userIdOf(tx.actor)) throw notFound('trip', 'tripId');
  return trip as DrivenTrip;
}
