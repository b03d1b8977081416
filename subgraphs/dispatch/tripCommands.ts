import { z } from 'zod';
import { userIdOf } from '../../platform/actor.js';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { once } from '../../platform/idempotency.js';
import { newUuid, publicId } from '../../platform/ids.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import type { Dispatch } from './context.js';
import { tripRequested } from './events.js';
import { ROUND_TIMER } from './offerCommands.js';
import { distanceM, type Place, pointSchema } from './point.js';
import { MOST_AHEAD, searchFrom } from './scheduled.js';
import type { StrategyName } from './strategy.js';
import { cellOf } from './surge.js';
import { trips } from './tables.js';
import { destinationOf, PAYMENT_METHODS, type PaymentMethod, pickupOf, type TripRow, type TripStatus } from './trip.js';
import { lockQuote, lockRequestsOf, type QuoteRow, type RiderRoom, tripsByIds } from './tripQueries.js';
import { assertSurgeSteady } from './quoteCommands.js';
import { logState, stepTrip } from './tripSteps.js';
import type { VehicleType } from './vehicleType.js';

/** A pickup that is repeated with the request may be this far from the quoted one: people walk around while they decide (DP-14). */
const MAX_SHIFT_M = 100;
/** What the sandbox takes for a good card when none is named. */
const DEFAULT_PAYMENT_TOKEN = 'tok_ok';

export const requestSchema = z
  .object({
    paymentMethod: z.enum(PAYMENT_METHODS),
    paymentToken: z.string().min(1).max(200).nullish(),
    pickup: pointSchema.nullish(),
    destination: pointSchema.nullish(),
  })
  .refine((request) => request.paymentToken == null || request.paymentMethod === 'CARD', { path: ['paymentToken'], message: 'is for CARD only' });

export interface TripRequest extends z.input<typeof requestSchema> {
  quoteId: string;
}

/**
 * Begins the search for a driver at the quoted price. The search runs while payments holds the fare. A trip for later stays REQUESTED until its search
 * begins, and the rider may take others meanwhile.
 * @throws Refusal NOT_FOUND (quote), QUOTE_EXPIRED, QUOTE_USED, SURGE_CHANGED, ACTIVE_TRIP, TOO_MANY_TRIPS_AHEAD, UNPAID_TRIP, VALIDATION_ERROR,
 * IDEMPOTENCY_KEY_REUSED
 */
export async function requestTrip(tx: Tx, dispatch: Dispatch, riderId: string, request: TripRequest, key: string): Promise<TripRow> {
  const { paymentMethod, paymentToken, pickup, destination } = parseInput(requestSchema, request);
  let made: TripRow | undefined;
  const begin = async ([found, room]: [QuoteRow | undefined, RiderRoom]) => {
    const quote = checkQuote(tx, found);
    assertSamePlace(pickup, pickupOf(quote), 'input.pickup');
    assertSamePlace(destination, destinationOf(quote), 'input.destination');
    assertRoom(tx, room, quote);
    if (room.unpaidTripId) {
      const details = { field: 'input.quoteId', rule: 'no_unpaid_trip', tripId: publicId('trp', room.unpaidTripId) };
      throw new Refusal('UNPAID_TRIP', 'An earlier trip has not been paid. Pay it first: its payment says what is missing.', { details });
    }
    const strategy = quote.departAt === null ? room.strategy : 'SCHEDULED';
    const planned = plannedTrip(tx, riderId, quote, paymentMethod, strategy);
    // Sent together: none of them depends on another's answer, and what must not be is taken back with all of them.
    const steady = assertSurgeSteady(tx, dispatch, quote);
    const inserting = insertTrip(tx, planned);
    const beginning = beginSearch(tx, dispatch, planned, paymentMethod === 'CARD' ? (paymentToken ?? DEFAULT_PAYMENT_TOKEN) : null);
    for (const each of [inserting, beginning]) each.catch(() => {});
    await steady;
    // The second fence behind the lock of the rider's requests: the index lets one trip for now in.
    const inserted = await inserting;
    if (!inserted) throw activeTrip(null);
    made = (await beginning) ?? inserted;
    return inserted.id;
  };
  // The quote is locked first, and then the rider's requests.
  const ahead = () => Promise.all([lockQuote(tx.orm, request.quoteId), lockRequestsOf(tx, riderId, dispatch.config.city)]);
  const { entityId } = await once(tx, { mutation: 'requestTrip', key, input: request }, begin, ahead);
  const trip = made ?? (await tripsByIds(tx.orm, [entityId]))[0];
  if (!trip) throw new Error('the requested trip vanished');
  return trip;
}

/** @throws Refusal NOT_FOUND, QUOTE_USED, QUOTE_EXPIRED */
function checkQuote(tx: Tx, quote: QuoteRow | undefined): QuoteRow {
  // Admins see all quotes; a quote still is for the one who asked.
  if (quote?.ownerId !== userIdOf(tx.actor) || quote.tripId !== null) throw notFound('quote', 'input.quoteId');
  if (quote.usedBy !== null) {
    const details = { field: 'input.quoteId', rule: 'used_once', tripId: publicId('trp', quote.usedBy) };
    throw new Refusal('QUOTE_USED', 'This quote has been used. Ask for a new one.', { details });
  }
  if (quote.expiresAt <= tx.now)
    throw new Refusal('QUOTE_EXPIRED', 'This quote is too old. Ask for a new one.', {
      details: { field: 'input.quoteId', rule: 'quote_lifetime', expiredAt: quote.expiresAt },
    });
  return quote;
}

function assertSamePlace(given: Place | null | undefined, quoted: Place, field: string): void {
  if (!given || distanceM(given, quoted) <= MAX_SHIFT_M) return;
  throw new Refusal('VALIDATION_ERROR', `${field}: is more than ${MAX_SHIFT_M} m from where the quote is for. Ask for a new quote.`, {
    details: { field, rule: 'quoted_place' },
  });
}

/** One trip at a time, and a few for later besides. Under the lock of the rider's requests. @throws Refusal ACTIVE_TRIP, TOO_MANY_TRIPS_AHEAD */
function assertRoom(tx: Tx, room: RiderRoom, quote: QuoteRow): void {
  if (searchFrom(quote, tx.now) > tx.now) {
    if (room.tripsAhead < MOST_AHEAD) return;
    throw new Refusal('TOO_MANY_TRIPS_AHEAD', `You have ${MOST_AHEAD} trips for later already. Cancel one, or ask again after one of them.`, {
      details: { field: 'input.quoteId', rule: 'trips_ahead', most: MOST_AHEAD },
    });
  }
  if (room.liveTripId) throw activeTrip(room.liveTripId);
}

function activeTrip(tripId: string | null): Refusal {
  const details = { field: 'input.quoteId', rule: 'one_live_trip', ...(tripId && { tripId: publicId('trp', tripId) }) };
  return new Refusal('ACTIVE_TRIP', 'You have a trip already. Finish or cancel it first.', { details });
}

type PlannedTrip = typeof trips.$inferInsert & { status: TripStatus; sequence: number; paymentMethod: PaymentMethod };

function plannedTrip(tx: Tx, riderId: string, quote: QuoteRow, paymentMethod: PaymentMethod, strategy: StrategyName): PlannedTrip {
  const pickup = pickupOf(quote);
  return {
    id: newUuid(tx.now),
    quoteId: quote.id,
    status: 'REQUESTED',
    sequence: 1,
    riderId,
    vehicleType: quote.vehicleType,
    pickupLat: pickup.lat,
    pickupLng: pickup.lng,
    pickupCell: cellOf(pickup),
    destinationLat: quote.destinationLat,
    destinationLng: quote.destinationLng,
    quotedFareMinor: quote.fareMinor,
    currency: quote.currency,
    paymentMethod,
    strategy,
    departAt: quote.departAt,
    requestedAt: tx.now,
  };
}

/** Undefined when the rider has a trip for now already. Sent at once, not when it is awaited: what is sent next comes after it. */
async function insertTrip(tx: Tx, planned: PlannedTrip): Promise<TripRow | undefined> {
  const [trip] = await tx.orm.insert(trips).values(planned).onConflictDoNothing().returning().execute();
  return trip;
}

/** Answers the trip when its search begins at once. */
async function beginSearch(tx: Tx, dispatch: Dispatch, trip: PlannedTrip, paymentToken: string | null): Promise<TripRow | undefined> {
  const departAt = trip.departAt ?? null;
  const dueAt = searchFrom({ departAt }, tx.now);
  const requested = {
    tripId: trip.id,
    riderId: trip.riderId,
    vehicleType: trip.vehicleType as VehicleType,
    fareMinor: trip.quotedFareMinor.toString(),
    currency: trip.currency,
    paymentMethod: trip.paymentMethod,
    paymentToken,
    departAt: departAt?.toISOString() ?? null,
  };
  const [, , , , begun] = await Promise.all([
    logState(tx, trip, 'RIDER'),
    tx.prepared('update trip_quotes set used_by = $1::uuid where id = $2::uuid', [trip.id, trip.quoteId]),
    appendEvent(tx, tripRequested, trip.id, requested),
    setTimer(tx, { kind: ROUND_TIMER, key: trip.id, dueAt }),
    // One for later is not searched for yet: its timer takes the step.
    dueAt <= tx.now ? stepTrip(tx, dispatch, trip, 'SEARCHING', 'SYSTEM') : undefined,
  ]);
  return begun;
}
