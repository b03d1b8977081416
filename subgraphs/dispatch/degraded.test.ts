import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Actor } from '../../platform/actor.js';
import { publicId, uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type Person, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

const OVERLOAD_SEARCHES = 5;

let t: TestSubgraph;
let say: ReturnType<typeof given>;
let wire: Server;
/** While set, Redis cannot be reached. */
let isCut = false;
const sockets = new Set<Socket>();

beforeAll(async () => {
  t = await startTestSubgraph('dispatch', async (environment) => {
    const target = new URL(environment.redisUrl);
    wire = createServer((near) => {
      if (isCut) return near.destroy();
      const far = connect(Number(target.port), target.hostname);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(socket);
        socket.pipe(other);
        socket.on('error', () => {});
        socket.on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
      }
      return undefined;
    });
    await new Promise<void>((resolve) => wire.listen(0, '127.0.0.1', resolve));
    const cutOff = { ...environment, redisUrl: `redis://127.0.0.1:${(wire.address() as AddressInfo).port}` };
    return startDispatch(cutOff, { ...readDispatchConfig({}), overloadSearches: OVERLOAD_SEARCHES });
  });
  say = given(t);
});
afterAll(async () => {
  await t[Symbol.asyncDispose]();
  wire.close();
});

interface Health {
  searching: number;
  modes: { mode: string; isOn: boolean }[];
  switches: { mode: string; isOn: boolean; reason: string }[];
}
const health = async () =>
  accepted(
    await t.run<{ matchingHealth: Health }>(say.admin, '{ matchingHealth(switches: 10) { searching modes { mode isOn } switches { mode isOn reason } } }'),
  ).matchingHealth;
const isOn = async (mode: string) => (await health()).modes.find((state) => state.mode === mode)?.isOn;

test('DP-25: without Redis a trip is quoted, requested, matched from Postgres, and driven to its end; then Redis is back', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(shifted(pickup, 700)), say.rider()];
  await eventually(async () => (await t.owner`select 1 from driver_positions where driver_id = ${driver.uuid}`).length > 0);
  isCut = true;
  for (const socket of sockets) socket.destroy();
  const quote = await say.quote(rider, pickup);
  expect(quote).toMatchObject({ surge: 1, pickupEtaSeconds: null });
  const trip = accepted(await say.request(rider, quote.id)).answer!;
  const offerId = await eventually(async () => (await t.owner`select id from offers where pickup_distance_m between 690 and 710`)[0]?.id as string | undefined);
  expect(accepted(await say.accept(driver, publicId('ofr', offerId))).answer).toMatchObject({ status: 'ACCEPTED' });
  expect(await isOn('POSITIONS_FROM_POSTGRES'), 'admins see the switch').toBe(true);
  for (const step of ['arriveAtPickup', 'startTrip', 'completeTrip'] as const) accepted(await say.drive(driver, step, trip.id));
  expect(accepted(await say.move(driver, shifted(pickup, 50), 1)).answer, 'it waits').toMatchObject({ accepted: 1 });
  expect(await say.positionOf(driver)).toBeNull();
  isCut = false;
  await eventually(async () => Math.abs(((await say.positionOf(driver))?.lat ?? 0) - shifted(pickup, 50).lat) < 1e-6, 'the point that waited is on the map');
  await say.payment('failed', uuidOf('trp', trip.id) ?? '', rider.id, { code: 'INSUFFICIENT_FUNDS' });
  expect((await say.request(rider, (await say.quote(rider, pickup)).id)).codes, 'events flow again').toEqual(['UNPAID_TRIP']);
});

test('DP-25: positions answer again: the next search switches back, and admins see both switches', async () => {
  const rider = say.rider();
  const trip = await say.requested(rider, say.spot());
  await eventually(async () => (await isOn('POSITIONS_FROM_POSTGRES')) === false, 'the switch back');
  expect((await health()).switches.filter(({ mode }) => mode === 'POSITIONS_FROM_POSTGRES').map((one) => one.isOn)).toEqual([false, true]);
  accepted(await say.cancel(rider, trip.id));
  expect((await t.run(rider, '{ matchingHealth { searching } }')).codes).toEqual(['FORBIDDEN']);
  expect((await t.run(say.admin, '{ matchingHealth(switches: 1000) { searching } }')).codes).toEqual(['VALIDATION_ERROR']);
});

test('DP-25: overload: rounds last longer, riders see their place in the queue; it ends when fewer search', async () => {
  const pickup = say.spot();
  const queueOf = async (rider: Actor, id: string) =>
    accepted(await t.run<{ trip: { queuePosition: number | null } }>(rider, `{ trip(id: "${id}") { queuePosition } }`)).trip.queuePosition;
  const waiting: { rider: Person; id: string }[] = [];
  const request = async () => {
    const rider = say.rider();
    const made = { rider, id: (await say.requested(rider, pickup)).id };
    waiting.push(made);
    return made;
  };
  const first = await request();
  expect(await queueOf(first.rider, first.id)).toBeNull();
  for (let i = 1; i <= OVERLOAD_SEARCHES; i += 1) await request();
  await eventually(() => isOn('OVERLOAD'), 'the overload');
  expect(await Promise.all(waiting.map(({ rider, id }) => queueOf(rider, id)))).toEqual(waiting.map((_, i) => i + 1));
  const driver = await say.driver(pickup);
  const { expiresAt } = await say.offer(driver);
  expect(new Date(expiresAt).getTime() - t.environment.clock().getTime(), 'twice the usual 15 s').toBeGreaterThan(16_000);
  expect((await health()).searching).toBe(waiting.length);
  for (const { rider, id } of waiting.slice(2)) accepted(await say.cancel(rider, id));
  // The next round that anybody makes sees that it is over.
  await eventually(async () => (await isOn('OVERLOAD')) === false, 'the end of the overload');
  expect((await health()).switches.filter(({ mode }) => mode === 'OVERLOAD').map((one) => one.isOn)).toEqual([false, true]);
  for (const { rider, id } of waiting.slice(0, 2)) await say.cancel(rider, id);
});
