import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
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

test('GW-30: the event of a change whose process died before it told the cache does so, in details and in lists', async () => {
  const car = (await list())[0] as Car;
  expect((await one(car.id)).seats).toBe(car.seats);
  const seats = (car.seats % 9) + 1;
  // What such a process leaves: the change and its event, committed, and nothing else.
  await fleet.owner.begin(async (sql) => {
    const [row] = await sql`update vehicles set seats = ${seats} where id = (select id from vehicles where seats = ${car.seats}
      order by daily_rate_minor, id limit 1) returning id, station_id`;
    expect(publicId('veh', row?.id as string)).toBe(car.id);
    const facts = {
      vehicleId: row?.id,
      use: 'RENTAL',
      status: 'ACTIVE',
      category: 'ECONOMY',
      dailyRateMinor: '1',
      currency: 'EGP',
      stationId: row?.station_id,
    };
    await sql`select waygraph_append_event(gen_random_uuid(), 'vehicle', ${row?.id}::uuid, 'vehicle.updated', 1,
      ${sql.json({ ...facts, timeZone: 'Africa/Cairo', title: 'x' })}, ${sql.json({ traceId: '0', causationId: '0', actor: 'test' })}, now(), '{booking}'::text[])`;
  });
  await eventually(async () => (await one(car.id)).seats === seats, 'the details to be read again');
  await eventually(async () => (await list()).find(({ id }) => id === car.id)?.seats === seats, 'the lists to be read again');
});
