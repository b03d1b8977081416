import { createLog } from '../../platform/log.js';
import { startPaymentsLedger } from './main.js';
import { servedBy, TEST_CONFIG } from './payments.given.js';

/** Payments-ledger as a process of its own, to be killed by a test: its sandbox tells everything twice, and after "paid" an earlier "declined". */
const given = (name: string) => process.env[name] ?? '';
const faults = { delayMs: 0, copies: 2, drop: 0, reorder: true, amountOffMinor: 0n, decline: false };
const served = servedBy(startPaymentsLedger, { ...TEST_CONFIG, sandboxFaults: faults });

await served.start({
  databaseUrl: given('DATABASE_URL'),
  redisUrl: given('REDIS_URL'),
  internalSecret: given('INTERNAL_SECRET'),
  redeliverAfterMs: 1_000,
  log: createLog({ service: 'killed', level: 'fatal' }),
  clock: () => new Date(Date.now() + Number(given('CLOCK_SHIFT_MS') || 0)),
  ...served.env,
});
