import { createHash, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import { Redis } from 'ioredis';
import { Pool } from 'undici';
import { WebSocket } from 'ws';
import { openServers } from '../gateway/servers.js';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../platform/demoAccounts.js';
import { startProcesses } from '../scripts/processes.js';
import { temporaryDirectory } from '../scripts/temporaryDirectory.js';
import { openPositions } from '../subgraphs/dispatch/positions.js';
import { VEHICLE_TYPES } from '../subgraphs/dispatch/vehicleType.js';
import { openRides } from './ride/rides.js';
import { riderTokens } from './ride/tokens.js';
import { CENTRE, driverId, openWorld, placeOf, riderUuid, tripId, type World } from './ride/world.js';

// Where drivers are (DP-04, DP-05, DP-31): telematics batches of 10,000 drivers every three seconds, and beside them searches among all of those and rides
// that drivers accept and drive to their end; single updates; drivers nearby among 100,000; and a driver's point on its way to the socket of his rider, on
// 1,000 trips at once. Through the gateway, on servers of its own with fsync on. `npm run bench ride`. BENCH_SECONDS, BENCH_DRIVERS, BENCH_RIDES (drivers
// who accept), BENCH_NEARBY and BENCH_TRIPS make it smaller, BENCH_PARTS names what is run, BENCH_NODE_OPTIONS is handed to the system as NODE_OPTIONS.
// The load generator shares the machine with what it measures.

const SECONDS = Number(process.env.BENCH_SECONDS ?? 20);
const DRIVERS = Number(process.env.BENCH_DRIVERS ?? 10_000);
const RIDES = Number(process.env.BENCH_RIDES ?? 60);
/** Drivers who accept, for each rider who asks. */
const DRIVERS_PER_RIDER = 3;
const CROWD = Number(process.env.BENCH_NEARBY ?? 100_000);
const TRIPS = Number(process.env.BENCH_TRIPS ?? 1_000);
const EVERY_MS = 3_000;
const BATCH = 500;
const TRIP_BATCH = 10;
const PARTS = (process.env.BENCH_PARTS ?? 'telematics,single,socket,nearby').split(',');
const SERVICE_KEY = 'a key for this benchmark';
const SECRET = 'only for this benchmark, and gone after it';

interface Row {
  what: string;
  n: number;
  'per second': number;
  'p50 ms': number;
  'p99 ms': number;
  target: string;
  errors: number;
}
const rows: Row[] = [];

function report(what: string, tookMs: number[], seconds: number, target: string, errors = 0, perEntry = 1): void {
  const sorted = tookMs.sort((a, b) => a - b);
  const at = (share: number) => Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10;
  const n = sorted.length;
  rows.push({ what, n, 'per second': Math.round((n * perEntry) / seconds), 'p50 ms': at(0.5), 'p99 ms': at(0.99), target, errors });
  console.log(`${what}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, n ${n}, errors ${errors}`);
}

const dir = await temporaryDirectory('waygraph-bench-');
const servers = await openServers({ dataDir: dir, databaseUrl: undefined, redisUrl: undefined });

type Ask = <T>(query: string, variables: Record<string, unknown>, headers?: Record<string, string>) => Promise<{ data?: T; errors?: { message: string }[] }>;

function askOf(url: string): { ask: Ask; close(): Promise<void> } {
  const pool = new Pool(url, { connections: 64 });
  return {
    ask: async (query, variables, headers = {}) => {
      const body = JSON.stringify({ query, variables });
      const response = await pool.request({ path: '/graphql', method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
      return (await response.body.json()) as never;
    },
    close: () => pool.close(),
  };
}

const INGEST = 'mutation Ingest($input: [DriverLocationInput!]!) { ingestLocations(input: $input) { accepted rejected rejections { index reason message } } }';
interface Ingested {
  ingestLocations: { accepted: number; rejected: number; rejections: { reason: string; message: string }[] };
}

/** Batches of distinct drivers at their times, whether or not those before have been answered; answers how long each took and what went wrong. */
async function ingest(ask: Ask, numbers: readonly number[], seconds: number, size = BATCH): Promise<{ tookMs: number[]; errors: number; points: number }> {
  const tookMs: number[] = [];
  let [errors, points] = [0, 0];
  const batches = Math.ceil(numbers.length / size);
  const pauseMs = EVERY_MS / batches;
  const running: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let n = 0; performance.now() - startedAt < seconds * 1000; n += 1) {
    const from = (n % batches) * size;
    const send = async () => {
      const now = Date.now();
      const recordedAt = new Date(now).toISOString();
      const input = numbers
        .slice(from, from + size)
        .map((i) => ({ driverId: driverId(i), point: placeOf(i, now), heading: 90, speedKmh: 30, accuracyM: 5, recordedAt }));
      const began = performance.now();
      const { data, errors: wrong } = await ask<Ingested>(INGEST, { input }, { 'x-api-key': SERVICE_KEY });
      tookMs.push(performance.now() - began);
      points += data?.ingestLocations.accepted ?? 0;
      errors += wrong ? input.length : (data?.ingestLocations.rejected ?? 0);
      const first = wrong?.[0] ?? data?.ingestLocations.rejections[0];
      if (first) console.error(first);
    };
    running.push(send());
    await sleep(Math.max(0, startedAt + (n + 1) * pauseMs - performance.now()));
  }
  await Promise.all(running);
  return { tookMs, errors, points };
}

/** Riders ask for a price, request, and take it back: each request is a search of the index and offers to five drivers. */
async function matching(ask: Ask, tokens: readonly string[], until: () => boolean): Promise<number> {
  let requested = 0;
  const rider = async (token: string, index: number) => {
    const headers = { authorization: `Bearer ${token}` };
    while (!until()) {
      const pickup = { lat: CENTRE.lat + 0.01 * index, lng: CENTRE.lng };
      const quoted = await ask<{ quoteTrip: { id: string }[] }>(
        'mutation($input: QuoteTripInput!) { quoteTrip(input: $input) { id } }',
        { input: { pickup, destination: { lat: pickup.lat + 0.03, lng: pickup.lng }, vehicleTypes: ['ECONOMY'] } },
        headers,
      );
      const input = { quoteId: quoted.data?.quoteTrip[0]?.id, paymentMethod: 'CASH', idempotencyKey: randomUUID() };
      const made = await ask<{ requestTrip: { id: string } }>('mutation($input: RequestTripInput!) { requestTrip(input: $input) { id } }', { input }, headers);
      if (made.data) requested += 1;
      else console.error(made.errors?.[0]);
      await sleep(300);
      await ask('mutation($tripId: ID!) { cancelTrip(tripId: $tripId) { id } }', { tripId: made.data?.requestTrip.id ?? '' }, headers);
    }
  };
  await Promise.all(tokens.map(rider));
  return requested;
}

async function signIn(ask: Ask, account: keyof typeof DEMO_ACCOUNTS): Promise<string> {
  const input = { email: DEMO_ACCOUNTS[account].email, password: DEMO_PASSWORD };
  const { data } = await ask<{ signIn: { accessToken: string } }>('mutation($input: SignInInput!) { signIn(input: $input) { accessToken } }', { input });
  if (!data) throw new Error('nobody was signed in');
  return data.signIn.accessToken;
}

async function telematics(ask: Ask, url: string, world: World): Promise<void> {
  const riders = await Promise.all([signIn(ask, 'customer'), signIn(ask, 'customer2')]);
  const rides = await openRides({ url }, await signIn(ask, 'admin'), RIDES, Math.ceil(RIDES / DRIVERS_PER_RIDER));
  const numbers = Array.from({ length: DRIVERS }, (_, n) => n);
  // All are met once before it counts: their states come from Postgres then.
  await ingest(ask, numbers, EVERY_MS / 1000);
  const before = await world.points();
  let isOver = false;
  const requests = matching(ask, riders, () => isOver);
  rides.begin();
  const { tookMs, errors, points } = await ingest(ask, numbers, SECONDS);
  isOver = true;
  report(`telematics, batches of ${BATCH} of ${DRIVERS} drivers every 3 s`, tookMs, SECONDS, `${Math.round(DRIVERS / 3)}/s, p99 < 100`, errors, BATCH);
  await rides.stop();
  const { acceptedMs, completed, lost, errors: wrong } = rides.done;
  report(`request to accepted, ${RIDES} drivers, beside it`, acceptedMs, SECONDS, 'reported', wrong);
  console.log(`${await requests} more searched for among all meanwhile; ${completed} rides ended, ${lost} accepts came after another's`);
  for (let waited = 0; (await world.points()) < before + points && waited < 100; waited += 1) await sleep(100);
  const missing = before + points - (await world.points());
  // What the warming-up left in the buffer is written too, so that there may be more than were counted, but never less.
  if (missing > 0) throw new Error(`${missing} points are not in Postgres`);
}

async function singleUpdates(ask: Ask): Promise<void> {
  const tokens = await Promise.all([signIn(ask, 'driver'), signIn(ask, 'driver2')]);
  const tookMs: number[] = [];
  let errors = 0;
  const until = performance.now() + (SECONDS * 1000) / 2;
  let n = 0;
  const loop = async (token: string) => {
    while (performance.now() < until) {
      n += 1;
      const input = {
        // Half a metre to and fro: two drivers send thousands of points a second here, and whoever went on with each would be too fast to be believed.
        point: { lat: CENTRE.lat + (n % 5) / 1e6, lng: CENTRE.lng },
        heading: 0,
        speedKmh: 30,
        accuracyM: 5,
        recordedAt: new Date().toISOString(),
      };
      const began = performance.now();
      const answer = await ask(
        'mutation($input: LocationInput!) { updateLocation(input: $input) { accepted } }',
        { input },
        { authorization: `Bearer ${token}` },
      );
      tookMs.push(performance.now() - began);
      if (answer.errors) errors += 1;
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, i) => loop(tokens[i % 2] as string)));
  report('updateLocation, 16 connections', tookMs, SECONDS / 2, 'reported', errors);
}

/** One point after the other, from the driver's call to the socket of his rider: each trip has a rider of its own, with a socket of his own. */
async function pointToSocket(ask: Ask, url: string, world: World): Promise<void> {
  const first = 1_000_000;
  await world.drivers(first, TRIPS);
  await world.trips(first, TRIPS);
  const riders = Array.from({ length: TRIPS }, (_, n) => riderUuid(first + n));
  const clients = (await riderTokens(servers.databaseUrl, SECRET, riders)).map((token) =>
    createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket, connectionParams: { authorization: `Bearer ${token}` } }),
  );
  const tookMs: number[] = [];
  let [ready, isCounting] = [0, false];
  const query = 'subscription($tripId: ID!) { tripUpdates(tripId: $tripId) { kind at position { lat } } }';
  for (let n = 0; n < TRIPS; n += 1) {
    clients[n]?.subscribe<{ tripUpdates: { kind: string; at: string } }>(
      { query, variables: { tripId: tripId(first + n) } },
      {
        next: ({ data, errors }) => {
          if (errors) console.error(errors[0]);
          if (data?.tripUpdates.kind === 'SNAPSHOT') ready += 1;
          // The device's clock is this process's own.
          if (data?.tripUpdates.kind === 'POSITION' && isCounting) tookMs.push(Date.now() - Date.parse(data.tripUpdates.at));
        },
        error: (error) => console.error(error),
        complete: () => {},
      },
    );
  }
  for (let waited = 0; ready < TRIPS && waited < 600; waited += 1) await sleep(100);
  if (ready < TRIPS) throw new Error(`only ${ready} of ${TRIPS} trips are watched`);
  const numbers = Array.from({ length: TRIPS }, (_, n) => first + n);
  // Small batches, spread over the three seconds as the points of 1,000 drivers are.
  await ingest(ask, numbers, EVERY_MS / 1000, TRIP_BATCH);
  isCounting = true;
  const { points, errors } = await ingest(ask, numbers, SECONDS / 2, TRIP_BATCH);
  await sleep(500);
  report(`driver's point to socket, ${TRIPS} live trips and riders`, tookMs, SECONDS / 2, 'p99 < 250', errors);
  console.log(`${points} points sent, ${tookMs.length} seen`);
  await Promise.all(clients.map((client) => client.dispose()));
}

/** Searches by Redis's own clock: what it takes for one, without the way there and the machine's other work. An old Redis, or ours in memory, does not say. */
async function reportSearches(redis: Redis, seconds: number): Promise<void> {
  const read = (text: string, pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const n = read(await redis.info('commandstats'), /^cmdstat_geosearch:calls=(\d+)/m);
  const latencies = await redis.info('latencystats');
  const inMs = (quantile: string) => Math.round(read(latencies, new RegExp(`^latency_percentiles_usec_geosearch:.*p${quantile}=([\\d.]+)`, 'm')) / 10) / 100;
  const row = { what: `search among ${CROWD} in Redis, by its own clock`, n, 'per second': Math.round(n / seconds) };
  rows.push({ ...row, 'p50 ms': inMs('50'), 'p99 ms': inMs('99'), target: 'p99 < 5', errors: 0 });
}

async function nearby(ask: Ask, world: World): Promise<void> {
  const first = 2_000_000;
  await world.drivers(first, CROWD);
  for (let from = 0; from < CROWD; from += 10_000) {
    await world.positions(Array.from({ length: Math.min(10_000, CROWD - from) }, (_, i) => ({ n: first + from + i, ...placeOf(first + from + i, 0) })));
  }
  const redis = new Redis(servers.redisUrl);
  // Redis forgets everything, and is built again from Postgres: that is how the crowd gets into it.
  await redis.flushall();
  const token = await signIn(ask, 'customer');
  const headers = { authorization: `Bearer ${token}` };
  const query =
    'query($near: PointInput!, $radiusKm: Float) { nearbyDrivers(near: $near, radiusKm: $radiusKm) { position { lat lng } heading distanceM vehicleType lastSeenAt } }';
  const place = () => ({ lat: CENTRE.lat + (Math.random() - 0.5) * 0.4, lng: CENTRE.lng + (Math.random() - 0.5) * 0.4 });
  const began = performance.now();
  for (;;) {
    const { data } = await ask<{ nearbyDrivers: unknown[] }>(query, { near: CENTRE }, headers);
    if (data && data.nearbyDrivers.length === 20) break;
    await sleep(100);
  }
  console.log(`Redis was built again with ${CROWD} drivers in ${Math.round((performance.now() - began) / 100) / 10} s`);
  const positions = openPositions({
    redis,
    clock: () => new Date(),
    readStandings: async () => [],
    readPlaces: async () => [],
    readKnown: async () => [],
    onError: (error) => console.error(error),
  });
  await redis.config('RESETSTAT');
  const inRedis: number[] = [];
  for (let n = 0; n < 2_000; n += 1) {
    const at = performance.now();
    const found = await positions.nearby(place(), 5, VEHICLE_TYPES, 20);
    inRedis.push(performance.now() - at);
    if (found.length !== 20) throw new Error(`${found.length} drivers found`);
  }
  const searchedS = inRedis.reduce((a, b) => a + b, 0) / 1000;
  await reportSearches(redis, searchedS);
  report(`nearby among ${CROWD}, of four classes, asked of Redis one after the other`, inRedis, searchedS, 'reported');
  const through: number[] = [];
  let errors = 0;
  const startedAt = performance.now();
  const loop = async () => {
    while (performance.now() - startedAt < (SECONDS * 1000) / 4) {
      const at = performance.now();
      const { data } = await ask<{ nearbyDrivers: unknown[] }>(query, { near: place(), radiusKm: 5 }, headers);
      through.push(performance.now() - at);
      if (data?.nearbyDrivers.length !== 20) errors += 1;
    }
  };
  await Promise.all(Array.from({ length: 4 }, loop));
  report(`nearby among ${CROWD}, through the gateway, 4 connections`, through, SECONDS / 4, 'p99 < 30', errors);
  redis.disconnect();
}

try {
  const env = {
    PATH: process.env.PATH,
    LOG_LEVEL: 'error',
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: servers.redisUrl,
    INTERNAL_SECRET: SECRET,
    // A driver who has brought somebody home is soon asked again: few drivers make many rides.
    DISPATCH_COOLDOWN_S: '1',
    DATA_DIR: dir,
    SEED_DEMO: '1',
    RATE_LIMITS: 'off',
    SERVICE_KEYS: `telematics:${createHash('sha256').update(SERVICE_KEY).digest('hex')}:locations:write`,
    ...(process.env.BENCH_NODE_OPTIONS && { NODE_OPTIONS: process.env.BENCH_NODE_OPTIONS }),
  };
  const processes = await startProcesses('one', env, { output: 'collect' });
  const world = await openWorld(servers.databaseUrl);
  const { ask, close } = askOf(processes.url);
  try {
    await world.drivers(0, DRIVERS);
    const parts: Record<string, () => Promise<void>> = {
      telematics: () => telematics(ask, processes.url, world),
      single: () => singleUpdates(ask),
      socket: () => pointToSocket(ask, processes.url, world),
      nearby: () => nearby(ask, world),
    };
    for (const part of PARTS) await parts[part]?.();
  } finally {
    await close();
    await world.close();
    await processes.stop();
  }
} finally {
  await servers.stop();
  await rm(dir, { recursive: true, force: true });
}
console.log(`${servers.description}, Node ${process.versions.node}`);
console.table(rows);
