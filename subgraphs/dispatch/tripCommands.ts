import { eq } from 'drizzle-orm';
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
import { settingsOf } from './matchingQueries.js';
import { ROUND_TIMER } from './offerCommands.js';
import { distanceM, type Place, pointSchema } from './point.js';
import { MOST_AHEAD, searchFrom } from './scheduled.js';
import type { StrategyName } from './strategy.js';
import { cellOf } from './surge.js';
import { tripQuotes, trips } from './tables.js';
import { destinationOf, PAYMENT_METHODS, type PaymentMethod, pickupOf, type TripRow } from './trip.js';
import { countTripsAhead, liveTripOfRider, lockQuote, lockRequestsOf, type QuoteRow, tripsByIds, unpaidTripOf } from './tripQueries.js';
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
  const { entityId } = await once(tx, { mutation: 'requestTrip', key, input: request }, async () => {
    const quote = await claimQuote(tx, request.quoteId);
    await assertSurgeSteady(tx, dispatch, quote);
    assertSamePlace(pickup, pickupOf(quote), 'input.pickup');
    assertSamePlace(destination, destinationOf(quote), 'input.destination');
    await lockRequestsOf(tx.orm, riderId);
    await assertRoom(tx, riderId, quote);
    const unpaid = await unpaidTripOf(tx.orm, riderId);
    if (unpaid) {
      const details = { field: 'input.quoteId', rule: 'no_unpaid_trip', tripId: publicId('trp', unpaid.tripId) };
      throw new Refusal('UNPAID_TRIP', 'An earlier trip has not been paid. Pay it first: its payment says what is missing.', { details });
    }
    const strategy = quote.departAt === null ? (await settingsOf(tx.orm, dispatch.config.city)).strategy : 'SCHEDULED';
    const trip = await insertTrip(tx, riderId, quote, paymentMethod, strategy);
    await tx.orm.update(tripQuotes).set({ usedBy: trip.id }).where(eq(tripQuotes.id, quote.id));
    await beginSearch(tx, dispatch, trip, paymentMethod === 'CARD' ? (paymentToken ?? DEFAULT_PAYMENT_TOKEN) : null);
    return trip.id;
  });
  const [trip] = await tripsByIds(tx.orm, [entityId]);
  if (!trip) throw new Error('the requested trip vanished');
  return trip;
}

/** @throws Refusal NOT_FOUND, QUOTE_USED, QUOTE_EXPIRED */
async function claimQuote(tx: Tx, quoteId: string): Promise<QuoteRow> {
  const quote = await lockQuote(tx.orm, quoteId);
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
async function assertRoom(tx: Tx, riderId: string, quote: QuoteRow): Promise<void> {
  if (searchFrom(quote, tx.now) > tx.now) {
    if ((await countTripsAhead(tx.orm, riderId)) < MOST_AHEAD) return;
    throw new Refusal('TOO_MANY_TRIPS_AHEAD', `You have ${MOST_AHEAD} trips for later already. Cancel one, or ask again after one of them.`, {
      details: { field: 'input.quoteId', rule: 'trips_ahead', most: MOST_AHEAD },
    });
  }
  const live = await liveTripOfRider(tx.orm, riderId);
  if (live) throw activeTrip(live.id);
}

function activeTrip(tripId: string | null): Refusal {
  const details = { field: 'input.quoteId', rule: 'one_live_trip', ...(tripId && { tripId: publicId('trp', tripId) }) };
  return new Refusal('ACTIVE_TRIP', 'You have a trip already. Finish or cancel it first.', { details });
}

async function insertTrip(tx: Tx, riderId: string, quote: QuoteRow, paymentMethod: PaymentMethod, strategy: StrategyName): Promise<TripRow> {
  const pickup = pickupOf(quote);
  const [trip] = await tx.orm
    .insert(trips)
    .values({
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
    })
    // The second fence behind the lock of the rider's requests: the index lets one trip for now in.
    .onConflictDoNothing()
    .returning();
  if (!trip) throw activeTrip((await liveTripOfRider(tx.orm, riderId))?.id ?? null);
  return trip;
}

async function beginSearch(tx: Tx, dispatch: Dispatch, trip: TripRow, paymentToken: string | null): Promise<void> {
  await logState(tx, trip, 'RIDER');
  const dueAt = searchFrom(trip, tx.now);
  // One for later is not searched for yet: its timer takes the step.
  if (dueAt <= tx.now) await stepTrip(tx, dispatch, trip, 'SEARCHING', 'SYSTEM');
  await appendEvent(tx, tripRequested, trip.id, {
    tripId: trip.id,
    riderId: trip.riderId,
    vehicleType: trip.vehicleType as VehicleType,
    fareMinor: trip.quotedFareMinor.toString(),
    currency: trip.currency,
    paymentMethod: trip.paymentMethod as PaymentMethod,
    paymentToken,
    departAt: trip.departAt?.toISOString() ?? null,
  });
  await setTimer(tx, { kind: ROUND_TIMER, key: trip.id, dueAt });
}
