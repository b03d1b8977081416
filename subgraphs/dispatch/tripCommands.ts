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
import { ROUND_TIMER } from './offerCommands.js';
import { distanceM, type Place, pointSchema } from './point.js';
import { cellOf } from './surge.js';
import { tripQuotes, trips } from './tables.js';
import { destinationOf, PAYMENT_METHODS, type PaymentMethod, pickupOf, type TripRow } from './trip.js';
import { liveTripOfRider, lockQuote, type QuoteRow, tripsByIds, unpaidTripOf } from './tripQueries.js';
import { logState, stepTrip } from './tripSteps.js';
import type { VehicleType } from './vehicleType.js';

/** A pickup that is repeated with the request may be this far from the quoted one: people walk around while they decide (DP-14). */
const MAX_SHIFT_M = 100;
/** A trip for later is matched this long before (DP-22). */
const MATCH_BEFORE_MS = 15 * 60_000;
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
 * Begins the search for a driver at the quoted price. The search runs while payments holds the fare.
 * @throws Refusal NOT_FOUND (quote), QUOTE_EXPIRED, QUOTE_USED, ACTIVE_TRIP, UNPAID_TRIP, VALIDATION_ERROR, IDEMPOTENCY_KEY_REUSED
 */
export async function requestTrip(tx: Tx, dispatch: Dispatch, riderId: string, request: TripRequest, key: string): Promise<TripRow> {
  const { paymentMethod, paymentToken, pickup, destination } = parseInput(requestSchema, request);
  const { entityId } = await once(tx, { mutation: 'requestTrip', key, input: request }, async () => {
    const quote = await claimQuote(tx, request.quoteId);
    assertSamePlace(pickup, pickupOf(quote), 'input.pickup');
    assertSamePlace(destination, destinationOf(quote), 'input.destination');
    const live = await liveTripOfRider(tx.orm, riderId);
    if (live) throw activeTrip(live.id);
    const unpaid = await unpaidTripOf(tx.orm, riderId);
    if (unpaid) {
      const details = { tripId: publicId('trp', unpaid.tripId) };
      throw new Refusal('UNPAID_TRIP', 'An earlier trip has not been paid. Pay it first: its payment says what is missing.', { details });
    }
    const trip = await insertTrip(tx, riderId, quote, paymentMethod);
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
  if (quote?.ownerId !== userIdOf(tx.actor)) throw notFound('quote', 'input.quoteId');
  if (quote.usedBy !== null) {
    const details = { field: 'input.quoteId', tripId: publicId('trp', quote.usedBy) };
    throw new Refusal('QUOTE_USED', 'This quote has been used. Ask for a new one.', { details });
  }
  if (quote.expiresAt <= tx.now)
    throw new Refusal('QUOTE_EXPIRED', 'This quote is too old. Ask for a new one.', { details: { field: 'input.quoteId', expiredAt: quote.expiresAt } });
  return quote;
}

function assertSamePlace(given: Place | null | undefined, quoted: Place, field: string): void {
  if (!given || distanceM(given, quoted) <= MAX_SHIFT_M) return;
  throw new Refusal('VALIDATION_ERROR', `${field}: is more than ${MAX_SHIFT_M} m from where the quote is for. Ask for a new quote.`, {
    details: { field, rule: 'quoted_place' },
  });
}

function activeTrip(tripId: string | null): Refusal {
  return new Refusal('ACTIVE_TRIP', 'You have a trip already. Finish or cancel it first.', { details: tripId ? { tripId: publicId('trp', tripId) } : {} });
}

async function insertTrip(tx: Tx, riderId: string, quote: QuoteRow, paymentMethod: PaymentMethod): Promise<TripRow> {
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
      departAt: quote.departAt,
      requestedAt: tx.now,
    })
    // Two requests at once both see no live trip; the index lets one in.
    .onConflictDoNothing()
    .returning();
  if (!trip) throw activeTrip((await liveTripOfRider(tx.orm, riderId))?.id ?? null);
  return trip;
}

async function beginSearch(tx: Tx, dispatch: Dispatch, trip: TripRow, paymentToken: string | null): Promise<void> {
  await logState(tx, trip, 'RIDER');
  await stepTrip(tx, dispatch, trip, 'SEARCHING', 'SYSTEM');
  await appendEvent(tx, tripRequested, trip.id, {
    tripId: trip.id,
    riderId: trip.riderId,
    vehicleType: trip.vehicleType as VehicleType,
    fareMinor: trip.quotedFareMinor.toString(),
    currency: trip.currency,
    paymentMethod: trip.paymentMethod as PaymentMethod,
    paymentToken,
  });
  const matchAt = trip.departAt === null ? tx.now : new Date(Math.max(tx.now.getTime(), trip.departAt.getTime() - MATCH_BEFORE_MS));
  await setTimer(tx, { kind: ROUND_TIMER, key: trip.id, dueAt: matchAt });
}
