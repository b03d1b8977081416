import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import autocannon from 'autocannon';
import { WebSocket } from 'ws';
import { openServers } from '../gateway/servers.js';
import { type Layout, startProcesses } from '../scripts/processes.js';
import { temporaryDirectory } from '../scripts/temporaryDirectory.js';
import { createWaygraphClient } from '../sdk/client.js';

// The three commonest operations and live delivery to 100 watchers, in both process layouts, on servers of its own with fsync on.
// `npm run bench`. The load generator shares the machine with what it measures: compare rows with each other, not with other machines.

const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const CONNECTIONS = 20;
const WATCHERS = 100;
const POSITIONS = 100;
const OPERATIONS = {
  'search with availability': {
    query: `{ vehicles(first: 20, sort: PRICE_ASC) { nodes { id make model dailyRate { amount currency }
      availability(from: "2031-01-01T10:00:00Z", to: "2031-01-03T10:00:00Z") { free } } } }`,
    signedIn: false,
  },
  'one vehicle': {
    query: '{ vehicle(id: "veh_01j0000000e00800g000000001") { id make model year category station { name } dailyRate { amount } } }',
    signedIn: false,
  },
  'me and my wallet': { query: '{ me { id name email wallet { balance { amount } available { amount } } } }', signedIn: true },
} as const;

interface Row {
  layout: Layout;
  what: string;
  'per second': number;
  'p50 ms': number;
  'p99 ms': number;
  errors: number;
}

async function measure(layout: Layout, url: string, rows: Row[]): Promise<void> {
  const graphUrl = `${url}/graphql`;
  const rider = createWaygraphClient({ url: graphUrl, webSocket: WebSocket });
  const { signIn } = await rider.SignIn({ input: { email: 'customer@demo.test', password: 'Waygraph1' } });
  rider.use(signIn);
  for (const [what, { query, signedIn }] of Object.entries(OPERATIONS)) {
    const headers = { 'content-type': 'application/json', ...(signedIn && { authorization: `Bearer ${signIn.accessToken}` }) };
    const target = { url: graphUrl, method: 'POST' as const, headers, body: JSON.stringify({ query }), connections: CONNECTIONS };
    await autocannon({ ...target, duration: 2 });
    const result = await autocannon({ ...target, duration: SECONDS });
    rows.push({
      layout,
      what,
      'per second': Math.round(result.requests.average),
      'p50 ms': result.latency.p50,
      'p99 ms': result.latency.p99,
      errors: result.non2xx + result.errors,
    });
  }
  rows.push(await liveDelivery(layout, graphUrl, signIn));
  await rider.close();
}

/** One trip, a hundred sockets that watch it, a driver who moves: from his call to each socket. */
async function liveDelivery(layout: Layout, graphUrl: string, session: { accessToken: string; refreshToken: string; expiresAt: string }): Promise<Row> {
  const open = () => {
    const client = createWaygraphClient({ url: graphUrl, webSocket: WebSocket });
    client.use(session);
    return client;
  };
  const driver = createWaygraphClient({ url: graphUrl, webSocket: WebSocket });
  driver.use((await driver.SignIn({ input: { email: 'driver@demo.test', password: 'Waygraph1' } })).signIn);
  const rider = open();
  await driver.GoOnline({ at: { lat: 30.0444, lng: 31.2357 } });
  const offers = driver.DriverOffers()[Symbol.asyncIterator]();
  const offered = offers.next();
  const { quoteTrip } = await rider.QuoteTrip({ input: { pickup: { lat: 30.045, lng: 31.236 }, destination: { lat: 30.0626, lng: 31.2497 } } });
  const { requestTrip } = await rider.RequestTrip({ input: { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH', idempotencyKey: randomUUID() } });
  await driver.AcceptOffer({ offerId: (await offered).value?.driverOffers.id ?? '' });
  await offers.return?.();

  const watchers = Array.from({ length: WATCHERS }, open);
  const latencies: number[] = [];
  let sentAt = 0;
  let ready = 0;
  let arrived = 0;
  let allArrived: () => void = () => {};
  const reading = watchers.map(async (watcher) => {
    for await (const { tripUpdates } of watcher.TripUpdates({ tripId: requestTrip.id })) {
      if (tripUpdates.kind === 'SNAPSHOT') ready += 1;
      if (tripUpdates.kind !== 'POSITION') continue;
      latencies.push(performance.now() - sentAt);
      arrived += 1;
      if (arrived >= WATCHERS) allArrived();
    }
  });
  while (ready < WATCHERS) await new Promise((resolve) => setTimeout(resolve, 20));
  let lost = 0;
  const startedAt = performance.now();
  for (let n = 0; n < POSITIONS; n += 1) {
    arrived = 0;
    const all = new Promise<boolean>((resolve) => {
      allArrived = () => resolve(true);
    });
    sentAt = performance.now();
    await driver.UpdateLocation({
      input: { point: { lat: 30.0444 + n / 1e5, lng: 31.2357 }, heading: 0, speedKmh: 30, accuracyM: 5, recordedAt: new Date().toISOString() },
    });
    if (!(await Promise.race([all, new Promise<boolean>((resolve) => setTimeout(resolve, 2_000, false))]))) lost += WATCHERS - arrived;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await rider.CancelTrip({ tripId: requestTrip.id });
  await Promise.all(reading);
  await Promise.all([...watchers, rider, driver].map((client) => client.close()));
  latencies.sort((a, b) => a - b);
  const at = (share: number) => Math.round((latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0) * 10) / 10;
  return {
    layout,
    what: `position to ${WATCHERS} watchers`,
    'per second': Math.round(latencies.length / seconds),
    'p50 ms': at(0.5),
    'p99 ms': at(0.99),
    errors: lost,
  };
}

const dir = await temporaryDirectory('waygraph-bench-');
const servers = await openServers({ dataDir: dir, databaseUrl: undefined, redisUrl: undefined });
const rows: Row[] = [];
try {
  for (const layout of ['one', 'split'] as const) {
    const env = {
      PATH: process.env.PATH,
      LOG_LEVEL: 'error',
      DATABASE_URL: servers.databaseUrl,
      REDIS_URL: servers.redisUrl,
      INTERNAL_SECRET: 'only for this benchmark, and gone after it',
      DATA_DIR: dir,
      SEED_DEMO: '1',
      RATE_LIMITS: 'off',
    };
    const processes = await startProcesses(layout, env, { output: 'collect' });
    await measure(layout, processes.url, rows).finally(() => processes.stop());
  }
} finally {
  await servers.stop();
  await rm(dir, { recursive: true, force: true });
}
console.log(`${CONNECTIONS} connections, ${SECONDS} s each, ${servers.description}, Node ${process.versions.node}`);
console.table(rows);
