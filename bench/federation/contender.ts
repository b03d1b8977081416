import { readFile } from 'node:fs/promises';
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { bareConfigSchema, startBareGateway } from '../../gateway/bareGateway.js';
import { readGatewayConfig } from '../../gateway/config.js';
import { remoteLink, signedCredentials } from '../../gateway/remoteLink.js';
import { startGateway } from '../../gateway/server.js';
import { createLog } from '../../platform/log.js';

// One gateway over a supergraph file, in a process of its own: `plain`, as Apollo's documentation sets it up; `ours`; `ours-sharing`, which sends equal fetches
// that run at the same moment once, whichever client they are for; or `ours-product`, the gateway of the product, which also identifies callers and signs what
// it forwards, checks documents against limits, counts and logs. Rates are not limited: the load comes from one address.

async function start(kind: string, file: string, urls: Record<string, string>): Promise<number> {
  const supergraphSdl = await readFile(file, 'utf8');
  if (kind === 'ours' || kind === 'ours-sharing') {
    const config = bareConfigSchema.parse({ shareFetches: kind === 'ours-sharing' });
    return (await startBareGateway({ supergraphSdl, port: 0, config, log: createLog({ service: 'bench', level: 'silent' }) })).port;
  }
  if (kind === 'ours-product') {
    const secret = 'only for this benchmark, and gone after it';
    const env = { PORT: '0', HOST: '127.0.0.1', NODE_ENV: 'development', INTERNAL_SECRET: secret, RATE_LIMITS: 'off', SHARE_FETCHES: 'off' };
    const links = Object.entries(urls).map(([name, endpoint]) => remoteLink({ name, endpoint, credentials: signedCredentials(secret) }));
    const log = createLog({ service: 'bench', level: 'info', destination: { write() {} } });
    // Checked as always, with room for the big query: the product would not let anybody ask for so much at once.
    const queryLimits = { depth: 50, aliases: 1_000, rootFields: 100, conditions: 1_000, cost: 1e9, tokens: 100_000 };
    return (await startGateway({ config: readGatewayConfig(env), supergraphSdl, links, log, queryLimits })).port;
  }
  const gateway = new ApolloGateway({ supergraphSdl, buildService: ({ url }) => new RemoteGraphQLDataSource({ url }) });
  const { url } = await startStandaloneServer(new ApolloServer({ gateway }), { listen: { port: 0, host: '127.0.0.1' } });
  return Number(new URL(url).port);
}

process.env.NODE_ENV = 'production';
process.on('message', () => {
  // With --expose-gc what is asked for is what is kept, not what waits to be collected.
  (globalThis as { gc?: () => void }).gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  process.send?.({ cpu: process.cpuUsage(), rss, heapUsed });
});
process.once('SIGINT', () => process.exit(0));
start(process.argv[2] ?? 'ours', process.argv[3] ?? '', JSON.parse(process.argv[4] ?? '{}') as Record<string, string>).then((port) => process.send?.({ port }));
