import { expect } from 'vitest';
import { eventually } from '../subgraphHarness.js';
import type { Answered, SavedOperations, Values } from './savedOperations.js';

/** Drivers rest for a minute after each trip; nobody waits for that here. */
export const NO_REST = { DISPATCH_COOLDOWN_S: '0' };

/** A trip that the demo customer has asked for, and the offer that the demo driver, who has to be online, was made for it. */
export async function offeredTrip({ run, firstEvent }: SavedOperations, request: Values = {}): Promise<{ trip: Answered; offer: Answered }> {
  await eventually(async () => (await run('Ride 19')).myDriver.state === 'AVAILABLE', 'the driver to be free');
  const { quoteTrip } = await run('Ride 4');
  let trip: Answered;
  const { driverOffers: offer } = await firstEvent('Ride 3', {}, async () => {
    ({ requestTrip: trip } = await run('Ride 5', { input: { quoteId: quoteTrip[0].id, ...request } }));
  });
  expect(offer.trip.id).toBe(trip.id);
  return { trip, offer };
}

/** The id of a trip that has its driver. */
export async function acceptedTrip(operations: SavedOperations, request: Values = {}): Promise<string> {
  const { trip, offer } = await offeredTrip(operations, request);
  expect((await operations.run('Ride 7', { offerId: offer.id })).acceptOffer.status).toBe('ACCEPTED');
  return trip.id;
}

/** Drives an accepted trip to its end, and waits until its payment has this status; the payment. */
export async function drivenTrip({ run }: SavedOperations, tripId: string, status: 'CAPTURED' | 'FAILED'): Promise<Answered> {
  expect((await run('Ride 8', { tripId })).arriveAtPickup.status).toBe('DRIVER_ARRIVED');
  expect((await run('Ride 9', { tripId })).startTrip.status).toBe('STARTED');
  expect((await run('Ride 10', { tripId })).completeTrip.status).toBe('COMPLETED');
  return eventually(async () => {
    const { payment } = (await run('Ride 11', { id: tripId })).trip;
    return payment?.status === status && payment;
  }, `the payment to be ${status}`);
}

/**
 * The payment of a trip for which the customer owes money: it became dearer on the way, and the card, which the sandbox lets pay once, does not pay the rest.
 */
export async function owedTrip(operations: SavedOperations): Promise<Answered> {
  const { run } = operations;
  const tripId = await acceptedTrip(operations, { paymentMethod: 'CARD', paymentToken: 'tok_once' });
  await eventually(async () => (await run('Ride 11', { id: tripId })).trip.payment?.status === 'AUTHORISED', 'the card to promise the fare');
  const { quoteDestinationChange } = await run('City 3', { tripId });
  await run('City 16', { tripId, quoteId: quoteDestinationChange.id });
  return drivenTrip(operations, tripId, 'FAILED');
}
