import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId, uuidOf } from '../../platform/ids.js';
import { startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';
import { TRIP_TRANSITIONS } from './trip.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const uuid = (tripId: string) => uuidOf('trp', tripId) ?? '';
const eventsOf = async (aggregateId: string) =>
  (await t.owner`select type, payload from events where aggregate_id = ${aggregateId} order by sequence`).map((row) => ({
    type: row.type as string,
    payload: row.payload as Record<string, unknown>,
  }));
const statesOf = async (tripId: string) =>
  (await t.owner`select sequence, status, actor_kind from trip_states where trip_id = ${uuid(tripId)} order by sequence`).map(
    (row) => `${row.sequence} ${row.status} ${row.actor_kind}`,
  );

test('DP-30, DP-34: the whole ride, from registration to completion, with every event', async () => {
  const pickup = say.spot();
  const rider = say.rider();
  const driver = await say.driver(shifted(pickup, 500));
  expect((await eventsOf(driver.uuid)).map((event) => event.type)).toEqual(['driver.registered', 'driver.approved']);
  const quote = await say.quote(rider, pickup);
  expect(quote).toMatchObject({ vehicleType: 'ECONOMY', surge: 1, surgeReason: null, pickupEtaSeconds: expect.any(Number) });
  const requestedAt = Date.now();
  const trip = accepted(await say.request(rider, quote.id, { paymentMethod: 'WALLET' })).answer!;
  expect(trip).toMatchObject({ status: 'SEARCHING', sequence: 2, quotedFare: quote.price, driver: null });

  const offer = await say.offer(driver);
  expect(Date.now() - requestedAt).toBeLessThan(3_000);
  expect(offer).toMatchObject({ status: 'PENDING', trip: { id: trip.id, status: 'SEARCHING' }, pickupDistanceM: expect.closeTo(500, -1) });
  expect(Number(offer.estimatedEarnings.amount)).toBeCloseTo(Number(quote.price.amount) * 0.85, 1);
  expect(await say.stateOf(driver)).toBe('OFFERED');

  expect(accepted(await say.accept(driver, offer.id)).answer).toMatchObject({ status: 'ACCEPTED', sequence: 3, driver: { id: driver.id, state: 'BUSY' } });
  expect(accepted(await say.accept(driver, offer.id)).answer, 'the winner repeats').toMatchObject({ status: 'ACCEPTED', sequence: 3 });
  expect(accepted(await say.drive(driver, 'arriveAtPickup', trip.id)).answer).toMatchObject({ status: 'DRIVER_ARRIVED', sequence: 4 });
  expect(accepted(await say.drive(driver, 'arriveAtPickup', trip.id)).answer, 'repeated').toMatchObject({ status: 'DRIVER_ARRIVED', sequence: 4 });
  expect(accepted(await say.drive(driver, 'startTrip', trip.id)).answer).toMatchObject({ status: 'STARTED', sequence: 5 });
  for (const step of [1, 2, 3]) await say.move(driver, shifted(pickup, step * 700, step * 300 * (step % 2)), step);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(accepted(await say.drive(driver, 'completeTrip', trip.id)).answer).toMatchObject({ status: 'COMPLETED', sequence: 6, finalFare: quote.price });
  expect(accepted(await say.drive(driver, 'completeTrip', trip.id)).answer, 'repeated').toMatchObject({ status: 'COMPLETED', sequence: 6 });
  expect(await say.stateOf(driver)).toBe('COOLDOWN');

  const events = await eventsOf(uuid(trip.id));
  expect(events.map((event) => event.type)).toEqual(['trip.requested', 'trip.accepted', 'trip.arrived', 'trip.started', 'trip.completed']);
  const fareMinor = String(Math.round(Number(quote.price.amount) * 100));
  const known = { tripId: uuid(trip.id), riderId: rider.id };
  expect(events[0]?.payload).toEqual({
    ...known,
    departAt: null,
    vehicleType: 'ECONOMY',
    fareMinor,
    currency: 'EGP',
    paymentMethod: 'WALLET',
    paymentToken: null,
  });
  expect(events[1]?.payload).toEqual({ ...known, driverId: driver.uuid, driverUserId: driver.actor.id });
  expect(events[4]?.payload).toEqual({ ...known, driverUserId: driver.actor.id, vehicleType: 'ECONOMY', fareMinor, currency: 'EGP', paymentMethod: 'WALLET' });
  expect(await statesOf(trip.id)).toEqual([
    '1 REQUESTED RIDER',
    '2 SEARCHING SYSTEM',
    '3 ACCEPTED DRIVER',
    '4 DRIVER_ARRIVED DRIVER',
    '5 STARTED DRIVER',
    '6 COMPLETED DRIVER',
  ]);
});

test('DP-01b: registering twice with equal facts is one driver; with others it is refused; nobody drives unapproved', async () => {
  const actor = say.person('DRIVER');
  const input = say.registration('XL');
  const register = (facts: unknown) =>
    say.mutate<{ id: string; approval: string; vehicle: { id: string } }>(
      actor,
      'registerDriver',
      '$input: RegisterDriverInput!',
      { input: facts },
      'id approval vehicle { id } user { id }',
    );
  const first = accepted(await register(input)).answer!;
  expect(first).toMatchObject({ approval: 'PENDING', user: { id: publicId('usr', actor.id) } });
  expect(accepted(await register(input)).answer).toEqual(first);
  expect((await register({ ...input, plate: 'OTHER 1' })).codes).toEqual(['ALREADY_REGISTERED']);
  expect((await register({ ...input, year: 1900 })).codes).toEqual(['VALIDATION_ERROR']);
  const goOnline = () => say.mutate(actor, 'goOnline', '$at: PointInput!', { at: { lat: 30, lng: 31 } }, 'id');
  expect((await goOnline()).codes).toEqual(['NOT_APPROVED']);
  const approve = (id: string) => say.mutate(say.admin, 'approveDriver', '$id: ID!', { id }, 'id approval');
  expect((await approve(publicId('drv', randomUUID()))).codes).toEqual(['NOT_FOUND']);
  expect((await approve('veh_nonsense')).codes).toEqual(['NOT_FOUND']);
  accepted(await approve(first.id));
  expect(accepted(await approve(first.id)).answer).toMatchObject({ approval: 'APPROVED' });
  expect((await t.emitted('driver.approved')).filter((event) => event.driverId === uuidOf('drv', first.id))).toHaveLength(1);
  const stranger = say.person('DRIVER');
  expect((await say.mutate(stranger, 'goOnline', '$at: PointInput!', { at: { lat: 30, lng: 31 } }, 'id')).codes).toEqual(['NOT_FOUND']);
  const listed = accepted(
    await t.run<{ drivers: { nodes: { id: string }[]; totalCount: number } }>(
      say.admin,
      '{ drivers(approval: APPROVED, first: 100) { nodes { id } totalCount } }',
    ),
  );
  expect(listed.drivers.nodes.map((node) => node.id)).toContain(first.id);
});

test('DP-02: going offline is refused on a trip, declines an open offer, and repeats harmlessly', async () => {
  const pickup = say.spot();
  const [busy, asked] = [await say.driver(pickup), await say.driver(shifted(pickup, 200))];
  const trip = await say.requested(say.rider(), pickup);
  await say.offer(busy);
  const offer = await say.offer(asked);
  expect(accepted(await say.goOffline(asked)).goOffline.state).toBe('OFFLINE');
  expect(accepted(await say.goOffline(asked)).goOffline.state).toBe('OFFLINE');
  expect((await say.accept(asked, offer.id)).codes).toEqual(['OFFER_EXPIRED']);
  accepted(await say.accept(busy, (await say.offer(busy)).id));
  expect((await say.goOffline(busy)).codes).toEqual(['ACTIVE_TRIP']);
  expect(await say.trip(busy.actor, trip.id)).toMatchObject({ status: 'ACCEPTED' });
});

test('DP-30: a step out of order is refused with from and to; the database knows the same table', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.ride(rider, driver, pickup);
  const early = await say.drive(driver, 'completeTrip', trip.id);
  expect(early.codes).toEqual(['INVALID_TRANSITION']);
  expect(early.errors[0]?.extensions.details).toEqual({ field: 'tripId', rule: 'transition', from: 'ACCEPTED', to: 'COMPLETED' });
  expect((await say.drive(driver, 'startTrip', trip.id)).codes).toEqual(['INVALID_TRANSITION']);
  for (const actor of [say.person('DRIVER'), say.admin]) {
    expect((await say.drive({ actor }, 'arriveAtPickup', trip.id)).codes).toEqual([actor === say.admin ? 'FORBIDDEN' : 'NOT_FOUND']);
  }
  const inDatabase = await t.owner`select from_status, to_status from trip_transitions`;
  const inCode = Object.entries(TRIP_TRANSITIONS).flatMap(([from, targets]) => targets.map((to) => `${from} ${to}`));
  expect(inDatabase.map((row) => `${row.from_status} ${row.to_status}`).sort()).toEqual(inCode.sort());
  await expect(t.owner`update trips set status = 'COMPLETED', sequence = sequence + 1 where id = ${uuid(trip.id)}`).rejects.toThrow('cannot become');
  await expect(t.owner`update trips set status = 'DRIVER_ARRIVED', sequence = sequence + 2 where id = ${uuid(trip.id)}`).rejects.toThrow('follows');
  await expect(t.owner`delete from trip_states where trip_id = ${uuid(trip.id)}`).rejects.toThrow('append-only');
});

test('DP-30: cancelling sets the driver free; who, why and the fee are kept; repeated by the same party it changes nothing', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const searching = await say.requested(rider, pickup);
  const offer = await say.offer(driver);
  expect(accepted(await say.cancel(rider, searching.id, 'changed my mind')).answer).toMatchObject({
    status: 'CANCELLED',
    cancelledBy: 'RIDER',
    cancelReason: 'changed my mind',
    fee: { amount: '0.00' },
  });
  expect(accepted(await say.cancel(rider, searching.id)).answer).toMatchObject({ status: 'CANCELLED', sequence: 3 });
  expect((await say.accept(driver, offer.id)).codes).toEqual(['TRIP_CANCELLED']);
  expect((await say.decline(driver, offer.id)).codes).toEqual(['TRIP_CANCELLED']);
  expect(await say.stateOf(driver)).toBe('AVAILABLE');

  const taken = await say.ride(rider, driver, pickup);
  expect((await say.cancel(say.rider(), taken.id)).codes).toEqual(['NOT_FOUND']);
  expect(accepted(await say.cancel(driver.actor, taken.id)).answer).toMatchObject({ cancelledBy: 'DRIVER', fee: { amount: '0.00' } });
  expect((await say.cancel(rider, taken.id)).codes).toEqual(['INVALID_TRANSITION']);
  expect(await say.stateOf(driver)).toBe('AVAILABLE');

  const started = await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip');
  expect((await say.cancel(rider, started.id)).codes).toEqual(['INVALID_TRANSITION']);
  expect(accepted(await say.cancel(say.admin, started.id)).answer).toMatchObject({ cancelledBy: 'ADMIN' });
  expect((await eventsOf(uuid(taken.id))).at(-1)).toEqual({
    type: 'trip.cancelled',
    payload: { tripId: uuid(taken.id), riderId: rider.id, driverUserId: driver.actor.id, by: 'DRIVER', feeMinor: '0', currency: 'EGP' },
  });
});

test('DP-34: a declined payment stops the trip, until the rider is in the car', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.ride(rider, driver, pickup);
  await say.payment('declined', uuid(trip.id), rider.id, { code: 'INSUFFICIENT_FUNDS' });
  expect(await say.trip(rider, trip.id)).toMatchObject({
    status: 'CANCELLED',
    cancelledBy: 'SYSTEM',
    cancelReason: 'INSUFFICIENT_FUNDS',
    fee: { amount: '0.00' },
  });
  const started = await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip');
  await say.payment('declined', uuid(started.id), rider.id, { code: 'CARD_DECLINED' });
  expect(await say.trip(rider, started.id)).toMatchObject({ status: 'STARTED' });
  await t.deliver('payments-ledger', 'payment.declined', randomUUID(), { subjectType: 'BOOKING', subjectId: randomUUID(), code: 'CARD_DECLINED' });
});

test('UNPAID_TRIP: who owes for a trip gets no other, until it is settled', async () => {
  const pickup = say.spot();
  const rider = say.rider();
  const tripUuid = randomUUID();
  await say.payment('failed', tripUuid, rider.id, { code: 'INSUFFICIENT_FUNDS' });
  const quote = await say.quote(rider, pickup);
  const refused = await say.request(rider, quote.id);
  expect(refused.codes).toEqual(['UNPAID_TRIP']);
  expect(refused.errors[0]?.extensions.details).toEqual({ field: 'input.quoteId', rule: 'no_unpaid_trip', tripId: publicId('trp', tripUuid) });
  // A part of what was taken is given back: what is owed is owed all the same.
  await say.payment('refunded', tripUuid, rider.id, { owedMinor: '2000' });
  expect((await say.request(rider, quote.id)).codes).toEqual(['UNPAID_TRIP']);
  await say.payment('captured', tripUuid, rider.id);
  accepted(await say.request(rider, quote.id));
});

test('DP-32: stars once, by the rider, after completion', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip');
  expect((await say.rate(rider, trip.id, 5)).codes).toEqual(['TRIP_NOT_COMPLETED']);
  accepted(await say.drive(driver, 'completeTrip', trip.id));
  for (const stars of [0, 6]) expect((await say.rate(rider, trip.id, stars)).codes).toEqual(['VALIDATION_ERROR']);
  expect((await say.rate(driver.actor, trip.id, 5)).codes).toEqual(['NOT_FOUND']);
  expect((await say.rate(say.admin, trip.id, 5)).codes).toEqual(['NOT_FOUND']);
  expect(accepted(await say.rate(rider, trip.id, 4)).answer).toMatchObject({ stars: 4 });
  accepted(await say.rate(rider, trip.id, 4));
  expect((await say.rate(rider, trip.id, 1)).codes).toEqual(['ALREADY_RATED']);
  expect(
    accepted(await t.run<{ myDriver: { rating: number; completedTrips: number } }>(driver.actor, '{ myDriver { rating completedTrips } }')).myDriver,
  ).toEqual({ rating: 4, completedTrips: 1 });
});

test('DP-14: a quote is for its owner and for one trip; a rider has one trip at a time; a repeated key makes no second one', async () => {
  const pickup = say.spot();
  const rider = say.rider();
  const [first, second] = [await say.quote(rider, pickup), await say.quote(rider, pickup)];
  expect((await say.request(say.rider(), first.id)).codes).toEqual(['NOT_FOUND']);
  expect((await say.request(say.admin, first.id)).codes).toEqual(['NOT_FOUND']);
  expect((await say.request(rider, 'tqt_nonsense')).codes).toEqual(['NOT_FOUND']);
  expect((await say.request(rider, first.id, { idempotencyKey: undefined })).codes).toEqual(['IDEMPOTENCY_KEY_REQUIRED']);
  expect((await say.request(rider, first.id, { paymentToken: 'tok_ok' })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await say.request(rider, first.id, { pickup: shifted(pickup, 200) })).codes).toEqual(['VALIDATION_ERROR']);
  const idempotencyKey = randomUUID();
  const card = { paymentMethod: 'CARD', paymentToken: 'tok_declined', pickup: shifted(pickup, 50), idempotencyKey };
  const answers = await Promise.all([1, 2, 3].map(() => say.request(rider, first.id, card)));
  const ids = new Set(answers.map((answer) => accepted(answer).answer?.id));
  expect(ids.size).toBe(1);
  const [tripId] = [...ids] as string[];
  expect((await eventsOf(uuid(tripId ?? '')))[0]?.payload).toMatchObject({ paymentMethod: 'CARD', paymentToken: 'tok_declined' });
  expect((await say.request(rider, second.id, { idempotencyKey })).codes).toEqual(['IDEMPOTENCY_KEY_REUSED']);
  const used = await say.request(rider, first.id);
  expect(used.codes).toEqual(['QUOTE_USED']);
  expect(used.errors[0]?.extensions.details).toMatchObject({ tripId });
  const active = await say.request(rider, second.id);
  expect(active.codes).toEqual(['ACTIVE_TRIP']);
  expect(active.errors[0]?.extensions.details).toEqual({ field: 'input.quoteId', rule: 'one_live_trip', tripId });
});

test('DP-23: ten requests of one rider at once make one trip', async () => {
  const pickup = say.spot();
  const rider = say.rider();
  const quotes = await Promise.all(Array.from({ length: 10 }, () => say.quote(rider, pickup)));
  const codes = (await Promise.all(quotes.map((quote) => say.request(rider, quote.id)))).map((answer) => answer.codes[0] ?? 'TRIP');
  expect(codes.sort()).toEqual([...Array(9).fill('ACTIVE_TRIP'), 'TRIP']);
});
