import { mkdtemp, rm } from 'node:fs/promises';
import postgres from 'postgres';
import { Pool } from 'undici';
import { openServers } from '../gateway/servers.js';
import { databaseUrl, migrateSubgraph } from '../platform/migrate.js';
import { generateFleet } from '../subgraphs/fleet/generator.js';
import { startProcesses } from '../scripts/processes.js';
const dir = await mkdtemp('/tmp/zgw-');
const servers = await openServers({ dataDir: dir, databaseUrl: undefined, redisUrl: undefined });
const url = databaseUrl('fleet', servers.databaseUrl, undefined);
const secret = 'x'.repeat(40);
await migrateSubgraph({ subgraph: 'fleet', ownerUrl: url, internalSecret: secret });
const owner = postgres(url, { max: 1, onnotice: () => {} });
await generateFleet(owner, { vehicles: 100_000, bookings: 1_000_000 });
await owner`create extension if not exists pg_stat_statements`;
const env = { PATH: process.env.PATH, LOG_LEVEL: 'error', DATABASE_URL: servers.databaseUrl, REDIS_URL: servers.redisUrl, INTERNAL_SECRET: secret, DATA_DIR: dir, SEED_DEMO: '0', RATE_LIMITS: 'off', ...(process.env.PROF && { NODE_OPTIONS: '--cpu-prof --cpu-prof-dir=/tmp/zprof' }) };
const processes = await startProcesses('one', env as never, { output: 'collect' });
const pool = new Pool(processes.url, { connections: 4 });
const SEARCH = `query($filter: VehicleFilter, $sort: VehicleSort) { vehicles(filter: $filter, sort: $sort, first: 20) { nodes { id make model dailyRate { amount currency } station { name } } pageInfo { hasNextPage endCursor } } }`;
try {
  for (let pass = 0; pass < 3; pass += 1) {
    const took: number[] = [];
    await owner`select pg_stat_statements_reset()`;
    for (let round = 0; round < 5; round += 1) for (const sort of ['RELEVANCE', 'DISTANCE', 'PRICE_ASC', 'NEWEST']) for (const text of ['toyta corola', 'kia', 'hyundia tucson', 'bluetooth', 'bmw luxury', 'mercedes']) {
      const from = new Date(Date.UTC(2030, round, 2 + round, 10));
      const filter = { text, near: { point: { lat: 30.0444 + round / 200, lng: 31.2357 }, radiusKm: 5 + round * 10 }, dailyRate: { min: '600', max: '7000' }, available: { from: from.toISOString(), to: new Date(from.getTime() + 3 * 86_400_000).toISOString() } };
      const began = performance.now();
      const { body } = await pool.request({ method: 'POST', path: '/graphql', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query: SEARCH, variables: { filter, sort } }) });
      const answer = (await body.json()) as any;
      if (answer.errors) throw new Error(JSON.stringify(answer.errors));
      took.push(performance.now() - began);
    }
    took.sort((a, b) => a - b);
    console.log('pass', pass, 'p50', took[60]?.toFixed(1), 'p95', took[114]?.toFixed(1));
    for (const row of await owner`select calls, round(mean_exec_time::numeric, 2) as mean, round(max_exec_time::numeric, 2) as max, round(total_exec_time::numeric) as total, left(query, 100) as q from pg_stat_statements order by total_exec_time desc limit 8`) console.log(row.calls, row.mean, row.max, row.total, row.q);
  }
} finally {
  await pool.close(); await processes.stop(); await owner.end(); await servers.stop(); await rm(dir, { recursive: true, force: true });
}
