import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WaygraphClient } from '../../sdk/client.js';
import { ask } from '../given/people.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

// GW-30 with the graph as it is: what the fleet shows to all is kept for all, and nothing else is.

let graph: TestGraph;
let admin: WaygraphClient;
let tokens: Record<'admin' | 'customer', string>;
beforeAll(async () => {
  graph = await startGraph('split');
  admin = await graph.as('admin');
  const token = async (account: string) => {
    const query = 'mutation($input: SignInInput!) { signIn(input: $input) { accessToken } }';
    const { data } = await ask<{ signIn: { accessToken: string } }>(graph, null, query, { input: { email: account, password: 'Waygraph1' } });
    return data?.signIn.accessToken ?? '';
  };
  tokens = { admin: await token('admin@demo.test'), customer: await token('customer@demo.test') };
});
afterAll(() => graph[Symbol.asyncDispose]());

const CAR = 'veh_01j0000000e00800g000000002';
const DETAILS = `query($id: ID) { vehicle(id: $id) { id make model seats version dailyRate { amount currency } position { lat lng }
  station { name position { lat lng } } images { url variants(size: CARD) { url } } } }`;
const post = async (query: string, variables: Record<string, unknown>, token?: string) => {
  const { headers, json } = await graph.post({ query, variables }, token === undefined ? {} : { authorization: `Bearer ${token}` });
  return { ...json, control: headers.get('cache-control'), found: headers.get('x-cache'), age: headers.get('age') };
};

test("GW-30: a car's page and the list are made once for everybody", async () => {
  const list =
    'query($first: Int) { stations { id name } vehicles(first: $first) { totalCount nodes { id make dailyRate { amount } } pageInfo { endCursor } } }';
  for (const [query, variables] of [
    [DETAILS, { id: CAR }],
    [list, { first: 5 }],
  ] as const) {
    // News of what was seeded may still be on its way, and ends what was kept.
    const first = await eventually(async () => {
      const answer = await post(query, variables);
      return answer.found === 'HIT' && answer;
    }, 'the answer to be kept');
    expect(first).toMatchObject({ control: 'public, max-age=60', age: expect.stringMatching(/^\d+$/) });
    const signedIn = await post(query, variables, tokens.customer);
    expect([signedIn.found, signedIn.data]).toEqual(['HIT', first.data]);
  }
});

test.each([
  ['a person', '{ me { id } }'],
  ['a person beside a car', `{ me { id } vehicle(id: "${CAR}") { id } }`],
  ['what only admins see of a car', `{ vehicle(id: "${CAR}") { id plate } }`],
  ['whether a car is free', `{ vehicle(id: "${CAR}") { availability(from: "2031-05-03T10:00:00Z", to: "2031-05-04T10:00:00Z") { free } } }`],
  ['a car by its node', `{ node(id: "${CAR}") { id ... on Vehicle { make } } }`],
])('GW-30: nobody keeps %s', async (_what, query) => {
  for (const token of [tokens.admin, tokens.admin, tokens.customer]) {
    expect(await post(query, {}, token)).toMatchObject({ control: 'no-store', found: null, age: null });
  }
});

test('GW-30: an admin who changes a car sees the change in the next answer, and so does everybody, while others read', async () => {
  let reading = true;
  const readers = Array.from({ length: 6 }, async () => {
    while (reading) await post(DETAILS, { id: CAR });
  });
  for (let round = 0; round < 30; round += 1) {
    const before = (await post(DETAILS, { id: CAR })).data as unknown as { vehicle: { seats: number; version: number } };
    const seats = (before.vehicle.seats % 9) + 1;
    const changed = await post(
      'mutation($input: UpdateVehicleInput!) { updateVehicle(input: $input) { version } }',
      { input: { id: CAR, version: before.vehicle.version, seats } },
      tokens.admin,
    );
    expect([changed.errors, changed.control]).toEqual([undefined, 'no-store']);
    const after = await Promise.all([post(DETAILS, { id: CAR }), post(DETAILS, { id: CAR }, tokens.customer)]);
    expect(after.map(({ data }) => (data as unknown as { vehicle: { seats: number } }).vehicle.seats)).toEqual([seats, seats]);
  }
  reading = false;
  await Promise.all(readers);
  // The relay ends what was kept once more with the news of each change; once there is none, it is kept.
  await eventually(async () => (await post(DETAILS, { id: CAR })).found === 'HIT', 'the car to be kept');
});

test('GW-30: a search for free cars forgets with every booking and every block', async () => {
  const when = { from: '2031-07-03T10:00:00Z', to: '2031-07-05T10:00:00Z' };
  const query = 'query($filter: VehicleFilter) { vehicles(filter: $filter, first: 100) { nodes { id } } }';
  const shows = async () => {
    const { data } = await post(query, { filter: { available: when } });
    return (data as unknown as { vehicles: { nodes: { id: string }[] } }).vehicles.nodes.some(({ id }) => id === CAR);
  };
  await eventually(async () => (await post(query, { filter: { available: when } })).found === 'HIT', 'the search to be kept');
  expect(await shows()).toBe(true);
  const { blockVehicle } = await admin.BlockVehicle({ input: { vehicleId: CAR, ...when, reason: 'service' } });
  // Well before the minute is over for which it may be kept.
  await eventually(async () => !(await shows()), 'the blocked car to be gone');
  await admin.UnblockVehicle({ id: blockVehicle.id });
  await eventually(shows, 'the car to be back');
});
