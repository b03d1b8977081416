import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { openServers } from '../gateway/servers.js';
import { createLog } from '../platform/log.js';
import { databaseUrl, migrateSubgraph } from '../platform/migrate.js';
import { startProcesses } from '../scripts/processes.js';
import { temporaryDirectory } from '../scripts/temporaryDirectory.js';
import { createWaygraphClient } from '../sdk/client.js';
import { readDispatchConfig } from '../subgraphs/dispatch/config.js';
import { startDispatch } from '../subgraphs/dispatch/main.js';
import { DEFAULT_WEIGHTS, decideTick, MAX_PICKUP_S, type TickInputs } from '../subgraphs/dispatch/tick.js';
import { cellsAround } from '../subgraphs/dispatch/surge.js';
import { driverId, openWorld } from './ride/world.js';
import { type Random, seeded } from './simulator/random.js';
import { planRequests } from './simulator/requests.js';
import { anyCorner, type Spot, streetM, toPoint } from './simulator/streets.js';

// The numbers of the priced city: how long a tick of batched matching takes, how much pickup time it saves against arrival order when the wait for the
// batch is counted, the real tick beside the pure one, quotes for four classes and the surge map through the gateway. `npm run bench city`. BENCH_SECONDS makes it shorter or longer,
// BENCH_PARTS (tick,pickup,realTick,graph) names what is run.

const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const PARTS = (process.env.BENCH_PARTS ?? 'tick,pickup,realTick,graph').split(',');
const TICKS = Math.max(50, SECONDS * 50);
const REAL_TICKS = Math.max(10, SECONDS * 2);
const DRIVERS = 1_000;
const BATCH_S = 3;
const SPEED_KMH = 24;
const M_PER_S = SPEED_KMH / 3.6;

const rows: Record<string, string | number>[] = [];
const round = (value: number) => Math.round(value * 10) / 10;
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

interface Waiting {
  pickup: Spot;
  sinceS: number;
}

/** What both strategies know of a way; they are judged by the streets. */
const straightM = (a: Spot, b: Spot) => Math.hypot(a.x - b.x, a.y - b.y);

/** What a search sees in production: the nearest 60 within a radius that grows with its ticks. */
const CANDIDATES = 60;
const radiusM = (ticks: number) => (ticks <= 8 ? 5_000 : ticks <= 20 ? 8_000 : 12_000);

/** A tick as the city would have it: everybody's distance to everybody, or as far as production looks. */
function inputsOf(riders: readonly Waiting[], cars: readonly Spot[], nowS: number, limited = false): TickInputs {
  return {
    riders: riders.map(({ pickup, sinceS }) => {
      const all = cars.map((car, number) => [number, Math.round(straightM(car, pickup))] as const);
      const reach = radiusM(Math.ceil((nowS - sinceS) / BATCH_S));
      const seen = limited
        ? all
            .filter(([, metres]) => metres <= reach)
            .sort((a, b) => a[1] - b[1])
            .slice(0, CANDIDATES)
        : all;
      return { vehicleType: 'ECONOMY', waitedS: Math.round(nowS - sinceS), options: seen.flat() };
    }),
    drivers: cars.map(() => 'ECONOMY'),
    speedKmh: SPEED_KMH,
    maxPickupS: MAX_PICKUP_S,
    weights: DEFAULT_WEIGHTS,
  };
}

function tickTimes(): void {
  const random = seeded(1);
  const tookMs: number[] = [];
  for (let tick = -20; tick < TICKS; tick += 1) {
    const riders = planRequests({ seed: tick + 100, ridersPerMinute: 400, minutes: 1 }).slice(0, 200);
    const waiting = riders.map(({ pickup, atMs }) => ({ pickup, sinceS: atMs / 1000 }));
    const inputs = inputsOf(
      waiting,
      Array.from({ length: 240 }, () => anyCorner(random)),
      60,
    );
    const began = performance.now();
    decideTick(inputs);
    if (tick >= 0) tookMs.push(performance.now() - began);
  }
  rows.push({
    what: 'tick of 200 riders × 240 drivers, costs and assignment',
    n: tookMs.length,
    'p50 ms': quantile(tookMs, 0.5),
    'p99 ms': quantile(tookMs, 0.99),
    goal: '≤ 15',
    missed: quantile(tookMs, 0.99) > 15 ? 'missed' : '',
  });
}

/**
 * Pickup time when `riders` ask within some seconds and there are so many cars per rider: each at once gets the nearest free car, in the order of arrival;
 * or all that came within an interval are matched together, and what each waited for the tick is added. Both know the same riders, cars and straight-line
 * distances, and both are judged by the streets. When 200 riders come within an interval there are as many drivers per open request as is said; when they
 * come more slowly there are many more at each moment, and there is less to win.
 */
function oneRush(random: Random, seed: number, carsPerRider: number, rushS: number, limited: boolean): { arrivalS: number; batchedS: number; served: number } {
  const riders = planRequests({ seed, ridersPerMinute: (60 / rushS) * 200, minutes: rushS / 60 }).map(({ pickup, atMs }) => ({ pickup, sinceS: atMs / 1000 }));
  const cars = Array.from({ length: Math.round(riders.length * carsPerRider) }, () => anyCorner(random));
  const free = [...cars];
  let arrivalS = 0;
  for (const { pickup } of riders) {
    const nearest = free.reduce((best, car, i) => (straightM(car, pickup) < straightM(free[best] as Spot, pickup) ? i : best), 0);
    const [car] = free.splice(nearest, 1);
    if (car) arrivalS += streetM(car, pickup) / M_PER_S;
  }
  let batchedS = 0;
  let count = 0;
  let left = [...cars];
  let waiting: Waiting[] = [];
  const queue = [...riders];
  for (let nowS = BATCH_S; queue.length > 0 || waiting.length > 0; nowS += BATCH_S) {
    while (queue[0] && queue[0].sinceS <= nowS) waiting.push(queue.shift() as Waiting);
    const inputs = inputsOf(waiting, left, nowS, limited);
    if (!limited) inputs.maxPickupS = 24 * 3_600;
    const { pairs } = decideTick(inputs);
    for (const { rider, driver } of pairs) {
      const { pickup, sinceS } = waiting[rider] as Waiting;
      count += 1;
      batchedS += streetM(left[driver] as Spot, pickup) / M_PER_S + (nowS - sinceS);
    }
    const [served, used] = [new Set(pairs.map((pair) => pair.rider)), new Set(pairs.map((pair) => pair.driver))];
    waiting = waiting.filter((_, i) => !served.has(i));
    left = left.filter((_, i) => !used.has(i));
    // With limits some are never reached: production gives up after three minutes too.
    if (left.length === 0 || nowS > rushS + 60 * BATCH_S) break;
  }
  return { arrivalS: arrivalS / riders.length, batchedS: batchedS / count, served: count / riders.length };
}

function pickupTimes(): void {
  for (const [rushS, limited] of [
    [3, false],
    [15, false],
    [60, false],
    [3, true],
    [15, true],
    [60, true],
  ] as const) {
    for (const carsPerRider of [1, 1.1, 1.2, 2]) {
      const random = seeded(99);
      const rushes = Array.from({ length: Math.max(5, SECONDS * 2) }, (_, i) => oneRush(random, 1_000 + i, carsPerRider, rushS, limited));
      const mean = (of: (rush: (typeof rushes)[number]) => number) => rushes.reduce((sum, rush) => sum + of(rush), 0) / rushes.length;
      const [arrivalS, batchedS] = [mean((rush) => rush.arrivalS), mean((rush) => rush.batchedS)];
      rows.push({
        what: `pickup: 200 riders in ${rushS} s, ${carsPerRider} drivers each, net of the wait${limited ? ', 60 candidates within 5, 8, 12 km' : ''}`,
        n: rushes.length,
        'arrival order s': round(arrivalS),
        'batched s': round(batchedS),
        'better %': round((1 - batchedS / arrivalS) * 100),
        'served %': round(mean((rush) => rush.served) * 100),
        ...(carsPerRider <= 1.2 && { goal: '≥ 15 %', missed: batchedS > arrivalS * 0.85 ? 'missed' : '' }),
      });
    }
  }
}

/** Through the gateway, as an app asks: a number of riders at once, each one question after the other. */
async function overTheGraph(): Promise<void> {
  const dir = await temporaryDirectory('waygraph-bench-');
  const servers = await openServers({ dataDir: dir, databaseUrl: undefined, redisUrl: undefined });
  const serviceKey = randomBytes(24).toString('hex');
  const env = {
    PATH: process.env.PATH,
    LOG_LEVEL: 'error',
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: servers.redisUrl,
    INTERNAL_SECRET: 'only for this benchmark, and gone after it',
    DATA_DIR: dir,
    SEED_DEMO: '1',
    RATE_LIMITS: 'off',
    SERVICE_KEYS: `bench:${createHash('sha256').update(serviceKey).digest('hex')}:locations:write`,
  };
  const processes = await startProcesses('one', env, { output: 'collect' });
  try {
    const rider = createWaygraphClient({ url: `${processes.url}/graphql` });
    rider.use((await rider.SignIn({ input: { email: 'customer@demo.test', password: 'Waygraph1' } })).signIn);
    const middle = { lat: 30.0444, lng: 31.2357 };
    await raiseSurge(databaseUrl('dispatch', servers.databaseUrl, undefined), middle);
    const destination = { lat: 30.0626, lng: 31.2497 };
    await putOnTheMap(servers.databaseUrl, `${processes.url}/graphql`, serviceKey);
    for (const atOnce of [1, 10, 20]) {
      const what = `quotes for four classes, ${DRIVERS} drivers on the map, ${atOnce} at once`;
      await measure(what, atOnce, 100, () => rider.QuoteBreakdown({ input: { pickup: middle, destination } }));
    }
    await measure('surge map, 10 km around (about 430 cells)', 1, 50, () => rider.SurgeMap({ near: middle, radiusKm: 10 }));
    await measure('surge map of the city, raised cells only', 1, 50, () => rider.SurgeMap({ near: middle, onlyRaised: true }));
    await rider.close();
  } finally {
    await processes.stop();
    await servers.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Free drivers all over the middle of the city, as a telematics service reports them. */
async function putOnTheMap(serverUrl: string, url: string, serviceKey: string): Promise<void> {
  const world = await openWorld(serverUrl);
  await world.drivers(1, DRIVERS);
  await world.close();
  const service = createWaygraphClient({ url, apiKey: serviceKey });
  const random = seeded(5);
  const recordedAt = new Date().toISOString();
  const points = Array.from({ length: DRIVERS }, (_, i) => ({ driverId: driverId(i + 1), point: toPoint(anyCorner(random)), recordedAt }));
  for (let from = 0; from < points.length; from += 500) await service.SendPositions({ input: points.slice(from, from + 500) });
  await service.close();
}

/**
 * A tick as it runs: 200 searches and 240 drivers, found in Redis, their facts read, decided, offers written and committed; from the beginning of its
 * transaction until the offers can be seen. Beside it, of the same ticks, the decision alone.
 */
async function realTicks(): Promise<void> {
  const dir = await temporaryDirectory('waygraph-bench-');
  const servers = await openServers({ dataDir: dir, databaseUrl: undefined, redisUrl: undefined });
  const internalSecret = randomBytes(24).toString('hex');
  const ownerUrl = databaseUrl('dispatch', servers.databaseUrl, undefined);
  const tookMs: number[] = [];
  const solvedMs: number[] = [];
  const offered: number[] = [];
  try {
    await migrateSubgraph({ subgraph: 'dispatch', ownerUrl, internalSecret });
    const world = await openWorld(servers.databaseUrl);
    const { sql } = world;
    await world.drivers(1, 240);
    await sql`update drivers set vehicle_type = 'ECONOMY'`;
    const log = createLog({ service: 'bench', level: 'fatal' });
    for (let round = 0; round < REAL_TICKS; round += 1) {
      const random = seeded(round + 1);
      await sql`truncate offers, trip_reasons, matching_ticks`;
      await sql`update drivers set state = 'AVAILABLE', version = version + 1`;
      await world.positions(Array.from({ length: 240 }, (_, i) => ({ n: i + 1, ...toPoint(anyCorner(random)) })));
      await sql`update driver_positions set recorded_at = now()`;
      const redis = new Redis(servers.redisUrl);
      await redis.flushall();
      redis.disconnect();
      const pickups = planRequests({ seed: round + 100, ridersPerMinute: 400, minutes: 1 })
        .slice(0, 200)
        .map(({ pickup }) => toPoint(pickup));
      await searching(sql, pickups);
      // Starting reads all drivers back from Postgres; the tick comes when that is done.
      const dispatch = await startDispatch(
        {
          databaseUrl: ownerUrl,
          redisUrl: servers.redisUrl,
          internalSecret,
          redeliverAfterMs: 60_000,
          log,
          clock: () => new Date(),
          graphUrl: () => 'http://127.0.0.1:1/graphql',
        },
        readDispatchConfig({ DISPATCH_OVERLOAD_SEARCHES: '10000' }),
      );
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await sql`insert into timers (id, kind, key, payload, due_at, metadata) values (gen_random_uuid(), 'matching.tick', 'BATCHED', '{}', now(), ${sql.json({ traceId: '0'.repeat(32), causationId: 'bench' })})`;
      for (const until = Date.now() + 15_000; Date.now() < until; ) {
        const [tick] = await sql`select at, solve_micros, jsonb_array_length(outcome->'pairs') as offers from matching_ticks limit 1`;
        if (!tick) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          continue;
        }
        tookMs.push(Date.now() - (tick.at as Date).getTime());
        solvedMs.push(Number(tick.solve_micros) / 1000);
        offered.push(tick.offers as number);
        break;
      }
      await dispatch.stop();
      await sql`delete from timers where kind like 'matching.%'`;
      await sql`truncate trips, trip_quotes, trip_states cascade`;
    }
    await world.close();
  } finally {
    await servers.stop();
    await rm(dir, { recursive: true, force: true });
  }
  const meanOffers = round(offered.reduce((sum, count) => sum + count, 0) / Math.max(1, offered.length));
  const what = `the real tick, 200 searches and 240 drivers, ${meanOffers} offers on average`;
  rows.push({ what: `${what}: until its offers can be seen`, n: tookMs.length, 'p50 ms': quantile(tookMs, 0.5), 'p99 ms': quantile(tookMs, 0.99) });
  rows.push({
    what: `${what}: its decision`,
    n: solvedMs.length,
    'p50 ms': quantile(solvedMs, 0.5),
    'p99 ms': quantile(solvedMs, 0.99),
    goal: '≤ 15',
    missed: quantile(solvedMs, 0.99) > 15 ? 'missed' : '',
  });
}

/** Trips that wait for a tick, as `requestTrip` and their first turn would have left them. */
async function searching(sql: postgres.Sql, pickups: readonly { lat: number; lng: number }[]): Promise<void> {
  const places = JSON.stringify(pickups.map((place, n) => ({ n, ...place })));
  await sql`create temporary table if not exists wanted (n int, lat float8, lng float8, trip uuid, quote uuid, rider uuid)`;
  await sql`truncate wanted`;
  await sql`insert into wanted select n, lat, lng, gen_random_uuid(), gen_random_uuid(), gen_random_uuid() from json_to_recordset(${places}::text::json) as p(n int, lat float8, lng float8)`;
  await sql`insert into trip_quotes (id, owner_id, vehicle_type, pickup_lat, pickup_lng, destination_lat, destination_lng, distance_m, duration_s, fare_minor,
      currency, items, surge_permille, expires_at, created_at)
    select quote, rider, 'ECONOMY', lat, lng, 30.06, 31.25, 4000, 600, 4000, 'EGP', '[]', 1000, now() + interval '1 hour', now() from wanted`;
  await sql`insert into trips (id, quote_id, status, sequence, rider_id, vehicle_type, pickup_lat, pickup_lng, pickup_cell, destination_lat, destination_lng,
      quoted_fare_minor, currency, payment_method, strategy, requested_at)
    select trip, quote, 'REQUESTED', 1, rider, 'ECONOMY', lat, lng, 'bench', 30.06, 31.25, 4000, 'EGP', 'CASH', 'BATCHED', now() from wanted`;
  await sql`update trips set status = 'SEARCHING', sequence = 2`;
}

/** A busy evening: surge in every cell within 6 km, as the job would have left it. */
async function raiseSurge(url: string, middle: { lat: number; lng: number }): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const cells = cellsAround(middle, 6);
  for (const cell of cells) {
    await sql`insert into surge_cells (cell, surge_permille, target_permille, requests, available, recent, updated_at)
      values (${cell}, 1300, 1500, 6, 3, '{1300}', now()) on conflict do nothing`;
  }
  await sql`update timers set due_at = now() + interval '1 hour' where kind = 'city.surge'`;
  await sql.end();
}

async function measure(what: string, atOnce: number, goalMs: number, ask: () => Promise<unknown>): Promise<void> {
  const tookMs: number[] = [];
  const until = performance.now() + SECONDS * 1000;
  for (let i = 0; i < 20; i += 1) await ask();
  const worker = async () => {
    while (performance.now() < until) {
      const began = performance.now();
      await ask();
      tookMs.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  rows.push({
    what,
    n: tookMs.length,
    'per second': Math.round(tookMs.length / SECONDS),
    'p50 ms': quantile(tookMs, 0.5),
    'p99 ms': quantile(tookMs, 0.99),
    goal: `< ${goalMs}`,
    missed: quantile(tookMs, 0.99) >= goalMs ? 'missed' : '',
  });
}

console.log(`Node ${process.versions.node}; the load shares the machine with what it measures`);
for (const part of PARTS) {
  if (part === 'tick') tickTimes();
  else if (part === 'pickup') pickupTimes();
  else if (part === 'realTick') await realTicks();
  else if (part === 'graph') await overTheGraph();
  else throw new Error(`BENCH_PARTS: there is no part ${part}.`);
}
console.table(rows);
