import { ConfigError, parseEnvironment, port } from '../platform/config.js';
import { createLog } from '../platform/log.js';
import { migrateSubgraph } from '../platform/migrate.js';
import { serveSubgraph } from '../platform/serveSubgraph.js';
import { untilSettled } from '../platform/settled.js';
import { z } from 'zod';
import { ownerUrlOf, readServiceEnvironment } from './environment.js';
import { STARTERS } from './starters.js';

// One subgraph as a process of its own: `node dist/subgraphs/run.js fleet`. Migrates its database, serves it, and drains on SIGTERM.
async function run(): Promise<void> {
  const name = process.argv[2] ?? '';
  const start = STARTERS[name];
  if (!start) throw new ConfigError(`Say which subgraph to run: ${Object.keys(STARTERS).join(', ')}.`);
  const environment = readServiceEnvironment(process.env);
  const listen = parseEnvironment(z.object({ PORT: port(0), HOST: z.string().default('127.0.0.1') }), process.env);
  const { DATABASE_URL: serverUrl, REDIS_URL: redisUrl, INTERNAL_SECRET: internalSecret, GRAPH_URL: graphUrl } = environment;
  for (const [variable, value] of Object.entries({ DATABASE_URL: serverUrl, REDIS_URL: redisUrl, INTERNAL_SECRET: internalSecret, GRAPH_URL: graphUrl })) {
    if (!value) throw new ConfigError(`${variable}: is needed by a subgraph that runs on its own. See .env.example.`);
  }
  const log = createLog({ service: name, level: environment.LOG_LEVEL });
  const databaseUrl = ownerUrlOf(name, environment, serverUrl as string);
  await migrateSubgraph({ subgraph: name, ownerUrl: databaseUrl, internalSecret: internalSecret as string });
  const clock = () => new Date();
  const subgraph = await start(
    {
      databaseUrl,
      poolSize: environment.DATABASE_POOL,
      redisUrl: redisUrl as string,
      internalSecret: internalSecret as string,
      redeliverAfterMs: environment.REDELIVER_AFTER_MS,
      log,
      clock,
      graphUrl: () => graphUrl as string,
    },
    process.env,
  );
  if (environment.SEED_DEMO === '1') await subgraph.seedDemo();
  const served = await serveSubgraph(subgraph, { port: listen.PORT, host: listen.HOST, internalSecret: internalSecret as string, log, clock });
  log.info({ port: served.port }, 'subgraph ready');
  process.send?.({ ready: name, port: served.port });
  // What was seeded has yet to reach the others: whoever started us all may wait for that.
  if (environment.SEED_DEMO === '1') {
    void untilSettled([subgraph])
      .catch((error) => log.warn({ err: error }, 'it is not known whether the demo data has arrived'))
      // Said in any case: nobody is kept waiting for what cannot be known.
      .then(() => process.send?.({ settled: name }, () => {}));
  }
  let stopping = false;
  const stop = () => {
    // Ctrl-C reaches us from the terminal, and once more from the parent that passes it on.
    if (stopping) return;
    stopping = true;
    served.stop().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, 'stopped badly');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // A parent that died without a word would leave us behind.
  process.on('disconnect', stop);
}

run().catch((error: Error) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
