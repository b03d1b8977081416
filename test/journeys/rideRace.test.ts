import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId, uuidOf } from '../../platform/ids.js';
import { ask, type GraphDriver, type GraphPerson, newDriver, newPerson, several } from '../given/people.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually, tally } from '../subgraphHarness.js';

const RIDERS = 100;
const DRIVERS = 20;
const PICKUP = { lat: 30.05, lng: 31.24 };

let graph: TestGraph;
let adminToken: string;
const people: GraphPerson[] = [];

beforeAll(async () => {
  graph = await startGraph('one', { DISPATCH_EMPTY_ROUND_S: '0.5' });
  const admin = await graph.anonymous().SignIn({ input: { email: 'admin@demo.test', password: 'Waygraph1' } });
  adminToken = admin.signIn.accessToken;
}, 120_000);
afterAll(async () => {
  await Promise.all(people.map(({ client }) => client.close()));
  await graph[Symbol.asyncDispose]();
});

const near = (i: number) => ({ lat: PICKUP.lat + i / 5_000, lng: PICKUP.lng + i / 7_000 });
async function driver(i: number): Promise<GraphDriver> {
  const made = await newDriver(graph, adminToken, near(i));
  people.push(made);
  return made;
}
async function rider(): Promise<GraphPerson> {
  const made = await newPerson(graph, 'CUSTOMER');
  people.push(made);
  return made;
}
async function request(who: GraphPerson): Promise<string> {
  const { quoteTrip } = await who.client.QuoteTrip({ input: { pickup: PICKUP, destination: { lat: 30.09, lng: 31.3 }, vehicleTypes: ['ECONOMY'] } });
  const input = { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH' as const, idempotencyKey: randomUUID() };
  return (await who.client.RequestTrip({ input })).requestTrip.id;
}
const accept = async (who: GraphPerson, offerId: string) => {
  const { data, errors } = await ask<{ acceptOffer: { id: string; status: string } }>(
    graph,
    who.token,
    'mutation($offerId: ID!) { acceptOffer(offerId: $offerId) { id status } }',
    { offerId },
  );
  const { code = null, details } = errors?.[0]?.extensions ?? {};
  return { trip: data?.acceptOffer, code, why: code && `${code} ${details?.field} ${details?.rule}` };
};

test('DP-23: a hundred people ask at once for twenty drivers, through the gateway: nobody drives two, no trip has two, each refusal has its reason', async () => {
  const drivers = await several(DRIVERS, driver);
  const riders = await several(RIDERS, rider);
  const refusals: string[] = [];
  const won: { driver: GraphDriver; offerId: string; tripId: string }[] = [];
  // Each driver takes what comes, until a trip is his.
  const streams = drivers.map((one) => one.client.DriverOffers()[Symbol.asyncIterator]());
  const eager = streams.map(async (offers, i) => {
    const one = drivers[i] as GraphDriver;
    for (;;) {
      const step = await offers.next();
      if (step.done) return;
      const offerId = step.value.driverOffers.id;
      const { trip, why } = await accept(one, offerId);
      if (why !== null) refusals.push(why);
      else {
        won.push({ driver: one, offerId, tripId: trip?.id ?? '' });
        return;
      }
    }
  });
  const trips = await Promise.all(riders.map(request));
  const sql = graph.owner('dispatch');
  const ids = trips.map((id) => uuidOf('trp', id) ?? '');
  await eventually(
    async () => (await sql`select 1 from trips where id = any(${ids}::uuid[]) and status = 'SEARCHING'`).length === 0,
    'every search to end',
    90_000,
  );
  await Promise.all(streams.map((stream) => stream.return?.()));
  await Promise.all(eager);

  const rows = await sql`select status, driver_id from trips where id = any(${ids}::uuid[])`;
  expect(tally(rows.map((row) => row.status as string))).toEqual({ ACCEPTED: DRIVERS, NO_DRIVERS: RIDERS - DRIVERS });
  expect(new Set(rows.flatMap((row) => row.driver_id ?? [])).size).toBe(DRIVERS);
  expect(new Set(won.map(({ tripId }) => tripId)).size).toBe(DRIVERS);
  const REASONS = ['TRIP_TAKEN offerId first_accept', 'OFFER_EXPIRED offerId offer_open'];
  expect(Object.keys(tally(refusals)).filter((why) => !REASONS.includes(why))).toEqual([]);
  // Of all trips there are, whatever the graph says of them.
  const live = await sql`select driver_id from trips where status in ('ACCEPTED', 'DRIVER_ARRIVED', 'STARTED')`;
  expect(live).toHaveLength(DRIVERS);
  expect([...(await sql`select driver_id from trips where status in ('ACCEPTED', 'DRIVER_ARRIVED', 'STARTED') group by 1 having count(*) > 1`)]).toEqual([]);
  expect([...(await sql`select trip_id from offers where status = 'ACCEPTED' group by 1 having count(*) > 1`)]).toEqual([]);
  expect([...(await sql`select driver_id from offers where status = 'ACCEPTED' group by 1 having count(*) > 1`)]).toEqual([]);
  expect([
    ...(await sql`select t.id from trips t join offers o on o.trip_id = t.id and o.status = 'ACCEPTED' where o.driver_id is distinct from t.driver_id`),
  ]).toEqual([]);
  for (const { driver: winner, offerId, tripId } of won)
    expect(await accept(winner, offerId), 'repeated').toEqual({ trip: { id: tripId, status: 'ACCEPTED' }, code: null, why: null });
  // Whoever was asked for a trip that another has now, and says yes late.
  const lost =
    await sql`select o.id, o.driver_id from offers o join trips t on t.id = o.trip_id where t.driver_id <> o.driver_id and o.status <> 'ACCEPTED' limit 20`;
  for (const { id, driver_id: driverId } of lost) {
    const late = drivers.find((one) => uuidOf('drv', one.driverId) === driverId) as GraphDriver;
    expect((await accept(late, publicId('ofr', id))).why, 'late').toBe(REASONS[0]);
  }
  const { data } = await ask<{ systemHealth: { violations: { kind: string }[] } }>(graph, adminToken, '{ systemHealth { violations { kind } } }');
  expect(data?.systemHealth.violations.filter(({ kind }) => kind !== 'EVENT_NOT_DELIVERED')).toEqual([]);
}, 240_000);

test('DP-23b: an accept after the cancel, after another’s win, and after the time is over: each is refused with its reason', async () => {
  const [one, two] = await Promise.all([driver(500), driver(501)]);
  const far = near(500);
  const drivers = [one, two] as const;
  const sql = graph.owner('dispatch');
  // In both places where a search may look for them: else the second is asked a round after the first, when the first one's time is over.
  const uuids = drivers.map(({ driverId }) => uuidOf('drv', driverId) ?? '');
  await eventually(async () => (await sql`select 1 from driver_positions where driver_id = any(${uuids}::uuid[])`).length === 2, 'their places to be known');
  const ride = async () => {
    const who = await rider();
    const { quoteTrip } = await who.client.QuoteTrip({ input: { pickup: far, destination: { lat: 30.09, lng: 31.3 }, vehicleTypes: ['ECONOMY'] } });
    const streams = drivers.map((each) => each.client.DriverOffers()[Symbol.asyncIterator]());
    const offers = Promise.all(streams.map((stream) => stream.next()));
    const input = { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH' as const, idempotencyKey: randomUUID() };
    const { requestTrip } = await who.client.RequestTrip({ input });
    const made = (await offers).map((step) => step.value?.driverOffers.id ?? '');
    await Promise.all(streams.map((stream) => stream.return?.()));
    const rounds = (await sql`select round from offers where trip_id = ${uuidOf('trp', requestTrip.id)}`).map((row) => row.round);
    expect(rounds, 'both are asked at once').toEqual([1, 1]);
    return { who, tripId: requestTrip.id, offers: made as [string, string] };
  };
  const cancelled = await ride();
  await cancelled.who.client.CancelTrip({ tripId: cancelled.tripId });
  expect((await accept(one, cancelled.offers[0])).why).toBe('TRIP_CANCELLED offerId trip_not_cancelled');
  expect((await accept(two, cancelled.offers[0])).code, 'somebody else’s offer').toBe('NOT_FOUND');

  const late = await ride();
  await eventually(
    async () => (await sql`select 1 from offers where id = ${uuidOf('ofr', late.offers[0])} and status = 'EXPIRED'`).length > 0,
    'the offer to expire',
    60_000,
  );
  expect((await accept(one, late.offers[0])).why).toBe('OFFER_EXPIRED offerId offer_open');
  // The search may have come to its own end by now, which is as good.
  await late.who.client.CancelTrip({ tripId: late.tripId }).catch((error: unknown) => expect(error).toMatchObject({ code: 'INVALID_TRANSITION' }));

  const move = (each: GraphDriver) => each.client.UpdateLocation({ input: { point: far, recordedAt: new Date().toISOString() } });
  await Promise.all(drivers.map(move));
  const taken = await ride();
  expect(await accept(one, taken.offers[0])).toMatchObject({ code: null, trip: { status: 'ACCEPTED' } });
  expect((await accept(two, taken.offers[1])).why).toBe('TRIP_TAKEN offerId first_accept');
  expect(await accept(one, taken.offers[0]), 'repeated by the winner').toMatchObject({ code: null, trip: { id: taken.tripId } });
}, 180_000);
