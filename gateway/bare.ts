import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createLog } from '../platform/log.js';
import { readBareConfig, startBareGateway } from './bareGateway.js';
import { readSupergraph } from './engine.js';
import { watchSupergraph } from './supergraphFile.js';

// npm run gateway -- --supergraph FILE --port N [--config FILE]

const USAGE = 'Usage: npm run gateway -- --supergraph FILE [--port 4000] [--config FILE]';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { supergraph: { type: 'string' }, port: { type: 'string', default: '4000' }, config: { type: 'string' } } });
  const port = Number(values.port);
  if (!values.supergraph || !Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(USAGE);
  const config = readBareConfig(values.config ? await readFile(values.config, 'utf8') : '{}', process.env);
  const log = createLog({ service: 'gateway', level: config.logLevel });
  const gateway = await startBareGateway({ supergraphSdl: await readSupergraph(values.supergraph), port, config, log });
  console.log(`Gateway ready at http://localhost:${gateway.port}/graphql`);
  watchSupergraph(values.supergraph, gateway.update, log);
  const stop = () => void gateway.stop().then(() => process.exit(0));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
