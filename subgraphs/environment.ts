import { z } from 'zod';
import { parseEnvironment, postgresUrl, redisUrl, secret } from '../platform/config.js';
import { databaseUrl } from '../platform/migrate.js';
import { POOL_SIZE } from '../platform/postgres.js';

const environmentSchema = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  LOG_LEVEL: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
  DATABASE_URL: postgresUrl.optional(),
  IDENTITY_DATABASE_URL: postgresUrl.optional(),
  FLEET_DATABASE_URL: postgresUrl.optional(),
  BOOKING_DATABASE_URL: postgresUrl.optional(),
  PAYMENTS_LEDGER_DATABASE_URL: postgresUrl.optional(),
  DISPATCH_DATABASE_URL: postgresUrl.optional(),
  INBOX_DATABASE_URL: postgresUrl.optional(),
  DATABASE_POOL: z.coerce.number('must be a number of connections').int().min(2).max(200).default(POOL_SIZE),
  REDIS_URL: redisUrl.optional(),
  INTERNAL_SECRET: secret.optional(),
  DATA_DIR: z.string().default('.data'),
  GRAPH_URL: z.url({ protocol: /^https?$/, error: 'must be a URL such as http://gateway:4000/graphql' }).optional(),
  REDELIVER_AFTER_MS: z.coerce.number('must be a number of milliseconds').int().min(100).max(600_000).default(30_000),
  SEED_DEMO: z.enum(['0', '1'], 'must be 0 or 1').optional(),
});

/** What every process that runs subgraphs reads from its environment. */
export type ServiceEnvironment = z.output<typeof environmentSchema>;

/** @throws ConfigError that names each variable that is missing or malformed */
export function readServiceEnvironment(env: NodeJS.ProcessEnv): ServiceEnvironment {
  return parseEnvironment(environmentSchema, env);
}

/** The owner's URL of a subgraph's database, from its own variable or on the server of DATABASE_URL (PF-12b). */
export function ownerUrlOf(subgraph: string, environment: ServiceEnvironment, serverUrl: string): string {
  const variable = `${subgraph.replaceAll('-', '_').toUpperCase()}_DATABASE_URL` as keyof ServiceEnvironment;
  return databaseUrl(subgraph, serverUrl, environment[variable] as string | undefined);
}
