import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
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
    plate: 'ABC 123',
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
});

test('only admins write, and only admins see the plate', async () => {
  const { id } = await newVehicle();
  const retire = 'mutation($id: ID!) { retireVehicle(id: $id) { id } }';
  expect((await fleet.run(ANONYMOUS, retire, { id })).codes).toEqual(['UNAUTHENTICATED']);
  expect((await fleet.run(user('CUSTOMER'), retire, { id })).codes).toEqual(['FORBIDDEN']);
  const plate = 'query($id: ID) { vehicle(id: $id) { plate } }';
  expect((await fleet.run(user('CUSTOMER'), plate, { id })).codes).toEqual(['FORBIDDEN']);
  expect((await fleet.run(admin, plate, { id })).data).toEqual({ vehicle: { plate: 'ABC 123' } });
});

test('a driver who registers brings a car that is in no search', async () => {
  const vehicleId = randomUUID();
  await fleet.deliver('dispatch', 'driver.registered', randomUUID(), {
    vehicle: { vehicleId, make: 'Fiat', model: 'Tipo', year: 2022, category: 'ECONOMY', seats: 5, plate: 'RID 1' },
  });
  expect((await fleet.owner`select use from vehicles where id = ${vehicleId}`)[0]?.use).toBe('RIDE');
  expect((await search({ filter: { text: 'Fiat Tipo' } })).data.vehicles.nodes).toEqual([]);
});
