import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import postgres from 'postgres';
import { openServers } from '../gateway/servers.js';
import type { Actor } from '../platform/actor.js';
import { publicId } from '../platform/ids.js';
import { createLog } from '../platform/log.js';
import { databaseUrl, migrateSubgraph } from '../platform/migrate.js';
import type { SubgraphEnvironment } from '../platform/startSubgraph.js';
import { type Layout, startProcesses } from '../scripts/processes.js';
import { temporaryDirectory } from '../scripts/temporaryDirectory.js';
import { startDispatch } from '../subgraphs/dispatch/main.js';
import { ask, type GraphDriver, newDriver, newPerson, several } from '../test/given/people.js';

// Accept races: three drivers hold offers of the same three trips each, and accept them all at once, as whole commands through the subgraph: a trip may get
// one driver, and a driver one trip. What is wrong ends the benchmark with an error. Then the time from a request to the first offer on a
// driver's socket, a hundred requests at once, through the gateway. On servers of its own, with fsync on. `npm run bench match`.
// BENCH_RACES, BENCH_DRIVERS, BENCH_BURSTS and BENCH_LAYOUTS make it smaller, BENCH_NODE_OPTIONS is handed to the system as NODE_OPTIONS. The load generator shares the machine with what it measures.

/** Trips that are raced for. */
const RACES = Number(process.env.BENCH_RACES ?? 100_000);
/** Drivers who accept each trip, and offers that each of them holds. */
const RIVALS = 3;
const GROUPS_AT_ONCE = 7;
const DRIVERS = Number(process.env.BENCH_DRIVERS ?? 500);
const REQUESTS = 100;
const BURSTS = Number(process.env.BENCH_BURSTS ?? 5);
const LAYOUTS = (process.env.BENCH_LAYOUTS ?? 'one,split').split(',') as Layout[];
const SECRET = 'only for this benchmark, and gone after it';
const CENTRE = { lat: 30.0444, lng: 31.2357 };

const rows: Record<string, string | number>[] = [];
const quantile = (values: readonly number[], share: number) =>
  Math.round(([...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0) * 10) / 10;

const dir = await temporaryDirectory('waygraph-bench-');
const servers = await openServers({ dataDir: dir, databaseUrl: undefined, redisUrl: undefined });
const log = createLog({ service: 'bench', level: 'fatal' });

/**
 * Trips that are being searched for, with open offers to the same drivers in groups: only the accepts are measured. In life a driver has one open offer,
 * by an index that is dropped here: then nothing but the accept itself keeps him from two trips. Who wins one trip and loses another then waits for who won
 * that and lost this, which in life cannot be: a second until Postgres sees it, as it is set, would be most of what is measured.
 */
async function prepareRaces(owner: postgres.Sql, trips: number): Promise<void> {
  await owner.unsafe(`
    create temporary table race as select n, gen_random_uuid() as trip, gen_random_uuid() as quote, gen_random_uuid() as rider from generate_series(1, ${trips}) n;
    create temporary table rival as select g, gen_random_uuid() as driver, gen_random_uuid() as person
      from generate_series(0, (${trips} - 1) / ${RIVALS}) g, generate_series(1, ${RIVALS});
    drop index offers_one_pending_per_driver;
    alter database "${new URL(databaseUrl('dispatch', servers.databaseUrl, undefined)).pathname.slice(1)}" set deadlock_timeout = '5ms';
    insert into drivers (id, user_id, vehicle_id, vehicle_type, make, model, year, seats, plate, licence_number, approval, state, version, created_at)
      select driver, person, gen_random_uuid(), 'ECONOMY', 'Kia', 'Rio', 2022, 5, left(driver::text, 8), left(driver::text, 8), 'APPROVED', 'OFFERED', 1, now() from rival;
    insert into trip_quotes (id, owner_id, vehicle_type, pickup_lat, pickup_lng, destination_lat, destination_lng, distance_m, duration_s, fare_minor, currency,
      items, surge_permille, expires_at, used_by, created_at)
      select quote, rider, 'ECONOMY', 30.04, 31.23, 30.06, 31.25, 4000, 600, 4000, 'EGP', '[]', 1000, now() + interval '1 hour', trip, now() from race;
    insert into trips (id, quote_id, status, sequence, rider_id, vehicle_type, pickup_lat, pickup_lng, pickup_cell, destination_lat, destination_lng,
      quoted_fare_minor, currency, payment_method, search_round, requested_at)
      select trip, quote, 'REQUESTED', 1, rider, 'ECONOMY', 30.04, 31.23, 'cell', 30.06, 31.25, 4000, 'EGP', 'CASH', 1, now() from race;
    update trips set status = 'SEARCHING', sequence = 2;
    insert into trip_states (trip_id, sequence, status, at, actor_kind) select trip, s, case s when 1 then 'REQUESTED' else 'SEARCHING' end, now(), 'RIDER'
      from race, generate_series(1, 2) s;
    insert into offers (id, trip_id, driver_id, driver_user_id, status, round, pickup_distance_m, earnings_minor, currency, created_at, expires_at)
      select gen_random_uuid(), trip, driver, person, 'PENDING', 1, 100, 3400, 'EGP', now(), now() + interval '2 hours'
      from race join rival on rival.g = (race.n - 1) / ${RIVALS};
    analyze;`);
}

async function races(): Promise<void> {
  const environment: SubgraphEnvironment = {
    databaseUrl: databaseUrl('dispatch', servers.databaseUrl, undefined),
    redisUrl: servers.redisUrl,
    internalSecret: SECRET,
    redeliverAfterMs: 60_000,
    log,
    clock: () => new Date(),
    graphUrl: () => 'http://127.0.0.1:1/graphql',
  };
  await migrateSubgraph({ subgraph: 'dispatch', ownerUrl: environment.databaseUrl, internalSecret: SECRET });
  const owner = postgres(environment.databaseUrl, { max: 1, onnotice: () => {} });
  await prepareRaces(owner, RACES);
  const open = await owner<{ id: string; person: string; group: string }[]>`select o.id, o.driver_user_id as person, rival.g::text as group
    from offers o join rival on rival.driver = o.driver_id`;
  const byGroup = new Map<string, { id: string; person: string }[]>();
  for (const offer of open) {
    const group = byGroup.get(offer.group);
    if (group) group.push(offer);
    else byGroup.set(offer.group, [offer]);
  }
  const dispatch = await startDispatch(environment);
  const outcomes: Record<string, number> = {};
  const tookMs: number[] = [];
  const accept = async (offer: { id: string; person: string }) => {
    const actor: Actor = { kind: 'USER', id: offer.person, roles: ['DRIVER'], sessionId: null };
    const caller = { actor, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null };
    const query = 'mutation($id: ID!) { acceptOffer(offerId: $id) { status } }';
    const began = performance.now();
    const { errors } = await dispatch.execute({ query, variables: { id: publicId('ofr', offer.id) } }, caller);
    tookMs.push(performance.now() - began);
    const outcome = String(errors?.[0]?.extensions.code ?? 'ACCEPTED');
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  };
  const groups = [...byGroup.values()];
  const startedAt = performance.now();
  await several(groups.length, async (i) => void (await Promise.all((groups[i] ?? []).map(accept))), GROUPS_AT_ONCE);
  const seconds = (performance.now() - startedAt) / 1000;
  const [wrong] = await owner`select
    (select count(*)::int from (select driver_id from trips where status = 'ACCEPTED' group by 1 having count(*) > 1) d) as busy_twice,
    (select count(*)::int from (select trip_id from offers where status = 'ACCEPTED' group by 1 having count(*) > 1) t) as taken_twice,
    (select count(*)::int from trips t join drivers d on d.id = t.driver_id where t.status = 'ACCEPTED' and d.state <> 'BUSY') as driver_not_busy,
    (select count(*)::int from trips t where sequence <> (select count(*) from trip_states s where s.trip_id = t.id)) as gaps`;
  rows.push({
    what: `accepts, ${RIVALS} at once for each of ${RACES} trips, ${RIVALS} by each driver`,
    n: tookMs.length,
    'per second': Math.round(tookMs.length / seconds),
    'p50 ms': quantile(tookMs, 0.5),
    'p99 ms': quantile(tookMs, 0.99),
    outcomes: JSON.stringify(outcomes),
    wrong: JSON.stringify(wrong),
  });
  await dispatch.stop();
  await owner.end();
  const unknown = Object.keys(outcomes).filter((code) => !['ACCEPTED', 'TRIP_TAKEN', 'ACTIVE_TRIP', 'OFFER_EXPIRED'].includes(code));
  if (Object.values(wrong ?? {}).some((count) => count !== 0) || unknown.length > 0 || !outcomes.ACCEPTED) {
    console.error('accept races went wrong', wrong, outcomes);
    process.exitCode = 1;
  }
}

interface Burst {
  which: string;
  tookMs: number[];
  without: number;
}

async function firstOffers(layout: Layout): Promise<void> {
  const env = {
    PATH: process.env.PATH,
    LOG_LEVEL: 'error',
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: servers.redisUrl,
    INTERNAL_SECRET: SECRET,
    DATA_DIR: dir,
    SEED_DEMO: '1',
    RATE_LIMITS: 'off',
    DISPATCH_OVERLOAD_SEARCHES: '10000',
    ...(process.env.BENCH_NODE_OPTIONS && { NODE_OPTIONS: process.env.BENCH_NODE_OPTIONS }),
  };
  const graph = await startProcesses(layout, env, { output: 'collect' });
  const spread = (i: number) => ({ lat: CENTRE.lat + ((i % 20) - 10) / 400, lng: CENTRE.lng + (Math.floor(i / 20) - 5) / 400 });
  const clients: { close(): Promise<void> }[] = [];
  try {
    const admin = await ask<{ signIn: { accessToken: string } }>(
      graph,
      null,
      'mutation { signIn(input: { email: "admin@demo.test", password: "Waygraph1" }) { accessToken } }',
    );
    const drivers = await several(DRIVERS, (i) => newDriver(graph, admin.data?.signIn.accessToken ?? '', spread(i)));
    const riders = await several(REQUESTS, () => newPerson(graph, 'CUSTOMER'));
    clients.push(...drivers.map(({ client }) => client), ...riders.map(({ client }) => client));
    const firstSeen = new Map<string, number>();
    const listen = async ({ client }: GraphDriver) => {
      for await (const { driverOffers } of client.DriverOffers())
        if (driverOffers.trip && !firstSeen.has(driverOffers.trip.id)) firstSeen.set(driverOffers.trip.id, performance.now());
    };
    for (const driver of drivers) listen(driver).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    // The first burst is told apart: a process that has just started compiles and prepares what it runs.
    const first: Burst = { which: 'the first burst of a fresh process', tookMs: [], without: 0 };
    const later: Burst = { which: `${BURSTS} bursts after it`, tookMs: [], without: 0 };
    for (let burst = 0; burst <= BURSTS; burst += 1) {
      const told = burst === 0 ? first : later;
      await several(drivers.length, (i) =>
        (drivers[i] as GraphDriver).client.UpdateLocation({ input: { point: spread(i), recordedAt: new Date().toISOString() } }),
      );
      const quotes = await several(REQUESTS, async (i) => {
        const pickup = spread(i * 2);
        const { quoteTrip } = await (riders[i] as GraphDriver).client.QuoteTrip({
          input: { pickup, destination: { lat: 30.1, lng: 31.3 }, vehicleTypes: ['ECONOMY'] },
        });
        return quoteTrip[0]?.id ?? '';
      });
      const asked = await Promise.all(
        riders.map(async ({ client }, i) => {
          const sentAt = performance.now();
          const input = { quoteId: quotes[i] ?? '', paymentMethod: 'CASH' as const, idempotencyKey: randomUUID() };
          return { tripId: (await client.RequestTrip({ input })).requestTrip.id, sentAt, client };
        }),
      );
      // Five are asked for each: with five hundred drivers every search finds some.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      for (const { tripId, sentAt } of asked) {
        const at = firstSeen.get(tripId);
        if (at === undefined) told.without += 1;
        else told.tookMs.push(at - sentAt);
      }
      await Promise.all(asked.map(({ client, tripId }) => client.CancelTrip({ tripId })));
    }
    for (const { which, tookMs, without } of [first, later]) {
      rows.push({
        what: `request to first offer on a socket, ${REQUESTS} at once, ${DRIVERS} drivers, layout ${layout}: ${which}`,
        n: tookMs.length,
        'p50 ms': quantile(tookMs, 0.5),
        'p99 ms': quantile(tookMs, 0.99),
        outcomes: `${without} without a free driver within 3 s`,
      });
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await graph.stop();
  }
}

try {
  await races();
  // The races have filled the database of dispatch with drivers who are nowhere: the gateway's part has one of its own.
  const admin = postgres(servers.databaseUrl, { max: 1, onnotice: () => {} });
  await admin.unsafe(`drop database "${new URL(databaseUrl('dispatch', servers.databaseUrl, undefined)).pathname.slice(1)}" with (force)`);
  await admin.end();
  for (const layout of LAYOUTS) await firstOffers(layout);
} finally {
  await servers.stop();
  await rm(dir, { recursive: true, force: true });
}
console.log(`${servers.description}, Node ${process.versions.node}`);
console.table(rows);
