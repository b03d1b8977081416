import { randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { openServers } from '../gateway/servers.js';
import { type Actor, ANONYMOUS } from '../platform/actor.js';
import { publicId } from '../platform/ids.js';
import { createLog } from '../platform/log.js';
import { appUrl, databaseUrl, migrateSubgraph } from '../platform/migrate.js';
import { connectDatabase, inTransaction } from '../platform/postgres.js';
import type { SubgraphEnvironment } from '../platform/startSubgraph.js';
import type { Subgraph } from '../platform/subgraph.js';
import { temporaryDirectory } from '../scripts/temporaryDirectory.js';
import { throughTheGraph } from './rental/graph.js';
import { startBooking } from '../subgraphs/booking/main.js';
import { generateFleet } from '../subgraphs/fleet/generator.js';
import { findVehicles, type VehicleOrder, type VehicleSearch } from '../subgraphs/fleet/searchQueries.js';

// Search at 100,000 cars and 1,000,000 bookings; contested bookings, as the claim alone in SQL and as the whole command through the subgraph; availability of
// 100 cars for 90 days. On servers of its own, with fsync on. `npm run bench rental`.
// BENCH_CARS and BENCH_RIVALS make the contest smaller. The load generator shares the machine with what it measures.

const VEHICLES = Number(process.env.BENCH_VEHICLES ?? 100_000);
const BOOKINGS = Number(process.env.BENCH_BOOKINGS ?? 1_000_000);
const CARS = Number(process.env.BENCH_CARS ?? 1_000);
const RIVALS = Number(process.env.BENCH_RIVALS ?? 32);
const COLD_ROUNDS = Number(process.env.BENCH_COLD_ROUNDS ?? 50);
const SECRET = 'only for this benchmark, and gone after it';
const CAUSE = { traceId: '0'.repeat(32), causationId: 'bench' };

const rows: Record<string, string | number>[] = [];
const inMs = (value: number) => Math.round(value * 10) / 10;
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return inMs(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

const dir = await temporaryDirectory('waygraph-bench-');
const servers = await openServers({ dataDir: dir, databaseUrl: undefined, redisUrl: undefined });
const log = createLog({ service: 'bench', level: 'error' });
const environmentOf = (subgraph: string): SubgraphEnvironment => ({
  databaseUrl: databaseUrl(subgraph, servers.databaseUrl, undefined),
  redisUrl: servers.redisUrl,
  internalSecret: SECRET,
  redeliverAfterMs: 30_000,
  log,
  clock: () => new Date(),
  graphUrl: () => 'http://127.0.0.1:1/graphql',
});

/** Text, geo, price and window together, in all orders, one after the other: the time of the statements that a page takes. */
async function search(): Promise<void> {
  const environment = environmentOf('fleet');
  await migrateSubgraph({ subgraph: 'fleet', ownerUrl: environment.databaseUrl, internalSecret: SECRET });
  const owner = postgres(environment.databaseUrl, { max: 1, onnotice: () => {} });
  const startedAt = performance.now();
  await generateFleet(owner, { vehicles: VEHICLES, bookings: BOOKINGS });
  console.log(`${VEHICLES} vehicles and ${BOOKINGS} bookings generated in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  await owner.end();
  const url = appUrl(environment.databaseUrl, 'fleet', SECRET);
  const db = connectDatabase({ url, log, clock: environment.clock, applicationName: 'bench' });
  const texts = ['toyta corola', 'kia', 'hyundia tucson', 'bluetooth', 'bmw luxury', 'mercedes'];
  const places = [
    [30.0444, 31.2357, 15],
    [30.1, 31.3, 5],
    [31.2001, 29.9187, 25],
    [29.987, 31.2118, 50],
  ] as const;
  for (const order of ['RELEVANCE', 'DISTANCE', 'PRICE_ASC', 'NEWEST'] satisfies VehicleOrder[]) {
    const tookMs: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      for (const text of texts) {
        for (const [lat, lng, radiusKm] of places) {
          const from = new Date(Date.UTC(2030, round, 2 + round, 10));
          const wish: VehicleSearch = {
            ...{ text, near: { lat: lat + round / 200, lng, radiusKm }, minRateMinor: 60_000n, maxRateMinor: 700_000n },
            available: { from, to: new Date(from.getTime() + 3 * 86_400_000) },
          };
          const began = performance.now();
          await inTransaction(ANONYMOUS, db, CAUSE, (tx) => findVehicles(tx.orm, wish, order, { first: 20, after: null }));
          tookMs.push(performance.now() - began);
        }
      }
    }
    rows.push({ what: `search text+geo+price+window by ${order}`, n: tookMs.length, 'p50 ms': quantile(tookMs, 0.5), 'p95 ms': quantile(tookMs, 0.95) });
  }
  await db.close();
}

/** The claim alone: many connections want the same few ranges of the same cars at once. */
async function claims(ownerUrl: string): Promise<void> {
  const sql = postgres(ownerUrl, { max: 16, onnotice: () => {} });
  const cars = Array.from({ length: CARS }, () => randomUUID());
  const attempts = cars.flatMap((car) => Array.from({ length: RIVALS }, () => car));
  let won = 0;
  const startedAt = performance.now();
  await inParallel(attempts, 64, async (car) => {
    const made = await sql`insert into vehicle_claims (id, holder_id, kind, vehicle_id, during)
      values (${randomUUID()}, ${randomUUID()}, 'BLOCK', ${car}, '[2035-01-01, 2035-01-03)') on conflict do nothing returning 1`;
    won += made.length;
  });
  const seconds = (performance.now() - startedAt) / 1000;
  rows.push({ what: `claim statement, ${CARS} × ${RIVALS}, 16 connections`, n: attempts.length, 'per second': Math.round(attempts.length / seconds), won });
  // The same from inside the server, without the driver: what the constraint itself can take, on one core.
  const began = performance.now();
  await sql.unsafe(`do $$ declare car uuid; begin
    for n in 1..${CARS} loop car := gen_random_uuid();
      for rival in 1..${RIVALS} loop
        insert into vehicle_claims (id, holder_id, kind, vehicle_id, during)
          values (gen_random_uuid(), gen_random_uuid(), 'BLOCK', car, '[2036-01-01, 2036-01-03)') on conflict do nothing;
      end loop;
    end loop; end $$`);
  rows.push({
    what: 'claim statement, in the server, one connection',
    n: attempts.length,
    'per second': Math.round((attempts.length / (performance.now() - began)) * 1000),
  });
  await claimsByPgbench(ownerUrl);
  await sql`delete from vehicle_claims where kind = 'BLOCK'`;
  await sql.end();
}

/** The same by pgbench, which costs less than a driver in JavaScript: what sixteen clients get out of the server. Left out on a machine without it. */
async function claimsByPgbench(ownerUrl: string): Promise<void> {
  const script = path.join(dir, 'claim.sql');
  const claim = `insert into vehicle_claims (id, holder_id, kind, vehicle_id, during) values (gen_random_uuid(), gen_random_uuid(), 'BLOCK',
    md5('pgbench ' || :car)::uuid, '[2037-01-01, 2037-01-03)') on conflict do nothing;`;
  await writeFile(script, `\\set car random(1, ${CARS})\n${claim.replace(/\s+/g, ' ')}\n`);
  const [clients, total] = [16, CARS * RIVALS];
  const options = ['-n', '-M', 'prepared', '-c', String(clients), '-j', '2', '-t', String(Math.ceil(total / clients)), '-f', script, ownerUrl];
  const said = await promisify(execFile)('pgbench', options).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  const perSecond = said && /tps = ([\d.]+)/.exec(said.stdout)?.[1];
  rows.push({
    what: `claim statement by pgbench, ${CARS} × ${RIVALS}, ${clients} clients`,
    n: total,
    'per second': perSecond ? Math.round(Number(perSecond)) : 'no pgbench',
  });
}

const caller = (actor: Actor) => ({ actor, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null });
const customer = (): Actor => ({ kind: 'USER', id: randomUUID(), roles: ['CUSTOMER'], sessionId: null });

async function ask<T>(subgraph: Subgraph, actor: Actor, query: string, variables: Record<string, unknown>): Promise<{ data: T; code: string | undefined }> {
  const { data, errors } = await subgraph.execute({ query, variables }, caller(actor));
  return { data: data as T, code: errors?.[0] && String(errors[0].extensions.code) };
}

/** The whole command, as the gateway calls it: every rival has a quote, and all of them book. */
async function contest(booking: Subgraph, sql: postgres.Sql, cars: readonly string[]): Promise<void> {
  const quoteOf = 'mutation($input: QuoteRentalInput!) { quoteRental(input: $input) { id } }';
  const book = 'mutation($input: CreateBookingInput!) { createBooking(input: $input) { id status } }';
  const times = { pickupAt: '2035-06-01T10:00:00Z', returnAt: '2035-06-03T10:00:00Z' };
  const rivals = cars.flatMap((car) => Array.from({ length: RIVALS }, () => ({ car, actor: customer(), quoteId: '' })));
  const quotesBegan = performance.now();
  await inParallel(rivals, 40, async (rival) => {
    const { data } = await ask<{ quoteRental: { id: string } }>(booking, rival.actor, quoteOf, { input: { vehicleId: publicId('veh', rival.car), ...times } });
    rival.quoteId = data.quoteRental.id;
  });
  rows.push({ what: 'quoteRental', n: rivals.length, 'per second': Math.round((rivals.length / (performance.now() - quotesBegan)) * 1000) });
  const outcomes: Record<string, number> = {};
  const tookMs: number[] = [];
  const startedAt = performance.now();
  await inParallel(rivals, 64, async ({ actor, quoteId }) => {
    const began = performance.now();
    const { code } = await ask(booking, actor, book, { input: { quoteId, paymentMethod: 'WALLET', idempotencyKey: randomUUID() } });
    tookMs.push(performance.now() - began);
    outcomes[code ?? 'HELD'] = (outcomes[code ?? 'HELD'] ?? 0) + 1;
  });
  const perSecond = Math.round((rivals.length / (performance.now() - startedAt)) * 1000);
  const overlapping = await sql`select 1 from vehicle_claims a join vehicle_claims b on a.vehicle_id = b.vehicle_id and a.id < b.id
    where lower(a.during) < upper(b.during) and lower(b.during) < upper(a.during)`;
  const won = `${outcomes.HELD} held, ${outcomes.VEHICLE_UNAVAILABLE} refused, ${overlapping.length} overlapping`;
  rows.push({
    what: `createBooking, ${cars.length} × ${RIVALS}, 64 at once`,
    n: rivals.length,
    'per second': perSecond,
    'p95 ms': quantile(tookMs, 0.95),
    won,
  });
  if (outcomes.HELD !== cars.length || overlapping.length > 0 || Object.keys(outcomes).length > 2) throw new Error(JSON.stringify(outcomes));
}

/** Of the same cars again and again, which the cache knows after the first time; and of other cars each time, which it never does (BK-08: under 100 ms). */
async function availability(booking: Subgraph, sql: postgres.Sql): Promise<void> {
  const rounds = 50;
  const cars = await carsThatAreOut(sql, 100);
  const warm = await timesOf(rounds, () => availabilityOf(booking, cars));
  rows.push({ what: 'availability of 100 cars for 90 days', n: rounds, 'p50 ms': quantile(warm, 0.5), 'p95 ms': quantile(warm, 0.95) });
  const unknown = await carsThatAreOut(sql, 100 * COLD_ROUNDS);
  const cold = await timesOf(COLD_ROUNDS, (round) => availabilityOf(booking, unknown.slice(round * 100, round * 100 + 100)));
  rows.push({ what: 'the same, of cars that no cache knows', n: COLD_ROUNDS, 'p50 ms': quantile(cold, 0.5), 'p95 ms': quantile(cold, 0.95) });
}

/** Cars that are out for two of any three days of a year. */
async function carsThatAreOut(sql: postgres.Sql, count: number): Promise<string[]> {
  const cars = Array.from({ length: count }, () => randomUUID());
  await sql`insert into vehicle_claims (id, holder_id, kind, vehicle_id, during)
    select gen_random_uuid(), gen_random_uuid(), 'BLOCK', v::uuid, tstzrange(at, at + interval '2 days')
    from unnest(${cars}::text[]) v, generate_series(timestamptz '2034-01-01', '2035-01-01', interval '3 days') at`;
  await sql`insert into vehicles (vehicle_id, use, status, category, daily_rate_minor, currency, station_id, time_zone, title)
    select v::uuid, 'RENTAL', 'ACTIVE', 'COMFORT', 140000, 'EGP', null, 'Africa/Cairo', 'Toyota Corolla 2024' from unnest(${cars}::text[]) v`;
  await sql`analyze vehicle_claims`;
  return cars;
}

async function availabilityOf(booking: Subgraph, cars: readonly string[]): Promise<void> {
  const query = `query($representations: [_Any!]!) { _entities(representations: $representations) { ... on Vehicle {
    availability(from: "2034-02-01T00:00:00Z", to: "2034-05-02T00:00:00Z") { free nextFreeFrom busy { from to } } } } }`;
  const representations = cars.map((car) => ({ __typename: 'Vehicle', id: publicId('veh', car) }));
  const { data } = await ask<{ _entities: ({ availability: { busy: unknown[] } | null } | null)[] }>(booking, ANONYMOUS, query, { representations });
  const busy = data._entities.map((car) => car?.availability?.busy.length ?? 0);
  if (busy.length !== cars.length || Math.min(...busy) < 25) throw new Error(`cars are busy ${busy.join(', ')} times; each should be at least 25 times`);
}

async function timesOf(rounds: number, work: (round: number) => Promise<void>): Promise<number[]> {
  const tookMs: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    await work(round);
    tookMs.push(performance.now() - began);
  }
  return tookMs;
}

async function rentals(): Promise<void> {
  const environment = environmentOf('booking');
  await migrateSubgraph({ subgraph: 'booking', ownerUrl: environment.databaseUrl, internalSecret: SECRET });
  await claims(environment.databaseUrl);
  const sql = postgres(environment.databaseUrl, { max: 1, onnotice: () => {} });
  const cars = Array.from({ length: CARS }, () => randomUUID());
  await sql`insert into vehicles (vehicle_id, use, status, category, daily_rate_minor, currency, station_id, time_zone, title)
    select v::uuid, 'RENTAL', 'ACTIVE', 'COMFORT', 140000, 'EGP', null, 'Africa/Cairo', 'Toyota Corolla 2024' from unnest(${cars}::text[]) v`;
  const booking = await startBooking(environment);
  try {
    // First: the contest leaves a thousand bookings behind, whose events and deadlines keep the process busy.
    await availability(booking, sql);
    await contest(booking, sql, cars);
  } finally {
    await booking.stop();
    await sql.end();
  }
}

try {
  await search();
  await rentals();
  await throughTheGraph({ dir, servers, secret: SECRET, rows, quantile, inParallel, vehicles: VEHICLES, cars: Math.min(CARS, 100), rivals: RIVALS });
} finally {
  // What has been measured before something failed is worth telling.
  console.log(`${servers.description}, Node ${process.versions.node}`);
  console.table(rows);
  await servers.stop();
  await rm(dir, { recursive: true, force: true });
}
