import { ConfigError } from '../platform/config.js';
import { keepSecret, openServers } from '../gateway/servers.js';
import { readServiceEnvironment } from '../subgraphs/environment.js';
import { startProcesses } from './processes.js';

// `npm run split`: the gateway and each subgraph as processes of their own, as in production, on the same servers as `npm start`.
async function main(): Promise<void> {
  const service = readServiceEnvironment(process.env);
  const internalSecret = service.INTERNAL_SECRET ?? (await keepSecret(service.DATA_DIR));
  const servers = await openServers({ dataDir: service.DATA_DIR, databaseUrl: service.DATABASE_URL, redisUrl: service.REDIS_URL });
  const env = {
    ...process.env,
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: servers.redisUrl,
    INTERNAL_SECRET: internalSecret,
    ...(servers.embedded && { SEED_DEMO: service.SEED_DEMO ?? '1' }),
  };
  const processes = await startProcesses('split', env, { port: Number(process.env.PORT ?? 4000), output: 'inherit' }).catch(async (error: Error) => {
    await servers.stop();
    throw new ConfigError(error.message);
  });
  let stopping = false;
  const stop = async (code: number) => {
    if (stopping) return;
    stopping = true;
    await processes.stop();
    await servers.stop();
    process.exit(code);
  };
  process.on('SIGINT', () => void stop(0));
  process.on('SIGTERM', () => void stop(0));
  const words = await processes.unexpectedEnd;
  console.error(words);
  await stop(1);
}

main().catch((error: Error) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
