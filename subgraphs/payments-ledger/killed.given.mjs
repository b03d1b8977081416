import { createInterface } from 'node:readline';

/**
 * Payments-ledger as a process of its own, to be killed by a test: its sandbox loses the first telling of everything,
 * tells it twice later, and after "paid" an earlier "declined"; its bank a "failed" before and after "paid". It runs what was built, and is no TypeScript itself:
 * it is started many times, and compiling would be most of what that costs. It is loaded ahead of its time, starts when it reads how many milliseconds its
 * clock is ahead, and then says where it listens.
 */
const built = (file) => import(new URL(`../../dist/${file}.js`, import.meta.url).href);
const [{ createLog }, { serveSubgraph }, { readPaymentsConfig }, { startPaymentsLedger }] = await Promise.all(
  ['platform/log', 'platform/serveSubgraph', 'subgraphs/payments-ledger/config', 'subgraphs/payments-ledger/main'].map(built),
);

const faults = { delayMs: 50, copies: 2, drop: 1, reorder: true, amountOffMinor: 0n, decline: false };
// Longer than the test holds anybody up: what is killed while it waits for an answer has got none.
const config = { ...readPaymentsConfig({}), sandboxFaults: faults, gatewayTimeoutMs: 10_000 };

createInterface({ input: process.stdin }).once('line', async (line) => {
  let url = 'http://127.0.0.1:1/graphql';
  const common = {
    internalSecret: process.env.INTERNAL_SECRET,
    log: createLog({ service: 'killed', level: 'fatal' }),
    clock: () => new Date(Date.now() + Number(line)),
  };
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = process.env;
  const subgraph = await startPaymentsLedger({ ...common, databaseUrl, redisUrl, redeliverAfterMs: 1_000, graphUrl: () => url }, config);
  const { port } = await serveSubgraph(subgraph, { ...common, port: 0 });
  url = `http://127.0.0.1:${port}/graphql`;
  process.stdout.write(`${url}\n`);
});
