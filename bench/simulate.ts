import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { teachEarlierWeeks } from './simulator/earlierWeeks.js';
import { runOn, type Settings, STRATEGIES, type Strategy, type Stretch } from './simulator/run.js';
import type { Report } from './simulator/statistics.js';
import { runningSystem, startSystem } from './simulator/system.js';

// Drives the real graph over HTTP and WebSocket: drivers on a synthetic street grid of Cairo, riders who ask, wait, travel and give up (DP-36).
const USAGE = `npm run simulate -- --drivers 500 --riders 50 --minutes 10 --seed 7
  --riders N       requests a minute; the same seed gives the same requests
  --speed N        1: cars drive at 24 km/h. N: they drive N times as fast, and people board and drivers rest N times as shortly, so that each driver
                   serves N times as many trips in the same minutes. Searches, offers, ticks and patience are never faster: they are what is measured.
  --strategy NAME  first_accept, sequential or batched
  --compare A,B    one run for each strategy, each on a fresh system, with the same requests; prints one table
  --hints          idle drivers follow repositionHint
  --compare-hints  one run without and one with hints, each on a fresh system that has learnt from four simulated weeks before; prints one table
  --raise N        N requests a minute more after each stretch of --minutes, until fewer than 80 % are matched within 60 s; prints a table of the stretches
  --drain S        seconds that open searches have after the last request; 45 when not given
  --layout one|split   processes of the system that is started
  --url URL        a running system instead (SIMULATE_SERVICE_KEY; SIMULATE_ADMIN_EMAIL and SIMULATE_ADMIN_PASSWORD, or its demo accounts)
  --report FILE    where the JSON report goes; simulation.json in DATA_DIR (.data) when not given
Ctrl-C ends a run early, with its report.`;

/** Calls that hang must not keep an interrupted run alive for longer. */
const STOP_WITHIN_MS = 10_000;

const { values } = parseArgs({
  options: {
    drivers: { type: 'string', default: '500' },
    riders: { type: 'string', default: '50' },
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '7' },
    speed: { type: 'string', default: '1' },
    strategy: { type: 'string', default: 'first_accept' },
    compare: { type: 'string' },
    hints: { type: 'boolean', default: false },
    'compare-hints': { type: 'boolean', default: false },
    raise: { type: 'string', default: '0' },
    drain: { type: 'string', default: '45' },
    layout: { type: 'string', default: 'one' },
    url: { type: 'string' },
    report: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted.abort();
    setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
  });
}

function strategyOf(text: string): Strategy {
  const name = STRATEGIES.find((strategy) => strategy === text.trim().toUpperCase());
  if (!name) throw new Error(`There is no strategy ${text}.\n${USAGE}`);
  return name;
}

function numberOf(name: 'drivers' | 'riders' | 'minutes' | 'seed' | 'speed' | 'raise' | 'drain', least: number, most: number): number {
  const value = Number(values[name]);
  if (!(value >= least && value <= most)) throw new Error(`--${name} has to be a number from ${least} to ${most}.\n${USAGE}`);
  return value;
}

async function simulate(strategy: Strategy, hints: boolean): Promise<Report & { stretches?: Stretch[] }> {
  const settings: Settings = {
    strategy,
    drivers: numberOf('drivers', 1, 5_000),
    riders: numberOf('riders', 0.1, 2_000),
    minutes: numberOf('minutes', 0.1, 24 * 60),
    seed: numberOf('seed', 0, 2 ** 31),
    speed: numberOf('speed', 1, 4),
    raise: numberOf('raise', 0, 1_000),
    drainS: numberOf('drain', 0, 600),
    hints,
    layout: values.url ? 'running' : values.layout,
  };
  const system = values.url ? runningSystem(values.url, process.env) : await startSystem(values.layout === 'split' ? 'split' : 'one', settings.speed);
  try {
    if (values['compare-hints']) {
      if (!system.dispatchDatabaseUrl) throw new Error('--compare-hints teaches the system that it starts: leave --url out.');
      await teachEarlierWeeks(system.dispatchDatabaseUrl, settings);
    }
    return await runOn(system, settings, interrupted.signal);
  } finally {
    await system.stop();
  }
}

const row = (report: Report) => ({
  strategy: report.settings.strategy,
  hints: report.settings.hints ? report.repositionHintsFollowed : 'no',
  requests: report.requests,
  matched: report.matched,
  'within 60 s': report.matchedWithin60s,
  cancelled: report.cancelledByRider,
  nobody: report.noDrivers,
  'wait p50 s': report.waitForDriverS.p50,
  'wait p90 s': report.waitForDriverS.p90,
  'pickup mean s': report.pickupS.mean,
  'with wait mean s': report.pickupWithWaitS.mean,
  'first offer p99 ms': report.firstOffer.p99Ms,
  'quote p99 ms': report.quote.p99Ms,
  gini: report.giniOfTrips,
});

async function main(): Promise<void> {
  if (values.help) return console.log(USAGE);
  const strategies = (values.compare ?? values.strategy).split(',').map(strategyOf);
  const reports: (Report & { stretches?: Stretch[] })[] = [];
  for (const strategy of strategies) {
    for (const hints of values['compare-hints'] ? [false, true] : [values.hints]) {
      if (!interrupted.signal.aborted) reports.push(await simulate(strategy, hints));
    }
  }
  console.table(reports.map(row));
  for (const { stretches } of reports) if (stretches) console.table(stretches);
  const file = path.resolve(values.report ?? path.join(process.env.DATA_DIR ?? '.data', 'simulation.json'));
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2)}\n`);
  console.log(`Report: ${file}`);
}

await main().catch((error: Error) => {
  console.error(error.message.startsWith('--') || error.message.startsWith('There is') ? error.message : error);
  process.exitCode = 1;
});
