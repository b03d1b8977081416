import { createLog } from '../../platform/log.js';
import { readInboxConfig } from './config.js';
import { startInbox } from './main.js';

/** The inbox as a process of its own, to be killed by a test: everything comes in by the environment. */
const given = (name: string) => process.env[name] ?? '';

await startInbox(
  {
    databaseUrl: given('DATABASE_URL'),
    redisUrl: given('REDIS_URL'),
    internalSecret: given('INTERNAL_SECRET'),
    redeliverAfterMs: 1_000,
    log: createLog({ service: 'killed', level: 'fatal' }),
    clock: () => new Date(),
    graphUrl: () => 'http://127.0.0.1:1/graphql',
  },
  {
    ...readInboxConfig(process.env),
    ports: {
      addressOf: (userId) => (given('STOP_AT') === 'address' ? new Promise(() => {}) : Promise.resolve({ address: `${userId}@example.test`, name: null })),
    },
  },
);
