import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId, uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

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
    return startDispatch({ ...environment, redisUrl: `redis://127.0.0.1:${(wire.address() as AddressInfo).port}` });
  });
  say = given(t);
});
afterAll(async () => {
  await t[Symbol.asyncDispose]();
  wire.close();
});

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
  for (const step of ['arriveAtPickup', 'startTrip', 'completeTrip'] as const) accepted(await say.drive(driver, step, trip.id));
  const lost = await say.move(driver, pickup, 1);
  expect(lost.codes).toEqual(['DEPENDENCY_UNAVAILABLE']);
  expect(lost.errors[0]?.extensions.retryAfter).toBe(2);
  isCut = false;
  await eventually(async () => (await say.move(driver, pickup, 2)).codes.length === 0, 'points are taken again');
  await say.payment('failed', uuidOf('trp', trip.id) ?? '', rider.id, { code: 'INSUFFICIENT_FUNDS' });
  expect((await say.request(rider, (await say.quote(rider, pickup)).id)).codes, 'events flow again').toEqual(['UNPAID_TRIP']);
});
