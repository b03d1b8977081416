import { createLog } from '../../platform/log.js';
import { startFleet } from './main.js';

/** Fleet as a process of its own, to be killed by a test: everything comes in by the environment. */
const given = (name: string) => process.env[name] ?? '';

await startFleet(
  {
    databaseUrl: given('DATABASE_URL'),
    redisUrl: given('REDIS_URL'),
    internalSecret: given('INTERNAL_SECRET'),
    redeliverAfterMs: 1_000,
    log: createLog({ service: 'killed', level: 'fatal' }),
    clock: () => new Date(),
    graphUrl: () => 'http://127.0.0.1:1/graphql',
  },
  { storageDir: given('STORAGE_DIR'), publicOrigin: null },
);
