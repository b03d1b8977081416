import { parseArgs } from 'node:util';
import { ConfigError } from '../platform/config.js';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../platform/demoAccounts.js';
import { prepareDemo } from './demo.js';
import { PortTakenError } from './listen.js';
import { startSystem } from './system.js';

/** Everything is asked to stop for this long, and then it stops. */
const STOP_WITHIN_MS = 35_000;

/** @throws ConfigError for what is not an option */
function wantsDemo(): boolean {
  try {
    return parseArgs({ options: { demo: { type: 'boolean', default: false } } }).values.demo;
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}\nUsage: npm start [-- --demo]   --demo: simulated drivers and riders use the system for half an hour`);
  }
}

// The whole system, or the gateway alone when the environment names where the subgraphs are.
async function main(): Promise<void> {
  const demo = wantsDemo() ? prepareDemo(process.env) : null;
  const system = await startSystem(demo?.env ?? process.env);
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
    // The simulated people go first: they would only see errors.
    const everything = async () => {
      await demo?.stop();
      await system.stop();
    };
    everything().then(
      () => process.exit(0),
      (error) => {
        console.error('Waygraph did not stop cleanly:', error);
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  console.log(`Waygraph ready at ${system.url}  (playground at /, graph at /graphql; on ${system.runsOn})`);
  if (system.demo) {
    const accounts = Object.values(DEMO_ACCOUNTS).map(({ email }) => email);
    console.log(`Demo accounts, password ${DEMO_PASSWORD}: ${accounts.join(', ')}`);
    console.log(
      `A first query:\n  curl ${system.url}/graphql -H 'content-type: application/json' -d '{"query":"{ vehicles(first: 2) { nodes { id make model } } }"}'`,
    );
  }
  demo?.start(system);
  process.send?.({ ready: 'gateway', port: system.port });
  process.on('disconnect', stop);
}

main().catch((error: Error) => {
  console.error(error instanceof ConfigError || error instanceof PortTakenError ? error.message : error);
  process.exit(1);
});
