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

const LIST = `query($first: Int, $sort: VehicleSort) { vehicles(first: $first, sort: $sort) { nodes { id make seats version station { name } } } }`;
const ONE = 'query($id: ID) { vehicle(id: $id) { id seats version station { name } } }';
const UPDATE = 'mutation($input: UpdateVehicleInput!) { updateVehicle(input: $input) { version } }';
interface Car {
  id: string;
  seats: number;
  version: number;
}
const list = async () => (await fleet.run<{ vehicles: { nodes: Car[] } }>(ANONYMOUS, LIST, { first: 20, sort: 'PRICE_ASC' })).data.vehicles.nodes;
const one = async (id: string) => (await fleet.run<{ vehicle: Car }>(ANONYMOUS, ONE, { id })).data.vehicle;
const READS = '%from "vehicles"%';

test('GW-30: on a mix of reads more than 85 % come from the cache, and more than 70 % of the queries are gone', async () => {
  const cars = await list();
  for (const { id } of cars) await one(id);
  const before = await fleet.statements(READS);
  let asked = 0;
  for (let round = 0; round < 200; round += 1) {
    if (round % 4 === 0) await list();
    else await one(cars[round % cars.length]?.id as string);
    // One change in fifty reads, as on a busy day.
    if (round % 50 === 49) {
      const car = await one(cars[round % cars.length]?.id as string);
      await fleet.run(admin, UPDATE, { input: { id: car.id, version: car.version, seats: (car.seats % 9) + 1 } });
    }
    asked += 1;
  }
  // What an update itself reads is counted as well.
  const queries = (await fleet.statements(READS)) - before;
  expect(queries).toBeLessThan(asked * 0.15);
});

test('GW-30: a change is seen by everybody once it has been answered, in details and in lists, while others read', async () => {
  const { id } = (await list())[0] as Car;
  let reading = true;
  const readers = Array.from({ length: 6 }, async () => {
    while (reading) await Promise.all([one(id), list()]);
  });
  for (let round = 0; round < 15; round += 1) {
    const car = await one(id);
    const seats = (car.seats % 9) + 1;
    expect((await fleet.run(admin, UPDATE, { input: { id, version: car.version, seats } })).errors).toEqual([]);
    expect((await one(id)).seats).toBe(seats);
    expect((await list()).find((listed) => listed.id === id)?.seats).toBe(seats);
  }
  reading = false;
  await Promise.all(readers);
});

test('GW-30: what a cache keeps of a car shows its plate to nobody but admins', async () => {
  const { id } = (await list())[0] as Car;
  const plate = 'query($id: ID) { vehicle(id: $id) { plate } }';
  expect((await fleet.run<{ vehicle: { plate: string } }>(admin, plate, { id })).data.vehicle.plate).toMatch(/^CAI/);
  expect((await fleet.run(ANONYMOUS, plate, { id })).codes).toEqual(['FORBIDDEN']);
});
