import { readGatewayConfig } from '../../gateway/config.js';
import { remoteLink, signedCredentials } from '../../gateway/remoteLink.js';
import { startGateway } from '../../gateway/server.js';
import { compose } from '../../gateway/testSubgraphs.js';
import { createLog } from '../../platform/log.js';
import { LIVE_SUBGRAPHS } from './graph.js';

// The gateway of the product, alone in its process, over the subgraphs of this benchmark.
const config = readGatewayConfig(process.env);
const ports = JSON.parse(process.env.SUBGRAPH_PORTS ?? '[]') as number[];
const gateway = await startGateway({
  config,
  supergraphSdl: compose(LIVE_SUBGRAPHS),
  links: LIVE_SUBGRAPHS.map(({ name }, index) =>
    remoteLink({ name, endpoint: `http://127.0.0.1:${ports[index]}/graphql`, credentials: signedCredentials(config.internalSecret) }),
  ),
  log: createLog({ service: 'gateway', level: 'error' }),
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ports: [gateway.port] });
