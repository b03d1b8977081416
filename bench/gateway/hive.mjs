import { createServer } from 'node:http';
import { createGatewayRuntime } from '@graphql-hive/gateway';
import { unifiedGraphHandler } from '@graphql-hive/router-runtime';
import { useJIT } from '@graphql-mesh/plugin-jit';

// Hive Gateway: `hive-jit`, planning in JavaScript with jit, or `hive-rust`, its router's planner. No request of one client is shared with another's.

const [, , kind, file] = process.argv;
const gateway = createGatewayRuntime({
  supergraph: file,
  logging: false,
  inboundInflightRequestDeduplication: false,
  transportEntries: { '*.http': { options: { deduplicateInflightRequests: false } } },
  ...(kind === 'hive-rust' ? { unifiedGraphHandler } : { plugins: () => [useJIT()] }),
});
const server = createServer(gateway);
process.on('message', () => process.send({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() }));
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit());
