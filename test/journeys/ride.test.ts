import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WaygraphClient } from '../../sdk/client.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

const PICKUP = { lat: 30.045, lng: 31.236 };
const DESTINATION = { lat: 30.0626, lng: 31.2497 };

describe.each(['one', 'split'] as const)('the ride story, layout %s', (layout) => {
  let graph: TestGraph;
  let rider: WaygraphClient;
  let driver: WaygraphClient;
  beforeAll(async () => {
    graph = await startGraph(layout);
    rider = await graph.as('customer');
    driver = await graph.as('driver');
  });
  afterAll(() => graph[Symbol.asyncDispose]());

  const moveTo = (lat: number, lng: number) =>
    driver.UpdateLocation({ input: { point: { lat, lng }, heading: 45, speedKmh: 30, accuracyM: 5, recordedAt: new Date().toISOString() } });

  test('from request to receipt, with a cut connection in the middle', async () => {
    await driver.GoOnline({ at: { lat: 30.0444, lng: 31.2357 } });
    const offers = driver.DriverOffers()[Symbol.asyncIterator]();
    const firstOffer = offers.next();
    const { quoteTrip } = await rider.QuoteTrip({ input: { pickup: PICKUP, destination: DESTINATION, vehicleTypes: ['ECONOMY'] } });
    const [quote] = quoteTrip;
    if (!quote) throw new Error('no quote');
    const fare = Number(quote.price.amount);
    const before = Number((await rider.Me()).me?.wallet?.available.amount);
    const earnedBefore = Number((await driver.Me()).me?.wallet?.balance.amount);
    const { requestTrip: trip } = await rider.RequestTrip({ input: { quoteId: quote.id, paymentMethod: 'WALLET', idempotencyKey: randomUUID() } });
    expect(['REQUESTED', 'SEARCHING']).toContain(trip.status);

    const offered = await firstOffer;
    const offer = offered.value?.driverOffers;
    expect(offer?.trip.id).toBe(trip.id);
    await offers.return?.();

    // The rider watches on a connection of their own, which is then cut.
    const phone = await graph.as('customer');
    const seen: { sequence: number; status: string; kind: string }[] = [];
    const watching = (async () => {
      for await (const { tripUpdates } of phone.TripUpdates({ tripId: trip.id })) {
        seen.push(tripUpdates);
        if (tripUpdates.status === 'ACCEPTED' && tripUpdates.kind === 'POSITION') {
          expect(tripUpdates.trip.driver).toMatchObject({ user: { name: 'Hassan Driver' }, vehicle: { make: expect.any(String) } });
          return;
        }
      }
    })();
    await eventually(() => seen.some((update) => update.kind === 'SNAPSHOT'), 'the first state');
    const { acceptOffer } = await driver.AcceptOffer({ offerId: offer?.id ?? '' });
    expect(acceptOffer.status).toBe('ACCEPTED');
    await eventually(() => seen.some((update) => update.status === 'ACCEPTED'), 'the rider to see the driver');
    await eventually(async () => {
      await moveTo(30.0446, 31.2359);
      return Promise.race([watching.then(() => true), new Promise<false>((resolve) => setTimeout(resolve, 200, false))]);
    }, 'a position');
    await phone.close();
    const last = Math.max(...seen.map((update) => update.sequence));

    // What happens while nobody listens must not be missed.
    await driver.ArriveAtPickup({ tripId: trip.id });
    const resumed: { sequence: number; status: string; kind: string }[] = [];
    const again = (async () => {
      for await (const { tripUpdates } of rider.TripUpdates({ tripId: trip.id, afterSequence: last })) resumed.push(tripUpdates);
    })();
    await eventually(() => resumed.some((update) => update.status === 'DRIVER_ARRIVED'), 'the missed state');
    await driver.StartTrip({ tripId: trip.id });
    await moveTo(30.05, 31.24);
    await driver.CompleteTrip({ tripId: trip.id });
    await again;
    const states = resumed.filter((update) => update.kind !== 'POSITION');
    expect(states.map((update) => update.status)).toEqual(['DRIVER_ARRIVED', 'STARTED', 'COMPLETED']);
    expect(states.map((update) => update.sequence)).toEqual([last + 1, last + 2, last + 3]);

    const paid = await eventually(async () => {
      const answer = await rider.GetTrip({ id: trip.id });
      return answer.trip?.payment?.status === 'CAPTURED' && answer.trip;
    }, 'the trip to be paid');
    expect(Number(paid.finalFare?.amount)).toBe(fare);
    expect(Number((await rider.Me()).me?.wallet?.available.amount)).toBeCloseTo(before - fare, 2);
    // 15 % commission for ECONOMY (PL-12).
    await eventually(async () => Math.abs(Number((await driver.Me()).me?.wallet?.balance.amount) - earnedBefore - fare * 0.85) < 0.011, 'the earnings');
    await eventually(async () => {
      const mails = await (await fetch(`${graph.url}/mail`)).text();
      return mails.includes('customer@demo.test') && /receipt/i.test(mails);
    }, 'the receipt');
  });

  test('a stranger cannot watch, and does not learn that there is a trip', async () => {
    const { quoteTrip } = await rider.QuoteTrip({ input: { pickup: PICKUP, destination: DESTINATION } });
    const { requestTrip: trip } = await rider.RequestTrip({ input: { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH', idempotencyKey: randomUUID() } });
    const stranger = await graph.as('customer2');
    expect((await stranger.GetTrip({ id: trip.id })).trip).toBeNull();
    const stream = stranger.TripUpdates({ tripId: trip.id })[Symbol.asyncIterator]();
    await expect(stream.next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const { cancelTrip } = await rider.CancelTrip({ tripId: trip.id });
    expect(cancelTrip.status).toBe('CANCELLED');
  });
});
