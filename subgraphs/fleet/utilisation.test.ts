import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, ANONYMOUS } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { startFleet } from './main.js';

let fleet: TestSubgraph;
const admin = user('ADMIN');
const STATION = '01900000-0000-7000-8001-000000000001';
const CAR = '01900000-0000-7000-8002-000000000001';
beforeAll(async () => {
  fleet = await startTestSubgraph('fleet', startFleet);
  await fleet.subgraph.seedDemo();
  await fleet.owner`update vehicles set created_at = '2029-01-01'`;
});
afterAll(() => fleet[Symbol.asyncDispose]());

interface Series {
  utilisation: { share: number; days: { date: string; booked: number; available: number }[] } | null;
}
const ask = async (actor: Actor, type: string, id: string, from = '2030-01-10', to = '2030-01-12') => {
  const query = `query($r: [_Any!]!, $from: Date!, $to: Date!) { _entities(representations: $r) { ... on ${type} {
    utilisation(from: $from, to: $to) { share days { date booked available } } } } }`;
  const { data, codes } = await fleet.run<{ _entities: Series[] }>(actor, query, { r: [{ __typename: type, id }], from, to });
  return { codes, series: data._entities[0]?.utilisation };
};

test('FL-08: booked days of available ones, per car and per station; blocks are no bookings, and what is over still counts', async () => {
  const car = publicId('veh', CAR);
  expect((await ask(admin, 'Vehicle', car)).series).toMatchObject({ share: 0, days: [{ booked: 0, available: 1 }, {}, {}] });
  // Cairo is at +02:00 in January: from noon on the tenth to six in the evening on the eleventh.
  const bookingId = randomUUID();
  const held = { bookingId, vehicleId: CAR, blockedFrom: '2030-01-10T10:00:00Z', blockedTo: '2030-01-11T18:00:00Z' };
  await fleet.deliver('booking', 'booking.held', bookingId, held);
  expect((await ask(admin, 'Vehicle', car)).series?.days.map(({ booked }) => booked)).toEqual([0.5, 0.833, 0]);
  const blockId = randomUUID();
  await fleet.deliver('booking', 'block.placed', blockId, { blockId, vehicleId: CAR, blockedFrom: '2030-01-12T10:00:00Z', blockedTo: '2030-01-12T20:00:00Z' });
  await fleet.deliver('booking', 'booking.returned', bookingId, { bookingId, vehicleId: CAR, returnedAt: '2030-01-11T16:00:00Z' });
  const { series } = await ask(admin, 'Vehicle', car);
  expect(series?.days.map(({ booked }) => booked)).toEqual([0.5, 0.75, 0]);
  expect(series?.share).toBe(0.4167);
  // Five of the twenty cars are there.
  const station = (await ask(admin, 'Station', publicId('stn', STATION))).series;
  expect(station?.days).toEqual([
    { date: '2030-01-10', booked: 0.5, available: 5 },
    { date: '2030-01-11', booked: 0.75, available: 5 },
    { date: '2030-01-12', booked: 0, available: 5 },
  ]);
  const search = `{ vehicles(first: 100, filter: { available: { from: "2030-01-12T12:00:00Z", to: "2030-01-12T13:00:00Z" } }) { nodes { id } } }`;
  const found = async () => (await fleet.run<{ vehicles: { nodes: { id: string }[] } }>(ANONYMOUS, search)).data.vehicles.nodes.some(({ id }) => id === car);
  expect(await found()).toBe(false);
  await fleet.deliver('booking', 'block.lifted', blockId, { blockId });
  expect(await found()).toBe(true);
});

test('FL-08: preparation is nobody’s day, neither before the return nor after it, and no moment counts twice', async () => {
  const vehicleId = '01900000-0000-7000-8002-000000000002';
  const car = publicId('veh', vehicleId);
  const days = async () => (await ask(admin, 'Vehicle', car, '2030-02-10', '2030-02-11')).series;
  const range = (bookingId: string, from: string, to: string, returnAt: string) => ({ bookingId, vehicleId, blockedFrom: from, blockedTo: to, returnAt });
  // Cairo is at +02:00 in February: from noon to six in the evening, and two hours of preparation.
  const first = randomUUID();
  await fleet.deliver('booking', 'booking.held', first, range(first, '2030-02-10T10:00:00Z', '2030-02-10T18:00:00Z', '2030-02-10T16:00:00Z'));
  expect((await days())?.days.map(({ booked }) => booked)).toEqual([0.25, 0]);
  // Longer now, over night: what it was before does not count any more.
  await fleet.deliver('booking', 'booking.changed', first, range(first, '2030-02-10T10:00:00Z', '2030-02-11T12:00:00Z', '2030-02-11T10:00:00Z'));
  expect((await days())?.days.map(({ booked }) => booked)).toEqual([0.5, 0.5]);
  await fleet.deliver('booking', 'booking.returned', first, { bookingId: first, vehicleId, returnedAt: '2030-02-11T10:00:00Z' });
  expect((await days())?.days.map(({ booked }) => booked)).toEqual([0.5, 0.5]);
  // Brought back late, and the next one was to begin before that: the whole of both days, and no more.
  const next = randomUUID();
  await fleet.deliver('booking', 'booking.held', next, range(next, '2030-02-09T22:00:00Z', '2030-02-12T12:00:00Z', '2030-02-12T10:00:00Z'));
  expect(await days()).toMatchObject({ share: 1, days: [{ booked: 1 }, { booked: 1 }] });
  await fleet.deliver('booking', 'booking.noShow', next, { bookingId: next });
  expect((await days())?.days.map(({ booked }) => booked)).toEqual([0.5, 0.5]);
});

test('FL-08: a car joins in the middle of the days that are asked for', async () => {
  const vehicleId = '01900000-0000-7000-8002-000000000003';
  await fleet.owner`update vehicles set created_at = '2030-03-02T10:00:00Z' where id = ${vehicleId}`;
  const bookingId = randomUUID();
  await fleet.deliver('booking', 'booking.held', bookingId, { bookingId, vehicleId, blockedFrom: '2030-03-01T10:00:00Z', blockedTo: '2030-03-04T10:00:00Z' });
  const series = (await ask(admin, 'Vehicle', publicId('veh', vehicleId), '2030-03-01', '2030-03-03')).series;
  expect(series?.days.map(({ booked, available }) => [booked, available])).toEqual([
    [0, 0],
    [0.5, 0.5],
    [1, 1],
  ]);
});

test('FL-08: utilisation is for admins, and for days that make sense', async () => {
  expect((await ask(user('CUSTOMER'), 'Vehicle', publicId('veh', CAR))).codes).toEqual(['FORBIDDEN']);
  expect((await ask(ANONYMOUS, 'Station', publicId('stn', STATION))).codes).toEqual(['FORBIDDEN']);
  expect((await ask(admin, 'Vehicle', publicId('veh', CAR), '2030-01-12', '2030-01-10')).codes).toEqual(['VALIDATION_ERROR']);
  expect((await ask(admin, 'Vehicle', publicId('veh', CAR), '2030-01-01', '2031-06-01')).codes).toEqual(['VALIDATION_ERROR']);
});
