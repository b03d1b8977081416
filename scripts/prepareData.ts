import { keepSecret, openServers } from '../gateway/servers.js';
import { ConfigError } from '../platform/config.js';
import { createLog } from '../platform/log.js';
import { migrateSubgraph } from '../platform/migrate.js';
import { ownerUrlOf, readServiceEnvironment } from '../subgraphs/environment.js';
import { STARTERS } from '../subgraphs/starters.js';

// `npm run migrate` brings every database up to date; `npm run seed` does that and adds the demo accounts and cars. Both are part of `npm start`; alone
// they are for deployments, which migrate once before the new version starts.
async function main(): Promise<void> {
  const seed = process.argv.includes('--seed');
  const service = readServiceEnvironment(process.env);
  const internalSecret = service.INTERNAL_SECRET ?? (await keepSecret(service.DATA_DIR));
  const servers = await openServers({ dataDir: service.DATA_DIR, databaseUrl: service.DATABASE_URL, redisUrl: service.REDIS_URL });
  try {
    for (const [name, start] of Object.entries(STARTERS)) {
      const databaseUrl = ownerUrlOf(name, service, servers.databaseUrl);
      await migrateSubgraph({ subgraph: name, ownerUrl: databaseUrl, internalSecret });
      if (seed) {
        const log = createLog({ service: 'seed', level: service.LOG_LEVEL });
        const rest = { redeliverAfterMs: service.REDELIVER_AFTER_MS, log, clock: () => new Date(), graphUrl: () => service.GRAPH_URL ?? '' };
        const subgraph = await start({ databaseUrl, redisUrl: servers.redisUrl, internalSecret, ...rest }, process.env);
        await subgraph.seedDemo().finally(() => subgraph.stop());
      }
      console.log(`${name}: ${seed ? 'migrated and seeded' : 'migrated'}`);
    }
  } finally {
    await servers.stop();
  }
}

main().catch((error: Error) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
