import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import { ask, type GraphDriver, type GraphPerson, newDriver, newPerson } from '../given/people.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

const PICKUP = { lat: 30.05, lng: 31.24 };
const DESTINATION = { lat: 30.09, lng: 31.3 };

let graph: TestGraph;
let adminToken: string;
let rider: GraphPerson;
let stranger: GraphPerson;
let driver: GraphDriver;
const people: GraphPerson[] = [];

beforeAll(async () => {
  graph = await startGraph('one');
  adminToken = (await graph.anonymous().SignIn({ input: { email: 'admin@demo.test', password: 'Waygraph1' } })).signIn.accessToken;
  [rider, stranger] = [await newPerson(graph, 'CUSTOMER'), await newPerson(graph, 'CUSTOMER')];
  driver = await newDriver(graph, adminToken, PICKUP);
  people.push(rider, stranger, driver);
}, 120_000);
afterAll(async () => {
  await Promise.all(people.map(({ client }) => client.close()));
  await graph[Symbol.asyncDispose]();
});

/** Everything that a wrong request must leave as it is. Positions that are refused as suspicious are noted, and so not in it. */
async function everything(): Promise<string> {
  const tables = [
    'trips',
    'trip_states',
    'trip_quotes',
    'offers',
    'drivers',
    'driver_positions',
    'trip_shares',
    'driver_preferences',
    'unpaid_trips',
    // Of an event all but when it was passed on.
    '(select id, type, payload from events)',
  ];
  const rows = await Promise.all(
    tables.map((table) => graph.owner('dispatch').unsafe(`select md5(coalesce(string_agg(r::text, '|' order by r::text), '')) as hash from ${table} r`)),
  );
  return rows.map(([row]) => row?.hash as string).join();
}

interface Expected {
  code: string;
  field: string;
  /** None of what does not exist. */
  rule: string | undefined;
}
/** Asks for something that has to be refused, with everything that a client needs to know of it; nothing is changed. */
async function refused(who: GraphPerson | null, query: string, variables: Record<string, unknown>, expected: Expected): Promise<void> {
  const before = await everything();
  const { errors } = await ask(graph, who?.token ?? null, query, variables);
  const [error] = errors ?? [];
  const { code, details } = error?.extensions ?? {};
  expect({ query, code, field: details?.field, rule: details?.rule }).toEqual({ query, ...expected });
  expect(error?.message.length, error?.message).toBeGreaterThan(20);
  expect(await everything(), query).toBe(before);
}

const MOVE = 'mutation($input: LocationInput!) { updateLocation(input: $input) { accepted } }';
const QUOTE = 'mutation($input: QuoteTripInput!) { quoteTrip(input: $input) { id } }';
const REQUEST = 'mutation($input: RequestTripInput!) { requestTrip(input: $input) { id } }';
const ONLINE = 'mutation($at: PointInput!) { goOnline(at: $at) { state } }';
const step = (name: string) => `mutation($id: ID!) { ${name}(tripId: $id) { id } }`;
const RATE = 'mutation($input: RateTripInput!) { rateTrip(input: $input) { id } }';
const ACCEPT = 'mutation($id: ID!) { acceptOffer(offerId: $id) { id } }';

const at = (point: unknown, secondsFromNow = 0) => ({ input: { point, recordedAt: new Date(Date.now() + secondsFromNow * 1000).toISOString() } });
const invalid = (field: string, rule: string): Expected => ({ code: 'VALIDATION_ERROR', field, rule });
const quoteOf = async (who: GraphPerson) =>
  (await who.client.QuoteTrip({ input: { pickup: PICKUP, destination: DESTINATION, vehicleTypes: ['ECONOMY'] } })).quoteTrip[0]?.id ?? '';
const wish = (quoteId: string) => ({ input: { quoteId, paymentMethod: 'CASH', idempotencyKey: randomUUID() } });

test('DP-03: coordinates out of range, no numbers, swapped; points of the future, hours old, at 900 km/h', async () => {
  await eventually(
    async () => (await graph.owner('dispatch')`select 1 from driver_positions where driver_id = ${uuidOf('drv', driver.driverId)}`).length > 0,
    'the position of the driver to be written',
  );
  for (const query of [MOVE, QUOTE]) {
    const [who, place] = query === MOVE ? [driver, 'point'] : [rider, 'pickup'];
    const given = (point: unknown) => (query === MOVE ? at(point) : { input: { pickup: point, destination: DESTINATION } });
    const rule = query === MOVE ? 'INVALID_POINT' : 'too_big';
    await refused(who, query, given({ lat: 91, lng: 31 }), invalid(`input.${place}.lat`, rule));
    await refused(who, query, given({ lat: 30, lng: 181 }), invalid(`input.${place}.lng`, rule));
    for (const lat of ['NaN', 'Infinity', null, true, {}, [30]]) await refused(who, query, given({ lat, lng: 31 }), invalid(`input.${place}.lat`, 'type'));
  }
  // JSON has no NaN, but a number that is too large to be one.
  const huge = `{"query":${JSON.stringify(QUOTE)},"variables":{"input":{"pickup":{"lat":1e999,"lng":31},"destination":{"lat":30,"lng":31}}}}`;
  const { json } = await graph.post(huge, { authorization: `Bearer ${rider.token}` });
  expect(json.errors?.[0]?.extensions).toMatchObject({ code: 'VALIDATION_ERROR', details: { field: 'input.pickup.lat', rule: 'type' } });
  const swapped = { lat: PICKUP.lng, lng: PICKUP.lat };
  await refused(
    rider,
    QUOTE,
    { input: { pickup: swapped, destination: DESTINATION } },
    { code: 'OUTSIDE_SERVICE_AREA', field: 'input.pickup', rule: 'service_area' },
  );
  await refused(driver, MOVE, at(swapped), invalid('input.point', 'SUSPICIOUS'));
  await refused(driver, MOVE, at(PICKUP, 90), invalid('input.recordedAt', 'FROM_THE_FUTURE'));
  await refused(driver, MOVE, at(PICKUP, -3 * 3_600), invalid('input.recordedAt', 'TOO_OLD'));
  await refused(driver, MOVE, { input: { ...at(PICKUP).input, speedKmh: 900 } }, invalid('input.speedKmh', 'INVALID_POINT'));
  // 7.5 km in half a minute.
  await refused(driver, MOVE, at({ lat: PICKUP.lat + 7.5 / 111.195, lng: PICKUP.lng }, 30), invalid('input.point', 'SUSPICIOUS'));
});

test('DP-14: quotes of others, expired, used; DP-01b: drivers who are not approved or suspended', async () => {
  const [own, foreign] = [await quoteOf(rider), await quoteOf(stranger)];
  await refused(rider, REQUEST, wish(foreign), { code: 'NOT_FOUND', field: 'input.quoteId', rule: undefined });
  // Ten minutes pass for this quote alone: the clock of another process cannot be moved.
  await graph.owner('dispatch')`update trip_quotes set expires_at = now() - interval '1 second' where id = ${uuidOf('tqt', own)}`;
  await refused(rider, REQUEST, wish(own), { code: 'QUOTE_EXPIRED', field: 'input.quoteId', rule: 'quote_lifetime' });

  const novice = await newPerson(graph, 'DRIVER');
  people.push(novice);
  await refused(novice, ONLINE, { at: PICKUP }, { code: 'NOT_FOUND', field: 'driver', rule: undefined });
  const car = { vehicleType: 'ECONOMY', make: 'Kia', model: 'Rio', year: 2022, seats: 5, plate: 'N 1', licenceNumber: 'N 1' };
  const REGISTER = 'mutation($input: RegisterDriverInput!) { registerDriver(input: $input) { id } }';
  const { data } = await ask<{ registerDriver: { id: string } }>(graph, novice.token, REGISTER, { input: car });
  await refused(novice, ONLINE, { at: PICKUP }, { code: 'NOT_APPROVED', field: 'driver', rule: 'approved' });
  await refused(novice, REGISTER, { input: { ...car, seats: 7 } }, { code: 'ALREADY_REGISTERED', field: 'input.seats', rule: 'registered_once' });
  const id = data?.registerDriver.id;
  await ask(graph, adminToken, 'mutation($id: ID!) { approveDriver(id: $id) { id } }', { id });
  const { errors } = await ask(graph, adminToken, 'mutation($id: ID!) { suspendDriver(id: $id, reason: "papers") { id } }', { id });
  expect(errors).toBeUndefined();
  await refused(novice, ONLINE, { at: PICKUP }, { code: 'NOT_APPROVED', field: 'driver', rule: 'approved' });
});

test('DP-23b, DP-30: who is busy, transitions out of order, offers that are over, ratings out of range or twice, tokens that nobody gave', async () => {
  const quoteId = await quoteOf(rider);
  const offers = driver.client.DriverOffers()[Symbol.asyncIterator]();
  const offered = offers.next();
  const { requestTrip: trip } = await rider.client.RequestTrip({ input: { quoteId, paymentMethod: 'CASH', idempotencyKey: randomUUID() } });
  const offerId = (await offered).value?.driverOffers.id ?? '';
  const tripId = trip.id;
  const wrongStep = { code: 'INVALID_TRANSITION', field: 'tripId', rule: 'transition' };
  await refused(rider, REQUEST, wish(quoteId), { code: 'QUOTE_USED', field: 'input.quoteId', rule: 'used_once' });
  await refused(rider, REQUEST, wish(await quoteOf(rider)), { code: 'ACTIVE_TRIP', field: 'input.quoteId', rule: 'one_live_trip' });
  await refused(driver, step('startTrip'), { id: tripId }, { code: 'NOT_FOUND', field: 'tripId', rule: undefined });
  await driver.client.AcceptOffer({ offerId });
  for (const early of ['startTrip', 'completeTrip']) await refused(driver, step(early), { id: tripId }, wrongStep);
  await refused(driver, 'mutation { goOffline { id } }', {}, { code: 'ACTIVE_TRIP', field: 'driver', rule: 'no_live_trip' });
  const rating = (stars: unknown) => ({ input: { tripId, stars } });
  await refused(rider, RATE, rating(5), { code: 'TRIP_NOT_COMPLETED', field: 'input.tripId', rule: 'completed_trip' });
  await driver.client.ArriveAtPickup({ tripId });
  await refused(driver, step('completeTrip'), { id: tripId }, wrongStep);
  await driver.client.StartTrip({ tripId });
  await refused(rider, step('cancelTrip'), { id: tripId }, wrongStep);
  await driver.client.CompleteTrip({ tripId });
  await eventually(async () => (await graph.owner('dispatch')`select 1 from trips where id = ${uuidOf('trp', tripId)} and status = 'COMPLETED'`).length > 0);
  for (const by of [driver, rider]) await refused(by, step('cancelTrip'), { id: tripId }, wrongStep);
  for (const [stars, rule] of [
    [0, 'too_small'],
    [6, 'too_big'],
  ] as const) {
    await refused(rider, RATE, rating(stars), invalid('input.stars', rule));
  }
  for (const stars of [4.5, 'five', null]) await refused(rider, RATE, rating(stars), invalid('input.stars', 'type'));
  await refused(stranger, RATE, rating(5), { code: 'NOT_FOUND', field: 'input.tripId', rule: undefined });
  await rider.client.RateTrip({ input: { tripId, stars: 4 } });
  await refused(rider, RATE, rating(5), { code: 'ALREADY_RATED', field: 'input.tripId', rule: 'rated_once' });
  await refused(driver, ACCEPT, { id: 'ofr_01j0000000e00800g000000001' }, { code: 'NOT_FOUND', field: 'offerId', rule: undefined });
  await refused(rider, 'mutation($id: ID!) { shareTrip(tripId: $id) { token } }', { id: tripId }, { code: 'TRIP_OVER', field: 'tripId', rule: 'live_trip' });
  for (const token of ['', 'x', 'A'.repeat(32), `${'A'.repeat(31)}'`, 'ünsinn'.repeat(6)]) {
    const before = await everything();
    const { data } = await ask<{ sharedTrip: null }>(graph, null, 'query($token: String!) { sharedTrip(token: $token) { status } }', { token });
    expect(data, token).toEqual({ sharedTrip: null });
    expect(await everything()).toBe(before);
  }
  await offers.return?.();
});

test('DP-23b: an accept after the cancel, and after another’s win', async () => {
  const [one, two] = [await newDriver(graph, adminToken, { lat: 30.2, lng: 31.4 }), await newDriver(graph, adminToken, { lat: 30.2, lng: 31.4005 })];
  people.push(one, two);
  const pickup = { lat: 30.2001, lng: 31.4001 };
  const ride = async () => {
    const streams = [one, two].map((each) => each.client.DriverOffers()[Symbol.asyncIterator]());
    const made = Promise.all(streams.map((stream) => stream.next()));
    const { quoteTrip } = await rider.client.QuoteTrip({ input: { pickup, destination: DESTINATION, vehicleTypes: ['ECONOMY'] } });
    const { requestTrip } = await rider.client.RequestTrip({
      input: { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH', idempotencyKey: randomUUID() },
    });
    const ids = (await made).map((each) => each.value?.driverOffers.id ?? '');
    await Promise.all(streams.map((stream) => stream.return?.()));
    return { tripId: requestTrip.id, ids };
  };
  const cancelled = await ride();
  await rider.client.CancelTrip({ tripId: cancelled.tripId });
  await refused(one, ACCEPT, { id: cancelled.ids[0] }, { code: 'TRIP_CANCELLED', field: 'offerId', rule: 'trip_not_cancelled' });
  const taken = await ride();
  await one.client.AcceptOffer({ offerId: taken.ids[0] ?? '' });
  await refused(two, ACCEPT, { id: taken.ids[1] }, { code: 'TRIP_TAKEN', field: 'offerId', rule: 'first_accept' });
  await rider.client.CancelTrip({ tripId: taken.tripId });
});
