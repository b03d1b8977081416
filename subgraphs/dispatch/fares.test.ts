import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, shifted, type Spot } from './dispatch.given.js';
import { startDispatch } from './main.js';
import { cellOf } from './surge.js';
import { VEHICLE_TYPES } from './vehicleType.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
  // A Sunday noon in Cairo: no multiplier of the hour.
  t.setClock(new Date('2031-06-01T09:00:00Z'));
});
afterAll(() => t[Symbol.asyncDispose]());

const now = () => t.environment.clock();
const inHours = (hours: number) => new Date(now().getTime() + hours * 3_600_000);
/** The clock only goes forward. */
const pass = (seconds: number) => t.setClock(new Date(now().getTime() + seconds * 1000));
const money = (amount: string) => ({ amount, currency: 'EGP' });
const rate = (vehicleType: string, from: Date, until: Date | null, base: string) => ({
  ...{ vehicleType, from: from.toISOString(), until: until?.toISOString() ?? null, base: money(base), perKm: money('4.00'), perMinute: money('0.50') },
  ...{ minimum: money('15.00'), bookingFee: money('2.00'), cancellationFee: money('12.00'), waitingFreeMinutes: 2, waitingPerMinute: money('1.00') },
});
const FARE_TABLE = 'id effectiveFrom rates { vehicleType from until base { amount } waitingFreeMinutes }';
const publish = (actor: Parameters<TestSubgraph['run']>[0], rates: unknown[]) =>
  say.mutate<{ id: string; rates: unknown[] }>(actor, 'publishFareTable', '$input: FareTableInput!', { input: { note: 'test', rates } }, FARE_TABLE);
const detailsOf = (answer: { errors: readonly { extensions: Record<string, unknown> }[] }) =>
  answer.errors[0]?.extensions.details as { field: string; rule: string } | undefined;
const refusalOf = (answer: { codes: string[]; errors: readonly { message: string; extensions: Record<string, unknown> }[] }) => {
  expect(answer.errors[0]?.message, 'a next step in words').toMatch(/\. [\w`]/);
  return [answer.codes[0], detailsOf(answer)?.field, detailsOf(answer)?.rule];
};

/** Lets the surge job run so many times. */
async function surgeSteps(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const [before] = await t.owner`select due_at from timers where kind = 'city.surge'`;
    pass(31);
    await eventually(async () => {
      const [timer] = await t.owner`select due_at from timers where kind = 'city.surge'`;
      return timer && timer.due_at > before?.due_at;
    }, 'the surge to move');
  }
}

test('DP-10: an admin writes a rate table; it holds from its date on, and quotes for later are priced by the table of their day', async () => {
  const from = inHours(24);
  const rates = VEHICLE_TYPES.map((type) => rate(type, from, null, '30.00'));
  expect((await publish(say.rider(), rates)).codes).toEqual(['FORBIDDEN']);
  const { answer } = accepted(await publish(say.admin, rates));
  expect(answer?.rates).toHaveLength(4);
  const rider = say.rider();
  const [here, there] = [say.spot(), { lat: 30.0444, lng: 31.2357 }];
  const baseOf = async (departAt?: Date) => {
    const quotes = accepted(
      await say.quotes(rider, here, there, { vehicleTypes: ['ECONOMY'], ...(departAt && { departAt: departAt.toISOString() }) }),
    ).quoteTrip;
    return quotes[0]?.lines.find((line) => line.label === 'Base fare')?.amount.amount;
  };
  expect([await baseOf(), await baseOf(inHours(23)), await baseOf(inHours(24.5))]).toEqual(['10.00', '10.00', '30.00']);
  const listed = accepted(await t.run<{ fareTables: { id: string }[] }>(say.admin, '{ fareTables { id effectiveFrom } }')).fareTables;
  expect(listed[0]?.id).toBe(answer?.id);
  const published = accepted(await t.run<{ fareRates: { base: { amount: string } }[] }>(rider, '{ fareRates { vehicleType base { amount } } }')).fareRates;
  expect(published.map(({ base }) => base.amount).sort()).toEqual(['10.00', '15.00', '20.00', '25.00']);
});

test('DP-10: a gap or an overlap is refused when the table is written, by us and by the database', async () => {
  const [from, middle, late] = [inHours(48), inHours(72), inHours(96)];
  const others = VEHICLE_TYPES.slice(1).map((type) => rate(type, from, null, '20.00'));
  expect(refusalOf(await publish(say.admin, [rate('ECONOMY', from, middle, '1.00'), rate('ECONOMY', late, null, '1.00'), ...others]))).toEqual([
    'VALIDATION_ERROR',
    'input.rates.1.from',
    'rate_gap',
  ]);
  expect(refusalOf(await publish(say.admin, [rate('ECONOMY', from, late, '1.00'), rate('ECONOMY', middle, null, '1.00'), ...others]))).toEqual([
    'VALIDATION_ERROR',
    'input.rates.1.from',
    'rate_overlap',
  ]);
  expect(refusalOf(await publish(say.admin, others))).toEqual(['VALIDATION_ERROR', 'input.rates', 'rate_gap']);
  const pounds = { ...rate('ECONOMY', from, null, '1.00'), base: { amount: '1.00', currency: 'USD' } };
  expect(refusalOf(await publish(say.admin, [pounds, ...others]))).toEqual(['VALIDATION_ERROR', 'input.rates.0.base.currency', 'fare_currency']);
  const tables = await t.owner`select id from fare_tables`;
  const id = randomUUID();
  const insert = (rows: [type: string, from: string, until: string | null][]) =>
    t.owner.begin(async (sql) => {
      await sql`insert into fare_tables (id, effective_from, published_at) values (${id}, '2040-01-01', now())`;
      for (const [type, begins, ends] of rows) {
        await sql`insert into fare_rates (table_id, vehicle_type, effective_from, effective_until, base_minor, per_km_minor, per_minute_minor, minimum_minor,
          booking_fee_minor, cancellation_fee_minor, waiting_free_s, waiting_per_minute_minor)
          values (${id}, ${type}, ${begins}, ${ends}, 1, 1, 1, 1, 1, 1, 1, 1)`;
      }
    });
  const rest: [string, string, null][] = VEHICLE_TYPES.slice(1).map((type) => [type, '2040-01-01', null]);
  await expect(insert([['ECONOMY', '2040-01-01', '2040-02-01'], ['ECONOMY', '2040-03-01', null], ...rest])).rejects.toThrow('has a gap');
  await expect(insert([['ECONOMY', '2040-01-01', '2040-02-01'], ['ECONOMY', '2040-01-15', null], ...rest])).rejects.toThrow('fare_rates_no_overlap');
  await expect(t.owner`update fare_rates set base_minor = 1`).rejects.toThrow('never changed');
  expect(await t.owner`select id from fare_tables`).toEqual(tables);
});

test('DP-11: an event makes rides from its area dearer while it lasts; a polygon that crosses itself is refused', async () => {
  const here = say.spot();
  const corners = [shifted(here, -800, -800), shifted(here, -800, 800), shifted(here, 800, 800), shifted(here, 800, -800)] as [Spot, Spot, Spot, Spot];
  const create = (actor: Parameters<TestSubgraph['run']>[0], more: Record<string, unknown>) =>
    say.mutate<{ id: string; multiplier: number; endedAt: string | null }>(
      actor,
      'createPriceEvent',
      '$input: PriceEventInput!',
      { input: { name: 'Match', multiplier: 1.5, startsAt: inHours(-1).toISOString(), endsAt: inHours(3).toISOString(), ...more } },
      'id multiplier polygon { lat } endedAt',
    );
  const [a, b, c, d] = corners;
  expect(refusalOf(await create(say.admin, { polygon: [a, c, b, d] }))).toEqual(['VALIDATION_ERROR', 'input.polygon', 'polygon_crosses_itself']);
  expect((await create(say.rider(), { polygon: corners })).codes).toEqual(['FORBIDDEN']);
  for (const wrong of [{ multiplier: 2.1 }, { endsAt: inHours(-2).toISOString() }, { centre: here, radiusKm: 1 }, { polygon: [a, b] }, { polygon: null }]) {
    expect((await create(say.admin, { polygon: corners, ...wrong })).codes, JSON.stringify(wrong)).toEqual(['VALIDATION_ERROR']);
  }
  const event = accepted(await create(say.admin, { polygon: corners })).answer!;
  const labelsAt = async (spot: Spot, departAt?: Date) =>
    accepted(await say.quotes(say.rider(), spot, shifted(here, 5_000), { vehicleTypes: ['ECONOMY'], ...(departAt && { departAt: departAt.toISOString() }) }))
      .quoteTrip[0]!.lines.map((line) => line.label)
      .filter((label) => label.startsWith('Event'));
  expect(await labelsAt(here)).toEqual(['Event nearby, ×1.5']);
  expect(await labelsAt(shifted(here, 1_500))).toEqual([]);
  expect(await labelsAt(here, inHours(4))).toEqual([]);
  const end = () => say.mutate<{ endedAt: string }>(say.admin, 'endPriceEvent', '$eventId: ID!', { eventId: event.id }, 'id endedAt');
  expect(accepted(await end()).answer?.endedAt).toEqual(expect.any(String));
  accepted(await end());
  expect(await labelsAt(here)).toEqual([]);
  expect((await say.mutate(say.admin, 'endPriceEvent', '$eventId: ID!', { eventId: 'evp_nonsense' }, 'id')).codes).toEqual(['NOT_FOUND']);
});

test('DP-12, DP-14: demand raises the price step by step and says why; an old quote is refused once it has risen by half; nothing is lost with Redis', async () => {
  const here = say.spot();
  const early = say.rider();
  const [cheap, later] = [await say.quote(early, here), accepted(await say.quotes(say.rider(), here, undefined, { vehicleTypes: ['XL'] })).quoteTrip[0]!];
  expect([cheap.surge, later.surge]).toEqual([1, 1]);
  for (let i = 0; i < 4; i += 1) await say.requested(say.rider(), here);
  await surgeSteps(1);
  const surgeNow = async () => (await say.quote(say.rider(), here)).surge;
  expect(await surgeNow()).toBe(1.1);
  const redis = new Redis(t.environment.redisUrl);
  await redis.flushall();
  redis.disconnect();
  expect(await surgeNow()).toBe(1.1);
  for (let i = 0; i < 2; i += 1) await say.requested(say.rider(), here);
  await surgeSteps(4);
  const dear = await say.quote(say.rider(), here);
  expect(dear.surge).toBe(1.61);
  expect(dear.surgeReason).toContain('More people ask for rides from there than drivers are free: 6 in ten minutes, 0 free drivers.');
  expect(dear.lines.map((line) => line.label)).toContain('High demand, ×1.61');
  const refused = await say.request(early, cheap.id);
  expect(refusalOf(refused)).toEqual(['SURGE_CHANGED', 'input.quoteId', 'surge_steady']);
  expect(refused.errors[0]?.extensions.details).toMatchObject({ quotedSurge: 1, surge: 1.61 });
  // A price for later is fixed, and without surge.
  const planned = accepted(await say.quotes(early, here, undefined, { vehicleTypes: ['ECONOMY'], departAt: inHours(2).toISOString() })).quoteTrip[0]!;
  expect(planned).toMatchObject({ surge: 1, surgeReason: null });
  accepted(await say.request(early, planned.id));

  const map = (more: Record<string, unknown>) =>
    t.run<{ surgeMap: { cell: string; surge: number; surgeReason: string | null; boundary: unknown[] }[] }>(
      say.rider(),
      `query($near: PointInput!, $radiusKm: Float, $onlyRaised: Boolean) {
        surgeMap(near: $near, radiusKm: $radiusKm, onlyRaised: $onlyRaised) { cell surge surgeReason boundary { lat lng } } }`,
      { near: here, ...more },
    );
  const cells = accepted(await map({ radiusKm: 2 })).surgeMap;
  expect(cells.length).toBeGreaterThan(10);
  expect(cells.find((cell) => cell.cell === cellOf(here))).toMatchObject({ surge: dear.surge, surgeReason: dear.surgeReason });
  expect(cells.every((cell) => cell.surge >= 1 && cell.surge <= 3 && cell.boundary.length >= 5 && cell.surge > 1 === (cell.surgeReason !== null))).toBe(true);
  const raised = accepted(await map({ onlyRaised: true })).surgeMap;
  expect(raised.length).toBeGreaterThan(1);
  expect(raised.every((cell) => cell.surge > 1)).toBe(true);
  expect((await map({ radiusKm: 11 })).codes).toEqual(['VALIDATION_ERROR']);
});

test('DP-13: four classes, each with a price, its range, its multipliers and items that add up', async () => {
  const answer = accepted(
    await t.run<{
      quoteTrip: { price: { amount: string }; priceRange: { low: { amount: string }; high: { amount: string } }; lines: { amount: { amount: string } }[] }[];
    }>(
      say.rider(),
      `mutation($input: QuoteTripInput!) { quoteTrip(input: $input) { price { amount } priceRange { low { amount } high { amount } }
        multipliers { timeOfDay traffic event surge } lines { amount { amount } } } }`,
      { input: { pickup: say.spot(), destination: { lat: 30.0444, lng: 31.2357 } } },
    ),
  ).quoteTrip;
  expect(answer).toHaveLength(4);
  for (const { price, priceRange, lines } of answer) {
    expect(lines.reduce((sum, line) => sum + Math.round(Number(line.amount.amount) * 100), 0)).toBe(Math.round(Number(price.amount) * 100));
    expect(Number(priceRange.low.amount)).toBeLessThanOrEqual(Number(price.amount));
    expect(Number(priceRange.high.amount)).toBeGreaterThanOrEqual(Number(price.amount));
  }
  expect(answer[0]).toMatchObject({ multipliers: { timeOfDay: 1, traffic: 1, event: 1, surge: 1 } });
});

test('DP-07, DP-14: pickups outside, the same place twice, departures in the past or beyond 30 days: code, field, rule, next step', async () => {
  const rider = say.rider();
  const here = { lat: 30.05, lng: 31.24 };
  const alexandria = { lat: 31.2001, lng: 29.9187 };
  expect(refusalOf(await say.quotes(rider, alexandria, here))).toEqual(['OUTSIDE_SERVICE_AREA', 'input.pickup', 'service_area']);
  expect(refusalOf(await say.quotes(rider, here, alexandria))).toEqual(['OUTSIDE_SERVICE_AREA', 'input.destination', 'service_area']);
  expect(refusalOf(await say.quotes(rider, here, shifted(here, 30)))).toEqual(['VALIDATION_ERROR', 'input.destination', 'same_place']);
  const at = (hours: number) => say.quotes(rider, here, undefined, { departAt: inHours(hours).toISOString() });
  expect(refusalOf(await at(-1))).toEqual(['VALIDATION_ERROR', 'input.departAt', 'departure_past']);
  expect(refusalOf(await at(30 * 24 + 1))).toEqual(['VALIDATION_ERROR', 'input.departAt', 'departure_too_far']);
  accepted(await at(30 * 24 - 1));
});

test('DP-16: waiting at the pickup is free for three minutes and is then part of the fare', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.ride(rider, driver, pickup, 'arriveAtPickup');
  pass(400);
  accepted(await say.drive(driver, 'startTrip', trip.id));
  const { answer } = accepted(await say.drive(driver, 'completeTrip', trip.id));
  expect(Number(answer?.finalFare?.amount)).toBe(Number(trip.quotedFare.amount) + 2);
  const event = (await t.emitted<{ tripId: string; fareMinor: string }>('trip.completed')).at(-1);
  expect(event?.fareMinor).toBe(String(Math.round(Number(answer?.finalFare?.amount) * 100)));
});

test('DP-16: another destination is priced on the way, at the multipliers agreed to, for this trip and its rider only', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip');
  accepted(await say.move(driver, shifted(pickup, 1_000), 1));
  const QUOTE = 'id price { amount } distanceM multipliers { surge } lines { label amount { amount } }';
  const change = (actor: typeof rider, destination: Spot, tripId = trip.id) =>
    say.mutate<{ id: string; price: { amount: string }; distanceM: number; lines: { amount: { amount: string } }[] }>(
      actor,
      'quoteDestinationChange',
      '$tripId: ID!, $destination: PointInput!',
      { tripId, destination },
      QUOTE,
    );
  const far = accepted(await change(rider, shifted(pickup, 9_000))).answer!;
  expect(Number(far.price.amount)).toBeGreaterThan(Number(trip.quotedFare.amount));
  expect(far.distanceM).toBeGreaterThan(9_000);
  expect(far.lines.reduce((sum, line) => sum + Math.round(Number(line.amount.amount) * 100), 0)).toBe(Math.round(Number(far.price.amount) * 100));
  const near = accepted(await change(rider, shifted(pickup, 1_200))).answer!;
  expect(Number(near.price.amount)).toBeLessThan(Number(trip.quotedFare.amount));
  expect((await change(say.rider(), shifted(pickup, 2_000))).codes).toEqual(['NOT_FOUND']);
  expect((await change(driver.actor, shifted(pickup, 2_000))).codes).toEqual(['NOT_FOUND']);
  expect(refusalOf(await change(rider, pickup))).toEqual(['VALIDATION_ERROR', 'destination', 'same_place']);
  expect(refusalOf(await change(rider, { lat: 31.2001, lng: 29.9187 }))).toEqual(['OUTSIDE_SERVICE_AREA', 'destination', 'service_area']);
  expect((await say.request(rider, far.id)).codes, 'it is no quote for a new trip').toEqual(['NOT_FOUND']);

  const accept = (actor: typeof rider, quoteId: string) =>
    say.mutate<{ destination: Spot; agreedFare: { amount: string } | null }>(
      actor,
      'changeDestination',
      '$tripId: ID!, $quoteId: ID!',
      { tripId: trip.id, quoteId },
      'destination { lat lng } agreedFare { amount }',
    );
  expect((await accept(say.rider(), far.id)).codes).toEqual(['NOT_FOUND']);
  expect((await accept(driver.actor, far.id)).codes).toEqual(['NOT_FOUND']);
  expect((await accept(rider, (await say.quote(rider, pickup)).id)).codes, 'a quote of another kind').toEqual(['NOT_FOUND']);
  for (const time of ['first', 'repeated']) {
    const { answer } = accepted(await accept(rider, far.id));
    expect(answer?.agreedFare, time).toEqual(far.price);
    expect(answer?.destination).toEqual(shifted(pickup, 9_000));
  }
  const changed = await t.emitted<{ fareMinor: string; tripId: string }>('trip.routeChanged');
  expect(changed.map((event) => event.fareMinor)).toEqual([String(Math.round(Number(far.price.amount) * 100))]);
  pass(601);
  expect((await accept(rider, near.id)).codes).toEqual(['QUOTE_EXPIRED']);
  expect(accepted(await say.drive(driver, 'completeTrip', trip.id)).answer?.finalFare).toEqual(far.price);
  expect(await t.emitted('trip.completed')).toContainEqual(expect.objectContaining({ fareMinor: changed[0]?.fareMinor, tripId: changed[0]?.tripId }));
  expect((await accept(rider, near.id)).codes).toEqual(['TRIP_NOT_CHANGEABLE']);
  expect(refusalOf(await change(rider, shifted(pickup, 2_000)))).toEqual(['TRIP_NOT_CHANGEABLE', 'tripId', 'live_trip']);
});

test('DP-22b: rider and driver may ask why this match and this price; nobody else', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(shifted(pickup, 400)), say.rider()];
  const trip = await say.ride(rider, driver, pickup);
  const why = async (actor: typeof rider) =>
    (
      await t.run<{ trip: { why: { match: string; driversAsked: number; surge: number } | null } | null }>(
        actor,
        `query($id: ID!) { trip(id: $id) { why {
      match driversAsked pickupDistanceM surge surgeReason batch { riders } } } }`,
        { id: trip.id },
      )
    ).data.trip?.why;
  for (const actor of [rider, driver.actor, say.admin]) {
    expect(await why(actor)).toMatchObject({
      driversAsked: 1,
      surge: 1,
      surgeReason: null,
      batch: null,
      match: expect.stringContaining('one driver was asked'),
    });
  }
  expect(await why(say.rider())).toBeUndefined();
  const uuid = uuidOf('trp', trip.id) ?? '';
  // The numbers of another round do not make it a batch.
  await t.owner`insert into trip_reasons (trip_id, tick_id, at, riders, drivers, pickup_seconds, nearest_seconds) values (${uuid}, ${randomUUID()}, now(), 3, 5, 90, 60)`;
  expect((await why(rider))?.match).toContain('one driver was asked');
  // In raw SQL as the service: a stranger sees neither the reason nor any tick.
  await t.owner`insert into matching_ticks (id, at, strategy, inputs, outcome, solve_micros) values (${randomUUID()}, now(), 'BATCHED', '{}', '{}', 1)`;
  const seen = (userId: string, roles: string) =>
    t.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${userId}, true), set_config('waygraph.actor_roles', ${roles}, true)`;
      const [row] = await sql`select (select count(*)::int from trip_reasons) as reasons, (select count(*)::int from matching_ticks) as ticks`;
      return [row?.reasons, row?.ticks];
    });
  expect([await seen(randomUUID(), 'CUSTOMER'), await seen(rider.id, 'CUSTOMER'), await seen(driver.actor.id, 'DRIVER')]).toEqual([
    [0, 0],
    [1, 0],
    [1, 0],
  ]);
  expect((await seen(say.admin.id, 'ADMIN'))[1]).toBeGreaterThan(0);
});

test('DP-11, DP-14: where the cap takes most of a high surge, a quote is good for a trip all the same', async () => {
  // Evening in Cairo, ×1.3, and a match, ×2: the cap of 3.5 leaves ×1.346 for surge, whatever demand asks for.
  const evening = new Date(now());
  evening.setUTCHours(15, 0, 0, 0);
  t.setClock(evening);
  const here = say.spot();
  const event = { name: 'Final', multiplier: 2, centre: here, radiusKm: 1, startsAt: inHours(-1).toISOString(), endsAt: inHours(2).toISOString() };
  const created = accepted(await say.mutate<{ id: string }>(say.admin, 'createPriceEvent', '$input: PriceEventInput!', { input: event }, 'id')).answer!;
  const early = say.rider();
  const cheap = await say.quote(early, here);
  for (let i = 0; i < 6; i += 1) await say.requested(say.rider(), here);
  await surgeSteps(9);
  const map = accepted(
    await t.run<{ surgeMap: { cell: string; surge: number }[] }>(early, 'query($near: PointInput!) { surgeMap(near: $near, radiusKm: 1) { cell surge } }', {
      near: here,
    }),
  ).surgeMap;
  expect(map.find(({ cell }) => cell === cellOf(here))?.surge, 'demand alone').toBeGreaterThan(2.02);
  const dear = await say.quote(say.rider(), here);
  expect(dear.surge).toBe(1.346);
  const rider = say.rider();
  expect(accepted(await say.request(rider, (await say.quote(rider, here)).id)).answer?.status).toBe('SEARCHING');
  // From 1.0 to 1.346 is no jump: what the rider agreed to stands.
  expect(cheap.surge).toBe(1);
  accepted(await say.request(early, cheap.id));
  accepted(await say.mutate(say.admin, 'endPriceEvent', '$eventId: ID!', { eventId: created.id }, 'id'));
});

test('DP-12, DP-35: a trip for later is demand when it departs, not when it is asked for, and none when given up before', async () => {
  const here = say.spot();
  const departAt = new Date(Math.ceil(inHours(1).getTime() / 900_000) * 900_000 + 60_000);
  const trips = [];
  for (let i = 0; i < 3; i += 1) {
    const rider = say.rider();
    const [quote] = accepted(await say.quotes(rider, here, undefined, { vehicleTypes: ['ECONOMY'], departAt: departAt.toISOString() })).quoteTrip;
    trips.push({ rider, trip: accepted(await say.request(rider, quote!.id)).answer! });
  }
  const demandNow = async () => {
    await surgeSteps(1);
    const rows = await t.owner`select requests from surge_cells where cell = ${cellOf(here)}`;
    return (rows[0]?.requests as number | undefined) ?? 0;
  };
  expect(await demandNow()).toBe(0);
  accepted(await say.cancel(trips[0]!.rider, trips[0]!.trip.id));
  t.setClock(new Date(departAt.getTime() + 1_000));
  expect(await demandNow()).toBe(2);
  t.setClock(new Date(departAt.getTime() + 15 * 60_000));
  const counted = () => t.owner`select quarter_at, requests from demand_counts where cell = ${cellOf(here)}`;
  await eventually(async () => (await counted()).length > 0, 'the quarter to be counted');
  expect([...(await counted())]).toEqual([{ quarter_at: new Date(departAt.getTime() - 60_000), requests: 2 }]);
});
