import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { Pool } from 'undici';
import { answerTotals } from '../../gateway/answerCache.js';
import type { Servers } from '../../gateway/servers.js';
import { startSystem } from '../../gateway/system.js';
import { cacheTotals } from '../../platform/entityCache.js';
import { publicId } from '../../platform/ids.js';
import { createLog } from '../../platform/log.js';
import { databaseUrl } from '../../platform/migrate.js';
import { startProcesses, SUBGRAPH_NAMES } from '../../scripts/processes.js';

interface Bench {
  dir: string;
  servers: Servers;
  secret: string;
  rows: Record<string, string | number>[];
  quantile(values: readonly number[], share: number): number;
  inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void>;
  /** Of the generated fleet. */
  vehicles: number;
  /** Of the contest. */
  cars: number;
  rivals: number;
}

interface Answer<T> {
  data: T;
  errors?: { extensions: { code: string } }[];
}
type Ask = <T>(query: string, variables?: Record<string, unknown>, token?: string) => Promise<Answer<T>>;

const READS = Number(process.env.BENCH_READS ?? 2_000);
/** One in so many of the mix is a booking. */
const BOOKING_EVERY = 100;
/** A customer may have this many live bookings. */
const PER_CUSTOMER = 10;

const PAGE = `query($id: ID) { vehicle(id: $id) { id make model year dailyRate { amount currency } station { name } images { url }
  availability(from: "2031-01-01T10:00:00Z", to: "2031-01-03T10:00:00Z") { free } } }`;
const LIST = 'query($filter: VehicleFilter) { vehicles(filter: $filter, first: 20) { nodes { id make model dailyRate { amount } } } }';
const SEARCH = `query($filter: VehicleFilter, $sort: VehicleSort) { vehicles(filter: $filter, sort: $sort, first: 20) {
  nodes { id make model dailyRate { amount currency } station { name } } pageInfo { hasNextPage endCursor } } }`;
const QUOTE = 'mutation($input: QuoteRentalInput!) { quoteRental(input: $input) { id } }';
const BOOK = 'mutation($input: CreateBookingInput!) { createBooking(input: $input) { id status } }';
const SIGN_UP = 'mutation($input: SignUpInput!) { signUp(input: $input) { accessToken } }';

const generated = (n: number) => publicId('veh', `01900000-0000-7000-9002-${String(n).padStart(12, '0')}`);

/** The whole way: a gateway and its subgraphs in a process of their own, over the generated fleet, asked over HTTP. */
export async function throughTheGraph(bench: Bench): Promise<void> {
  const { servers } = bench;
  const env = {
    ...{ PATH: process.env.PATH, LOG_LEVEL: 'error', DATABASE_URL: servers.databaseUrl, REDIS_URL: servers.redisUrl },
    ...{ INTERNAL_SECRET: bench.secret, DATA_DIR: bench.dir, SEED_DEMO: '0', RATE_LIMITS: 'off' },
  };
  const processes = await startProcesses('one', env, { output: 'collect' });
  const pool = new Pool(processes.url, { connections: 64 });
  const ask = askThrough(pool);
  try {
    await settled(bench);
    await searches(bench, ask);
    await pages(bench, ask);
    await contest(bench, ask);
  } finally {
    await pool.close();
    await processes.stop();
  }
  // Here in the same process, where its caches can be counted; nothing of it is timed.
  const system = await startSystem({ ...env, PORT: '0' }, { log: createLog({ service: 'bench', level: 'silent' }) });
  const near = new Pool(`http://127.0.0.1:${system.port}`, { connections: 8 });
  try {
    await readMix(bench, askThrough(near));
  } finally {
    await near.close();
    await system.stop();
  }
}

/**
 * Waits until what the contests before have told is known everywhere: booking ran alone in them, and a thousand bookings with their payments and mails are
 * otherwise caught up with while searches are measured.
 */
async function settled({ servers }: Bench): Promise<void> {
  const sqls = SUBGRAPH_NAMES.map((name) => postgres(databaseUrl(name, servers.databaseUrl, undefined), { max: 1, onnotice: () => {} }));
  try {
    for (let quiet = 0, looks = 0; quiet < 5; looks += 1) {
      if (looks > 400) throw new Error('The subgraphs have not caught up with each other within minutes.');
      const waiting = await Promise.all(sqls.map(async (sql) => Number((await sql`select count(*) as n from deliveries where acknowledged_at is null`)[0]?.n)));
      quiet = waiting.every((n) => n === 0) ? quiet + 1 : 0;
      await sleep(500);
    }
  } finally {
    for (const sql of sqls) await sql.end();
  }
}

const askThrough =
  (pool: Pool): Ask =>
  async <T>(query: string, variables: Record<string, unknown> = {}, token?: string) => {
    const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
    const { body } = await pool.request({ method: 'POST', path: '/graphql', headers, body: JSON.stringify({ query, variables }) });
    return (await body.json()) as Answer<T>;
  };

async function timed<T>(tookMs: number[], work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  tookMs.push(performance.now() - began);
  return result;
}

function noErrors<T>({ data, errors }: Answer<T>): T {
  if (errors?.length) throw new Error(JSON.stringify(errors));
  return data;
}

async function searches({ rows, quantile }: Bench, ask: Ask): Promise<void> {
  const tookMs: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    for (const sort of ['RELEVANCE', 'DISTANCE', 'PRICE_ASC', 'NEWEST']) {
      for (const text of ['toyta corola', 'kia', 'hyundia tucson', 'bluetooth', 'bmw luxury', 'mercedes']) {
        const from = new Date(Date.UTC(2030, round, 2 + round, 10));
        const filter = {
          text,
          near: { point: { lat: 30.0444 + round / 200, lng: 31.2357 }, radiusKm: 5 + round * 10 },
          dailyRate: { min: '600', max: '7000' },
          available: { from: from.toISOString(), to: new Date(from.getTime() + 3 * 86_400_000).toISOString() },
        };
        noErrors(await timed(tookMs, () => ask(SEARCH, { filter, sort })));
      }
    }
  }
  rows.push({ what: 'gateway: search text+geo+price+window', n: tookMs.length, 'p50 ms': quantile(tookMs, 0.5), 'p95 ms': quantile(tookMs, 0.95) });
}

async function pages({ rows, quantile, inParallel, vehicles }: Bench, ask: Ask): Promise<void> {
  const ids = Array.from({ length: Math.min(200, vehicles) }, (_, n) => generated(n + 1));
  for (const id of ids) noErrors(await ask(PAGE, { id }));
  const tookMs: number[] = [];
  await inParallel(
    Array.from({ length: READS }, (_, n) => n),
    4,
    async (n) => void noErrors(await timed(tookMs, () => ask(PAGE, { id: ids[n % ids.length] }))),
  );
  rows.push({ what: 'gateway: cached vehicle page, 4 at once', n: READS, 'p50 ms': quantile(tookMs, 0.5), 'p95 ms': quantile(tookMs, 0.95) });
}

const signedUp = async (ask: Ask): Promise<string> => {
  const input = { email: `${randomUUID()}@example.test`, password: 'correct horse 1', name: 'Bench', role: 'CUSTOMER' };
  return noErrors(await ask<{ signUp: { accessToken: string } }>(SIGN_UP, { input })).signUp.accessToken;
};

let taken = 0;
/** Cars of the generated fleet that nothing else here asks for, told to booking: they are rows without events. */
async function newCars({ servers, vehicles }: Bench, count: number): Promise<string[]> {
  const [fleet, booking] = ['fleet', 'booking'].map((name) => postgres(databaseUrl(name, servers.databaseUrl, undefined), { max: 1, onnotice: () => {} }));
  if (!fleet || !booking) throw new Error('no databases');
  taken += count;
  const cars = await fleet`select id, station_id from vehicles where "use" = 'RENTAL' order by id desc offset ${taken - count} limit ${count}`;
  if (cars.length < count) throw new Error(`${vehicles} vehicles are too few`);
  await booking`insert into vehicles (vehicle_id, use, status, category, daily_rate_minor, currency, station_id, time_zone, title)
    select v::uuid, 'RENTAL', 'ACTIVE', 'COMFORT', 140000, 'EGP', s::uuid, 'Africa/Cairo', 'Toyota Corolla 2024'
    from unnest(${cars.map(({ id }) => id as string)}::text[], ${cars.map((car) => car.station_id as string)}::text[]) as c(v, s)`;
  await Promise.all([fleet.end(), booking.end()]);
  return cars.map(({ id }) => id as string);
}

const bookingInput = (quoteId: string) => ({ input: { quoteId, paymentMethod: 'CARD', paymentToken: 'tok_ok', idempotencyKey: randomUUID() } });
const TIMES = { pickupAt: '2035-06-01T10:00:00Z', returnAt: '2035-06-03T10:00:00Z' };

/** Every car is wanted by so many at once. A customer wants ten cars, so that nobody meets the limit of bookings before the race. */
async function contest(bench: Bench, ask: Ask): Promise<void> {
  const { cars: count, rivals: perCar, rows, quantile, inParallel } = bench;
  const cars = await newCars(bench, count);
  const wishes = cars.flatMap((car) => Array.from({ length: perCar }, () => ({ car, token: '', quoteId: '' })));
  const customers = Math.ceil(wishes.length / PER_CUSTOMER);
  const tokens: string[] = [];
  await inParallel(
    Array.from({ length: customers }, (_, n) => n),
    8,
    async () => void tokens.push(await signedUp(ask)),
  );
  for (const [n, wish] of wishes.entries()) wish.token = tokens[n % customers] ?? '';
  await inParallel(wishes, 32, async (wish) => {
    const answer = await ask<{ quoteRental: { id: string } }>(QUOTE, { input: { vehicleId: publicId('veh', wish.car), ...TIMES } }, wish.token);
    wish.quoteId = noErrors(answer).quoteRental.id;
  });
  const outcomes: Record<string, number> = {};
  const tookMs: number[] = [];
  const startedAt = performance.now();
  await inParallel(wishes, 64, async ({ token, quoteId }) => {
    const { errors } = await timed(tookMs, () => ask(BOOK, bookingInput(quoteId), token));
    const outcome = errors?.[0]?.extensions.code ?? 'HELD';
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  });
  const perSecond = Math.round((wishes.length / (performance.now() - startedAt)) * 1000);
  const won = `${outcomes.HELD} held, ${outcomes.VEHICLE_UNAVAILABLE} refused`;
  rows.push({
    what: `gateway: createBooking, ${count} × ${perCar}, 64 at once`,
    n: wishes.length,
    'per second': perSecond,
    'p95 ms': quantile(tookMs, 0.95),
    won,
  });
  if (outcomes.HELD !== count || outcomes.VEHICLE_UNAVAILABLE !== wishes.length - count) throw new Error(JSON.stringify(outcomes));
}

/** Statements that read what is cached, in fleet's and booking's databases. */
async function statements(sqls: readonly postgres.Sql[]): Promise<number> {
  let calls = 0;
  for (const sql of sqls) {
    const [row] = await sql`select coalesce(sum(calls), 0)::int as calls from pg_stat_statements s join pg_database d on d.oid = s.dbid
      where d.datname = current_database() and query not like '%pg_stat_statements%'
        and (query like '%from "vehicles"%' or query like '%from "stations"%' or query like '%vehicle_busy_ranges(%')`;
    calls += row?.calls ?? 0;
  }
  return calls;
}

/** Pages of cars, most of them of few cars, lists, and now and then a booking; once with the cache and once with all values taken out of it before each read. */
async function readMix(bench: Bench, ask: Ask): Promise<void> {
  const { servers, rows, vehicles } = bench;
  const sqls = ['fleet', 'booking'].map((name) => postgres(databaseUrl(name, servers.databaseUrl, undefined), { max: 1, onnotice: () => {} }));
  for (const sql of sqls) await sql`create extension if not exists pg_stat_statements`;
  const redis = new Redis(servers.redisUrl);
  const filters = [undefined, { categories: ['SUV'] }, { text: 'toyota' }, { minSeats: 7 }, { fuelTypes: ['ELECTRIC'] }];
  const bookings = Math.ceil((READS * 2 + READS / 5) / BOOKING_EVERY);
  const cars = await newCars(bench, bookings);
  // Nobody may have more than ten.
  const tokens: string[] = [];
  for (let n = 0; n < bookings; n += 8) tokens.push(await signedUp(ask));
  const forget = async () => {
    const keys = [...(await redis.keys('{waygraph:*}:value:*')), ...(await redis.keys('{waygraph:*}:answer:*'))];
    if (keys.length > 0) await redis.del(...keys);
  };
  const run = async (reads: number, cached: boolean): Promise<number> => {
    let seed = 7;
    const random = () => {
      seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
      return seed / 2 ** 32;
    };
    const before = await statements(sqls);
    for (let n = 0; n < reads; n += 1) {
      if (!cached) await forget();
      if (n % BOOKING_EVERY === BOOKING_EVERY - 1) {
        const token = tokens[cars.length % tokens.length] ?? '';
        const vehicleId = publicId('veh', cars.pop() ?? '');
        const { quoteRental } = noErrors(await ask<{ quoteRental: { id: string } }>(QUOTE, { input: { vehicleId, ...TIMES } }, token));
        noErrors(await ask(BOOK, bookingInput(quoteRental.id), token));
      } else if (random() < 0.25) noErrors(await ask(LIST, { filter: filters[Math.floor(random() * filters.length)] }));
      else noErrors(await ask(PAGE, { id: generated(1 + Math.floor(random() ** 3 * Math.min(200, vehicles))) }));
    }
    return (await statements(sqls)) - before;
  };
  const few = READS / 5;
  const without = (await run(few, false)) / few;
  // A whole answer that is not there is looked for in its parts: those are what is there or not.
  const looks = () => ({ hits: cacheTotals().hits + answerTotals().hits, misses: cacheTotals().misses });
  const counted = looks();
  const reads = READS * 2;
  const withCache = (await run(reads, true)) / reads;
  const withCounts = { hits: looks().hits - counted.hits, misses: looks().misses - counted.misses };
  const fewer = Math.round((1 - withCache / without) * 1000) / 10;
  rows.push({
    what: 'gateway: read mix, statements per read',
    n: reads,
    won: `${withCache.toFixed(2)} with the cache, ${without.toFixed(2)} without: ${fewer} % fewer`,
  });
  const found = Math.round((withCounts.hits / (withCounts.hits + withCounts.misses)) * 1000) / 10;
  rows.push({
    what: 'gateway: read mix, looks into the caches',
    n: withCounts.hits + withCounts.misses,
    won: `${found} % hits (goal: above 85, and 70 fewer)`,
  });
  await redis.quit();
  for (const sql of sqls) await sql.end();
}
