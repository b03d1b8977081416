import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

/** The clock only goes forward, as for the subgraph: each test begins where the last one left it. */
const pass = (seconds: number) => t.setClock(new Date(t.environment.clock().getTime() + seconds * 1000));

test('DP-23b: an accept after the deadline is refused, whether or not the timer has seen it; the driver is free again', async () => {
  const pickup = say.spot();
  const [slow, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.requested(rider, pickup);
  const offer = await say.offer(slow);
  pass(15.5);
  const late = await say.accept(slow, offer.id);
  expect(late.codes).toEqual(['OFFER_EXPIRED']);
  expect(late.errors[0]?.extensions.details).toEqual({ field: 'offerId', rule: 'offer_open', status: 'EXPIRED' });
  expect((await say.decline(slow, offer.id)).codes).toEqual(['OFFER_EXPIRED']);
  await eventually(async () => (await say.stateOf(slow)) === 'AVAILABLE');
  // He has had his chance; the search goes on with others, who come meanwhile.
  const other = await say.driver(shifted(pickup, 300));
  expect(accepted(await say.accept(other, (await say.offer(other)).id)).answer).toMatchObject({ id: trip.id, status: 'ACCEPTED' });
  expect((await say.accept(slow, offer.id)).codes).toEqual(['TRIP_TAKEN']);
});

test('DP-02: going offline with an offer whose time is over just goes offline', async () => {
  const pickup = say.spot();
  const driver = await say.driver(pickup);
  await say.requested(say.rider(), pickup);
  await say.offer(driver);
  pass(15.5);
  expect(accepted(await say.goOffline(driver)).goOffline.state).toBe('OFFLINE');
});

test('DP-14: a quote is good for ten minutes', async () => {
  const rider = say.rider();
  const quote = await say.quote(rider, say.spot());
  pass(9 * 60);
  const later = await say.quote(rider, say.spot());
  pass(61);
  expect((await say.request(rider, quote.id)).codes).toEqual(['QUOTE_EXPIRED']);
  accepted(await say.request(rider, later.id));
});

test('DP-30: cancelling is free for two minutes after a driver accepted, then it costs 10.00', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const early = await say.ride(rider, driver, pickup);
  pass(115);
  expect(accepted(await say.cancel(rider, early.id)).answer).toMatchObject({ fee: { amount: '0.00' } });
  accepted(await say.move(driver, pickup));
  const late = await say.ride(rider, driver, pickup);
  pass(121);
  expect(accepted(await say.cancel(rider, late.id)).answer).toMatchObject({ status: 'CANCELLED', fee: { amount: '10.00' } });
  expect((await t.emitted('trip.cancelled')).at(-1)).toMatchObject({ by: 'RIDER', feeMinor: '1000' });
});

test('DP-02, DP-33: the way that was driven is kept; the driver rests for a minute and is then free again', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip');
  pass(300);
  const late = say.at(shifted(pickup, 2_000, 2_000), -100);
  // North and then east; the points on the straight lines say nothing and go.
  await say.moveAll(driver, [
    say.at(pickup, -280),
    say.at(shifted(pickup, 500), -240),
    say.at(shifted(pickup, 1_000), -220),
    say.at(shifted(pickup, 2_000), -200),
  ]);
  const completed = accepted(await say.drive(driver, 'completeTrip', trip.id)).answer!;
  expect(completed.route).toEqual(expect.any(String));
  await say.moveAll(driver, [late]);
  expect(await say.stateOf(driver)).toBe('COOLDOWN');
  pass(6);
  const recorded = async () =>
    (await t.owner`select 1 from driver_location_history where driver_id = ${driver.uuid} and recorded_at = ${late.recordedAt}`).length;
  await eventually(recorded, 'the late point is written');
  pass(10);
  await eventually(async () => (await say.trip(rider, trip.id))?.route !== completed.route, 'the late point is in the route too');
  const { data } = await t.run<{ trip: { routeDistanceM: number } }>(rider, 'query($id: ID!) { trip(id: $id) { routeDistanceM } }', { id: trip.id });
  expect(data.trip.routeDistanceM).toBeGreaterThan(3_900);
  expect(data.trip.routeDistanceM).toBeLessThan(4_100);
  pass(45);
  await eventually(async () => (await say.stateOf(driver)) === 'AVAILABLE');
});

test('DP-05, DP-20: who has been silent for a minute is not nearby, and gets no offers', async () => {
  const pickup = say.spot();
  const driver = await say.driver(pickup);
  const near = async () =>
    accepted(await t.run<{ nearbyDrivers: unknown[] }>(say.rider(), 'query($near: PointInput!) { nearbyDrivers(near: $near) { distanceM } }', { near: pickup }))
      .nearbyDrivers.length;
  pass(58);
  expect(await near()).toBe(1);
  pass(3);
  expect(await near()).toBe(0);
  accepted(await say.move(driver, pickup));
  expect(await near()).toBe(1);
});

test('DP-14: a trip for later keeps its price, and is searched for a quarter of an hour before', async () => {
  const pickup = say.spot();
  const rider = say.rider();
  const departAt = new Date(t.environment.clock().getTime() + 3_600_000).toISOString();
  const [quote] = accepted(await say.quotes(rider, pickup, undefined, { departAt, vehicleTypes: ['ECONOMY'] })).quoteTrip;
  const trip = accepted(await say.request(rider, quote?.id ?? '')).answer!;
  const rounds = async () => (await t.owner`select search_round from trips where depart_at is not null`)[0]?.search_round;
  pass(44 * 60);
  // Not before: who is silent for so long is taken off the road.
  const driver = await say.driver(pickup);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(await rounds()).toBe(0);
  pass(61);
  accepted(await say.move(driver, shifted(pickup, 5)));
  expect((await say.offer(driver)).trip).toMatchObject({ id: trip.id });
});
