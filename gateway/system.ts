import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ConfigError } from '../platform/config.js';
import { createLog, type Log } from '../platform/log.js';
import { migrateSubgraph } from '../platform/migrate.js';
import { packageRoot } from '../platform/packageRoot.js';
import type { Subgraph } from '../platform/subgraph.js';
import { untilSettled } from '../platform/settled.js';
import { ownerUrlOf, readServiceEnvironment, type ServiceEnvironment } from '../subgraphs/environment.js';
import { STARTERS } from '../subgraphs/starters.js';
import { type GatewayConfig, readGatewayConfig } from './config.js';
import type { SubgraphLink } from './links.js';
import { localLink } from './localLink.js';
import { createPlayground, readSavedOperations } from './playground/playground.js';
import { remoteLink, signedCredentials } from './remoteLink.js';
import { REMOTE_ROUTES } from './routes.js';
import { startGateway } from './server.js';
import { keepSecret, openServers, type Servers } from './servers.js';
import { watchSupergraph } from './supergraphFile.js';

export interface RunningSystem {
  url: string;
  port: number;
  demo: boolean;
  /** Words about what it runs on. */
  runsOn: string;
  stop(): Promise<void>;
}

/**
 * Starts the gateway, and in its own process every subgraph that the environment gives no URL for (GW-33), with what they need: servers,
 * migrations, demo data. What was started is stopped again when a later step fails.
 * @throws ConfigError, PortTakenError, or an Error with a plain line
 */
export async function startSystem(env: NodeJS.ProcessEnv, options: { log?: Log; clock?: () => Date } = {}): Promise<RunningSystem> {
  const service = readServiceEnvironment(env);
  const internalSecret = service.INTERNAL_SECRET ?? (service.NODE_ENV === 'production' ? missingSecret() : await keepSecret(service.DATA_DIR));
  const config = readGatewayConfig({ ...env, INTERNAL_SECRET: internalSecret });
  const log = options.log ?? createLog({ service: 'waygraph', level: config.logLevel });
  const clock = options.clock ?? (() => new Date());
  const local = Object.keys(STARTERS).filter((name) => !config.remoteUrls[name]);
  const started: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    for (const part of started.splice(0).reverse()) await part.stop();
  };
  try {
    const servers = local.length > 0 ? await openServers({ dataDir: service.DATA_DIR, databaseUrl: service.DATABASE_URL, redisUrl: service.REDIS_URL }) : null;
    if (servers) started.push(servers);
    const graph = { url: service.GRAPH_URL ?? '' };
    const subgraphs = servers ? await startLocal({ local, service, servers, internalSecret, log, clock, env, graphUrl: () => graph.url }) : [];
    const links = Object.keys(STARTERS).map((name) => linkFor(name, subgraphs, config));
    // The gateway closes its links and with them the local subgraphs, before the servers that those drain into.
    started.push(...subgraphs);
    const demo = service.SEED_DEMO === '1' || (service.SEED_DEMO === undefined && servers?.embedded === true);
    const gateway = await startGateway({
      config: { ...config, host: config.host ?? (config.production ? undefined : '127.0.0.1') },
      supergraphSdl: await readFile(path.resolve(packageRoot, config.supergraphPath), 'utf8'),
      links,
      log,
      redisUrl: servers?.redisUrl ?? service.REDIS_URL,
      persistedOperations: readSavedOperations().map(({ query }) => query),
      playground: createPlayground({ demo }),
    });
    started.push(gateway);
    const unwatch = watchSupergraph(path.resolve(packageRoot, config.supergraphPath), gateway.update, log);
    started.push({ stop: async () => unwatch() });
    graph.url ||= `http://127.0.0.1:${gateway.port}/graphql`;
    if (demo) await seed(subgraphs);
    return { url: `http://localhost:${gateway.port}`, port: gateway.port, demo, runsOn: servers?.description ?? 'subgraphs of their own', stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Writes the demo data, and waits until it has arrived everywhere: whoever reads "ready" may quote a seeded car at once. After the gateway, because mails
 * about it ask the graph for addresses.
 */
async function seed(subgraphs: readonly Subgraph[]): Promise<void> {
  for (const subgraph of subgraphs) await subgraph.seedDemo();
  await untilSettled(subgraphs);
}

function missingSecret(): never {
  throw new ConfigError('INTERNAL_SECRET: is needed in production: at least 32 random characters, the same for the gateway and all subgraphs.');
}

async function startLocal(parts: {
  local: readonly string[];
  service: ServiceEnvironment;
  servers: Servers;
  internalSecret: string;
  log: Log;
  clock: () => Date;
  env: NodeJS.ProcessEnv;
  graphUrl: () => string;
}): Promise<Subgraph[]> {
  const { service, servers, internalSecret, log, clock, env, graphUrl } = parts;
  const begin = async (name: string) => {
    const databaseUrl = ownerUrlOf(name, service, servers.databaseUrl);
    await migrateSubgraph({ subgraph: name, ownerUrl: databaseUrl, internalSecret });
    const start = STARTERS[name];
    if (!start) throw new ConfigError(`There is no subgraph ${name}.`);
    const { redisUrl } = servers;
    const { DATABASE_POOL: poolSize, REDELIVER_AFTER_MS: redeliverAfterMs } = service;
    return start({ databaseUrl, poolSize, redisUrl, internalSecret, redeliverAfterMs, log, clock, graphUrl }, env);
  };
  const outcomes = await Promise.allSettled(parts.local.map(begin));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  const subgraphs = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  if (!failed) return subgraphs;
  await Promise.all(subgraphs.map((subgraph) => subgraph.stop()));
  throw failed.reason;
}

function linkFor(name: string, subgraphs: readonly Subgraph[], config: GatewayConfig): SubgraphLink {
  const local = subgraphs.find((subgraph) => subgraph.name === name);
  if (local) return localLink(local);
  const url = config.remoteUrls[name];
  if (!url) throw new ConfigError(`There is neither a subgraph nor a URL for ${name}.`);
  const endpoint = new URL('/graphql', url).href;
  return remoteLink({ name, endpoint, credentials: signedCredentials(config.internalSecret), routes: REMOTE_ROUTES[name] ?? [] });
}
