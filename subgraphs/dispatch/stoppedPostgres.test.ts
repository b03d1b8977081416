import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Actor } from '../../platform/actor.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../platform/embeddedPostgres.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type OnlineDriver, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

const DRIVERS = 20;
const telematics: Actor = { kind: 'SERVICE', id: 'telematics', scopes: ['locations:write'] };

let dir: string;
let server: EmbeddedPostgres;
let t: TestSubgraph;
let say: ReturnType<typeof given>;
const start = (port?: number) => startEmbeddedPostgres({ dataDir: dir, settings: { synchronous_commit: 'off' }, ...(port && { port }) });

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'waygraph-test-stopped-'));
  server = await start();
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment), { postgresUrl: server.url() });
  say = given(t);
});
afterAll(async () => {
  await t[Symbol.asyncDispose]();
  await server.stop();
  await Promise.all([dir, server.dataDir].map((place) => rm(place, { recursive: true, force: true })));
});

const pointsOf = async (drivers: readonly OnlineDriver[]) =>
  Number((await t.owner`select count(*)::int as n from driver_location_history where driver_id in ${t.owner(drivers.map(({ uuid }) => uuid))}`)[0]?.n);

test('DP-04: Postgres is stopped for a minute of points and started again: none is lost, the newest of each driver is the latest, and trips go on', async () => {
  const here = say.spot();
  const drivers: OnlineDriver[] = [];
  for (let i = 0; i < DRIVERS; i += 1) drivers.push(await say.driver(shifted(here, 0, 5 * i)));
  const trip = await say.requested(say.rider(), here);
  const offer = await say.offer(drivers[0] as OnlineDriver);
  await eventually(async () => (await pointsOf(drivers)) === DRIVERS, 'the first points to be written');
  t.setClock(new Date(t.environment.clock().getTime() + 65_000));

  await server.stop();
  await expect(t.owner`select 1`).rejects.toThrow();
  for (let n = 0; n < 20; n += 1) {
    const input = drivers.map((driver, i) => ({ driverId: driver.id, ...say.at(shifted(here, 10 * n, 5 * i), 3 * n - 60) }));
    expect(accepted(await say.ingest(telematics, input)).answer, `batch ${n}`).toMatchObject({ accepted: DRIVERS, rejected: 0 });
  }
  const last = new Date(t.environment.clock().getTime() + 1_000).toISOString();
  const moves = await Promise.all(
    drivers.map((driver, i) =>
      say.mutate<{ accepted: number }>(
        driver.actor,
        'updateLocation',
        '$input: LocationInput!',
        { input: { point: shifted(here, 200, 5 * i), recordedAt: last } },
        'accepted',
      ),
    ),
  );
  for (const move of moves) expect(accepted(move).answer).toEqual({ accepted: 1 });
  const told = await say.accept(drivers[0] as OnlineDriver, offer.id);
  expect(told.errors[0]?.extensions).toMatchObject({ code: 'DEPENDENCY_UNAVAILABLE', retryAfter: expect.any(Number) });
  await expect(t.owner`select 1`, 'it has been away all the while').rejects.toThrow();

  server = await start(server.port);
  await eventually(async () => (await pointsOf(drivers)) === DRIVERS + 20 * DRIVERS + DRIVERS, 'every point to be written, each once');
  await eventually(
    async () =>
      (await t.owner`select 1 from driver_positions where driver_id in ${t.owner(drivers.map(({ uuid }) => uuid))} and recorded_at = ${last}`).length ===
      DRIVERS,
    'the newest places',
  );
  expect(await say.trip(say.admin, trip.id)).toMatchObject({ status: expect.stringMatching('SEARCHING|NO_DRIVERS') });
  accepted(await say.goOnline(drivers[1] as OnlineDriver, here));
  const next = await say.requested(say.rider(), shifted(here, 26_000));
  expect(next.status).toBe('SEARCHING');
  // What waits is bounded, and a minute of the goal's 3,333 points a second fits.
  expect(readDispatchConfig({}).bufferPoints).toBeGreaterThan(60 * 3_333);
}, 120_000);
