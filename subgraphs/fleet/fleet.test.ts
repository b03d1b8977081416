import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
import { publicId, uuidOf } from '../../platform/ids.js';
import { startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { startFleet } from './main.js';

let fleet: TestSubgraph;
const admin = user('ADMIN');
beforeAll(async () => {
  fleet = await startTestSubgraph('fleet', startFleet);
  await fleet.subgraph.seedDemo();
});
afterAll(() => fleet[Symbol.asyncDispose]());

const SEARCH = `query($filter: VehicleFilter, $sort: VehicleSort, $first: Int, $after: String) {
  vehicles(filter: $filter, sort: $sort, first: $first, after: $after) {
    totalCount nodes { id slug make model version dailyRate { amount currency } station { name timeZone } } pageInfo { hasNextPage endCursor } } }`;
interface Found {
  vehicles: {
    totalCount: number;
    nodes: { id: string; slug: string; make: string; model: string; version: number; dailyRate: { amount: string } }[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
  };
}
const search = (variables: Record<string, unknown>) => fleet.run<Found>(ANONYMOUS, SEARCH, variables);

async function newVehicle() {
  const stations = await fleet.run<{ stations: { id: string }[] }>(ANONYMOUS, '{ stations { id } }');
  const input = {
    make: 'Lada',
    model: `Niva ${randomUUID().slice(0, 4)}`,
    year: 2021,
    category: 'SUV',
    fuelType: 'PETROL',
    transmission: 'MANUAL',
    seats: 4,
    dailyRate: { amount: '500.50', currency: 'EGP' },
    plate: `ABC ${randomUUID().slice(0, 8)}`,
    stationId: stations.data.stations[0]?.id,
  };
  const created = await fleet.run<{ createVehicle: { id: string; version: number; plate: string } }>(
    admin,
    'mutation($input: CreateVehicleInput!) { createVehicle(input: $input) { id version plate dailyRate { amount } } }',
    { input },
  );
  expect(created.errors).toEqual([]);
  return created.data.createVehicle;
}

const update = (input: Record<string, unknown>) =>
  fleet.run(admin, 'mutation($input: UpdateVehicleInput!) { updateVehicle(input: $input) { version } }', { input });

test('FL-04: text search forgives typing errors', async () => {
  const { data } = await search({ filter: { text: 'toyta corola' } });
  expect(data.vehicles.nodes.map((v) => v.model)).toEqual(['Corolla']);
});

test('FL-03: pages by price neither skip nor repeat', async () => {
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const { data }: { data: Found } = await search({ sort: 'PRICE_ASC', first: 3, after });
    seen.push(...data.vehicles.nodes.map((v) => v.id));
    after = data.vehicles.pageInfo.hasNextPage ? data.vehicles.pageInfo.endCursor : null;
  } while (after);
  const all = await search({ sort: 'PRICE_ASC', first: 100 });
  expect(seen).toEqual(all.data.vehicles.nodes.map((v) => v.id));
  expect(new Set(seen).size).toBe(seen.length);
});

test('FL-03: a cursor of another order is refused, not misread', async () => {
  const { data } = await search({ sort: 'PRICE_ASC', first: 1 });
  const other = await search({ sort: 'NEWEST', first: 1, after: data.vehicles.pageInfo.endCursor });
  expect(other.codes).toEqual(['VALIDATION_ERROR']);
  // Nor is one of another search: cars between the two would never be shown.
  const searched = await search({ sort: 'PRICE_ASC', first: 1, after: data.vehicles.pageInfo.endCursor, filter: { minSeats: 5 } });
  expect(searched.errors[0]?.extensions.details).toEqual({ field: 'after', rule: 'cursor' });
  expect((await search({ sort: 'PRICE_ASC', first: 1, after: data.vehicles.pageInfo.endCursor })).codes).toEqual([]);
});

test('FL-05: a booked car is not found for its time, and is found again when the booking ends', async () => {
  const created = await newVehicle();
  const { data } = await fleet.run<{ vehicle: { id: string } }>(ANONYMOUS, 'query($id: ID) { vehicle(id: $id) { id } }', { id: created.id });
  expect(data.vehicle.id).toBe(created.id);
  const vehicleId = (await fleet.owner`select id from vehicles order by created_at desc limit 1`)[0]?.id;
  const bookingId = randomUUID();
  const free = async () => {
    const found = await search({ filter: { text: 'Lada', available: { from: '2030-01-02T00:00:00Z', to: '2030-01-03T00:00:00Z' } }, first: 100 });
    return found.data.vehicles.nodes.some((v) => v.id === created.id);
  };
  expect(await free()).toBe(true);
  await fleet.deliver('booking', 'booking.held', bookingId, { bookingId, vehicleId, blockedFrom: '2030-01-01T00:00:00Z', blockedTo: '2030-01-05T00:00:00Z' });
  expect(await free()).toBe(false);
  await fleet.deliver('booking', 'booking.cancelled', bookingId, { bookingId });
  expect(await free()).toBe(true);
});

test('FL-05: search finds what could be booked: the preparation after the wanted time has to be free too, as long as the class takes', async () => {
  const { id } = await newVehicle();
  const vehicleId = uuidOf('veh', id) ?? '';
  const bookingId = randomUUID();
  await fleet.deliver('booking', 'booking.held', bookingId, { bookingId, vehicleId, blockedFrom: '2030-05-02T12:00:00Z', blockedTo: '2030-05-02T20:00:00Z' });
  const found = async (from: string, to: string) => {
    const filter = { text: 'Lada', available: { from: `2030-05-02T${from}:00Z`, to: `2030-05-02T${to}:00Z` } };
    return (await search({ filter, first: 100 })).data.vehicles.nodes.some((each) => each.id === id);
  };
  expect([await found('08:00', '10:00'), await found('08:00', '10:01'), await found('08:00', '11:00')]).toEqual([true, false, false]);
  expect([await found('19:59', '21:00'), await found('20:00', '21:00')]).toEqual([false, true]);
  await update({ id, version: 1, category: 'LUXURY' });
  expect([await found('08:00', '09:00'), await found('08:00', '10:00')]).toEqual([true, false]);
});

test('FL-05: every event of booking that takes or frees a car is followed', async () => {
  const { id } = await newVehicle();
  const vehicleId = uuidOf('veh', id) ?? '';
  const at = (day: number) => `2030-06-${String(day).padStart(2, '0')}T10:00:00Z`;
  const free = async (day: number) => {
    const found = await search({ filter: { text: 'Lada', available: { from: at(day), to: `2030-06-${String(day).padStart(2, '0')}T12:00:00Z` } }, first: 100 });
    return found.data.vehicles.nodes.some((each) => each.id === id);
  };
  const freeDays = async () => Promise.all([1, 5, 9, 20].map(free));
  for (const end of ['booking.expired', 'booking.noShow', 'booking.cancelled', 'booking.returned']) {
    const bookingId = randomUUID();
    const range = (from: number, to: number) => ({ bookingId, vehicleId, blockedFrom: at(from), blockedTo: at(to), returnAt: at(to) });
    await fleet.deliver('booking', 'booking.held', bookingId, range(1, 2));
    expect(await freeDays()).toEqual([false, true, true, true]);
    await fleet.deliver('booking', 'booking.changed', bookingId, range(5, 6));
    expect(await freeDays()).toEqual([true, false, true, true]);
    await fleet.deliver('booking', 'booking.overdue', bookingId, { ...range(5, 6), blockedTo: '9999-12-31T00:00:00Z' });
    expect(await freeDays()).toEqual([true, false, false, false]);
    await fleet.deliver('booking', end, bookingId, { bookingId, vehicleId, returnedAt: at(7) });
    expect([end, await freeDays()]).toEqual([end, [true, true, true, true]]);
  }
  // A booking that changes its car frees the one and takes the other.
  const { id: otherId } = await newVehicle();
  const bookingId = randomUUID();
  const range = { bookingId, blockedFrom: at(1), blockedTo: at(2), returnAt: at(2) };
  await fleet.deliver('booking', 'booking.held', bookingId, { ...range, vehicleId });
  await fleet.deliver('booking', 'booking.changed', bookingId, { ...range, vehicleId: uuidOf('veh', otherId) });
  expect(await free(1)).toBe(true);
});

const PLACE = 'query($id: ID) { vehicle(id: $id) { version station { id } position { lat lng } } }';
const placeOf = async (id: string) =>
  (await fleet.run<{ vehicle: { version: number; station: { id: string }; position: object } }>(ANONYMOUS, PLACE, { id })).data.vehicle;
const stationsOf = async () =>
  (await fleet.run<{ stations: { id: string; position: { lat: number; lng: number } }[] }>(ANONYMOUS, '{ stations { id position { lat lng } } }')).data
    .stations;

test('FL-01: a car that goes to another station is found near that one, and not near the old one', async () => {
  const { id } = await newVehicle();
  const [, other] = await stationsOf();
  const near = async (point: object) =>
    (await search({ filter: { text: 'Lada', near: { point, radiusKm: 1 } }, first: 100 })).data.vehicles.nodes.some((each) => each.id === id);
  const before = (await placeOf(id)).position;
  expect([await near(before), await near(other?.position ?? {})]).toEqual([true, false]);
  await update({ id, version: 1, stationId: other?.id });
  expect(await placeOf(id)).toMatchObject({ station: { id: other?.id }, position: other?.position });
  expect([await near(before), await near(other?.position ?? {})]).toEqual([false, true]);
  // Who says where it is parked is believed; who changes something else leaves it where it is.
  await update({ id, version: 2, stationId: other?.id, position: { lat: 30.5, lng: 31.5 } });
  await update({ id, version: 3, seats: 5, stationId: other?.id });
  expect((await placeOf(id)).position).toEqual({ lat: 30.5, lng: 31.5 });
});

test('BK-07: a car that is left at another station belongs there from then on, and booking is told', async () => {
  const { id } = await newVehicle();
  const vehicleId = uuidOf('veh', id) ?? '';
  const [, , other] = await stationsOf();
  const stationId = uuidOf('stn', other?.id ?? '') ?? '';
  const bookingId = randomUUID();
  await fleet.deliver('booking', 'booking.leftElsewhere', bookingId, { bookingId, vehicleId, stationId });
  expect(await placeOf(id)).toMatchObject({ version: 2, station: { id: other?.id }, position: other?.position });
  expect((await fleet.emitted('vehicle.updated')).at(-1)).toMatchObject({ vehicleId, stationId, stationPosition: other?.position });
  // Left where it is already, or at a station that nobody knows: nothing changes.
  for (const station of [stationId, randomUUID()])
    await fleet.deliver('booking', 'booking.leftElsewhere', bookingId, { bookingId, vehicleId, stationId: station });
  expect((await placeOf(id)).version).toBe(2);
});

test('FL-02: a stale update gets CONFLICT with the present version, and changes nothing', async () => {
  const { id } = await newVehicle();
  const update = (version: number, seats: number) =>
    fleet.run<{ updateVehicle: { version: number } }>(admin, 'mutation($input: UpdateVehicleInput!) { updateVehicle(input: $input) { version seats } }', {
      input: { id, version, seats },
    });
  expect((await update(1, 5)).data.updateVehicle).toMatchObject({ version: 2, seats: 5 });
  const stale = await update(1, 7);
  expect(stale.codes).toEqual(['CONFLICT']);
  expect(stale.errors[0]?.extensions.details).toMatchObject({ currentVersion: 2 });
});

test('FL-02: a retired vehicle stays readable, leaves search, and cannot be changed', async () => {
  const { id } = await newVehicle();
  await fleet.run(admin, 'mutation($id: ID!) { retireVehicle(id: $id) { status } }', { id });
  const read = await fleet.run(ANONYMOUS, 'query($id: ID) { vehicle(id: $id) { status } }', { id });
  expect(read.data).toEqual({ vehicle: { status: 'RETIRED' } });
  const update = await fleet.run(admin, 'mutation($input: UpdateVehicleInput!) { updateVehicle(input: $input) { id } }', {
    input: { id, version: 2, seats: 3 },
  });
  expect(update.codes).toEqual(['VEHICLE_RETIRED']);
  expect((await fleet.emitted('vehicle.retired')).length).toBeGreaterThan(0);
});

test('FL-07: many references are one query', async () => {
  const { data } = await search({ first: 20 });
  const representations = data.vehicles.nodes.map(({ id }) => ({ __typename: 'Vehicle', id }));
  const batch = '%from "vehicles" where "vehicles"."id" in%';
  const before = await fleet.statements(batch);
  const answer = await fleet.run<{ _entities: { make: string }[] }>(
    ANONYMOUS,
    'query($representations: [_Any!]!) { _entities(representations: $representations) { ... on Vehicle { make } } }',
    { representations },
  );
  expect(answer.data._entities.length).toBe(representations.length);
  expect((await fleet.statements(batch)) - before).toBe(1);
});

test('bad input names the field and the rule', async () => {
  const wrong = await search({ filter: { near: { point: { lat: 91, lng: 0 }, radiusKm: 5 } } });
  expect(wrong.codes).toEqual(['VALIDATION_ERROR']);
  expect(wrong.errors[0]?.extensions.details).toMatchObject({ field: 'filter.near.point.lat' });
  const inverted = await search({ filter: { available: { from: '2030-01-03T00:00:00Z', to: '2030-01-02T00:00:00Z' } } });
  expect(inverted.errors[0]?.extensions.details).toMatchObject({ field: 'filter.available.to' });
  const window = async (from: string, to: string) => (await search({ filter: { available: { from, to } } })).errors[0]?.extensions.details;
  expect(await window('2020-01-01T00:00:00Z', '2020-01-02T00:00:00Z')).toEqual({ field: 'filter.available.to', rule: 'past' });
  expect(await window('2030-01-01T00:00:00Z', '2031-01-02T00:00:01Z')).toEqual({ field: 'filter.available.to', rule: 'too_long' });
  expect(await window('2099-12-01T00:00:00Z', '2100-01-01T00:00:00Z')).toEqual({ field: 'filter.available.to', rule: 'too_late' });
  expect(await window('2030-01-01T00:00:00Z', '2031-01-02T00:00:00Z')).toBeUndefined();
});

test('only admins write, and only admins see the plate', async () => {
  const { id, plate: hers } = await newVehicle();
  const retire = 'mutation($id: ID!) { retireVehicle(id: $id) { id } }';
  expect((await fleet.run(ANONYMOUS, retire, { id })).codes).toEqual(['UNAUTHENTICATED']);
  expect((await fleet.run(user('CUSTOMER'), retire, { id })).codes).toEqual(['FORBIDDEN']);
  const plate = 'query($id: ID) { vehicle(id: $id) { plate } }';
  expect((await fleet.run(user('CUSTOMER'), plate, { id })).codes).toEqual(['FORBIDDEN']);
  expect((await fleet.run(admin, plate, { id })).data).toEqual({ vehicle: { plate: hers } });
});

test('a driver who registers brings a car that is in no search', async () => {
  const vehicleId = randomUUID();
  await fleet.deliver('dispatch', 'driver.registered', randomUUID(), {
    vehicle: { vehicleId, make: 'Fiat', model: 'Tipo', year: 2022, category: 'ECONOMY', seats: 5, plate: 'RID 1' },
  });
  expect((await fleet.owner`select use from vehicles where id = ${vehicleId}`)[0]?.use).toBe('RIDE');
  expect((await search({ filter: { text: 'Fiat Tipo' } })).data.vehicles.nodes).toEqual([]);
});

test('BK-06b: boxes in rental cars say where they are; staff see it, and booking is told now and then, coarsely', async () => {
  const { id } = await newVehicle();
  const box = { kind: 'SERVICE', id: 'telematics', scopes: ['locations:write'] } as const;
  const report = 'mutation($positions: [VehiclePositionInput!]!) { reportVehiclePositions(positions: $positions) }';
  const now = Date.now();
  const say = (who: Parameters<typeof fleet.run>[0], lat: number, ageMs: number, vehicleId = id) =>
    fleet.run<{ reportVehiclePositions: number }>(who, report, {
      positions: [{ vehicleId, point: { lat, lng: 31.23571 }, at: new Date(now - ageMs).toISOString() }],
    });
  const seen = async () => {
    const { data } = await fleet.run<{ vehicle: { lastPosition: { point: { lat: number } } | null } }>(
      admin,
      'query($id: ID) { vehicle(id: $id) { lastPosition { at point { lat lng } } } }',
      { id },
    );
    return data.vehicle.lastPosition?.point.lat;
  };
  expect(await seen()).toBeUndefined();
  expect((await say(box, 30.04441, 60_000)).data.reportVehiclePositions).toBe(1);
  expect((await say(box, 30.05551, 30_000)).data.reportVehiclePositions).toBe(1);
  // Older than what is known.
  expect((await say(box, 30.9, 45_000)).data.reportVehiclePositions).toBe(0);
  expect(await seen()).toBe(30.05551);
  const told = (await fleet.emitted<{ lat: number; lng: number }>('vehicle.moved')).map(({ lat, lng }) => [lat, lng]);
  expect(told).toEqual([[30.044, 31.236]]);
  expect((await say(box, 30, 0, publicId('veh', randomUUID()))).data.reportVehiclePositions).toBe(0);
  expect((await say(box, 91, 0)).errors[0]?.extensions).toMatchObject({ code: 'VALIDATION_ERROR', details: { field: 'positions.0.point.lat' } });
  expect((await say(box, 30, -120_000)).errors[0]?.extensions).toMatchObject({ details: { field: 'positions.0.at', rule: 'past' } });
  expect((await say(ANONYMOUS, 30, 0)).codes).toEqual(['UNAUTHENTICATED']);
  for (const who of [admin, user('CUSTOMER'), { ...box, scopes: ['other'] }]) expect((await say(who, 30, 0)).codes).toEqual(['FORBIDDEN']);
  const hidden = await fleet.run(user('CUSTOMER'), 'query($id: ID) { vehicle(id: $id) { lastPosition { at } } }', { id });
  expect(hidden.codes).toEqual(['FORBIDDEN']);
});

test('FL-03: a radius out of bounds, a page that is too large, cursors that are none and unknown enums name their field and rule', async () => {
  const details = async (variables: Record<string, unknown>) => {
    const { codes, errors } = await search(variables);
    const { field, rule } = (errors[0]?.extensions.details ?? {}) as { field?: string; rule?: string };
    return [codes[0], field, rule].filter(Boolean).join(' ');
  };
  const point = { lat: 30, lng: 31 };
  expect(await details({ filter: { near: { point, radiusKm: 0 } } })).toMatch(/^VALIDATION_ERROR filter\.near\.radiusKm \w+/);
  expect(await details({ filter: { near: { point, radiusKm: -5 } } })).toMatch(/^VALIDATION_ERROR filter\.near\.radiusKm \w+/);
  expect(await details({ filter: { near: { point, radiusKm: 201 } } })).toMatch(/^VALIDATION_ERROR filter\.near\.radiusKm \w+/);
  expect(await details({ filter: { near: { point: { lat: 30, lng: 181 }, radiusKm: 5 } } })).toMatch(/^VALIDATION_ERROR filter\.near\.point\.lng \w+/);
  expect(await details({ after: 'nonsense' })).toMatch(/^VALIDATION_ERROR after/);
  for (const [sort, ...key] of [
    ['PRICE_ASC', 'x', 'y'],
    ['NEWEST', '1', '01900000-0000-7000-8000-000000000001'],
    ['PRICE_DESC', '1', "' or 1=1"],
  ]) {
    const forged = Buffer.from(JSON.stringify([sort, ...key])).toString('base64url');
    expect(await details({ sort, after: forged })).toBe('VALIDATION_ERROR after cursor');
  }
  for (const first of [-1, 101]) expect(await details({ first })).toMatch(/^VALIDATION_ERROR first/);
  expect((await search({ sort: 'CHEAPEST' })).codes).toEqual(['BAD_USER_INPUT']);
});
