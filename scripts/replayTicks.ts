import path from 'node:path';
import { parseArgs } from 'node:util';
import { keepSecret, openServers } from '../gateway/servers.js';
import { systemActor } from '../platform/actor.js';
import { ConfigError } from '../platform/config.js';
import { publicId } from '../platform/ids.js';
import { createLog } from '../platform/log.js';
import { appUrl, migrateSubgraph } from '../platform/migrate.js';
import { connectDatabase, inTransaction } from '../platform/postgres.js';
import { SHARE_OF_NEARNESS } from '../subgraphs/dispatch/matching.js';
import { recordedRounds, tripFactsOf } from '../subgraphs/dispatch/roundQueries.js';
import { type Match, REPLAY_STRATEGIES, type ReplayOptions, type ReplaySummary, replayRounds } from '../subgraphs/dispatch/roundReplay.js';
import { ownerUrlOf, readServiceEnvironment } from '../subgraphs/environment.js';

const DAY_MS = 24 * 3_600_000;
const DEFAULT_BATCH_S = 3;
const DEFAULT_LISTED = 100;

const USAGE = `Usage: npm run replay -- --from TIME [options]

Runs the recorded rounds of matching again as one day, under another strategy or with other weights, and says which trips would have gone to whom
instead: a driver who has a trip in the replay is gone until that trip ends. Every round of FIRST_ACCEPT and SEQUENTIAL and every tick of BATCHED is
recorded, and kept for 14 days. Prints JSON.

  --from TIME        where it begins, as 2026-11-20T08:00:00Z
  --until TIME       where it ends; a day after --from when not given
  --strategy NAME    ${REPLAY_STRATEGIES.map((name) => name.toLowerCase()).join(', ')}; batched when not given.
                     arrival_order: each rider at once the nearest free driver
  --waiting N        batched: what a second of waiting so far is worth, in seconds of pickup time
  --better-car N     batched: what it costs to send a better car than was ordered, in seconds of pickup time
  --batch S          batched: seconds between ticks, for rounds that were not recorded as ticks; ${DEFAULT_BATCH_S} when not given
  --nearness N       first_accept, sequential: what nearness counts in a score, 0 to 1; ${SHARE_OF_NEARNESS} when it was recorded
  --list N           name so many changed trips at most; ${DEFAULT_LISTED} when not given
  --help             this

What a replay cannot know: a driver who was not asked in truth is taken to say yes; one who was busy in truth is never chosen, even where the replay
would have left him free; and who would have lost a driver is asked about again with the drivers last seen around.`;

/** @throws ConfigError with the usage for what is not an option */
function readArguments() {
  try {
    return parseArgs({
      options: {
        from: { type: 'string' },
        until: { type: 'string' },
        strategy: { type: 'string', default: 'BATCHED' },
        waiting: { type: 'string' },
        'better-car': { type: 'string' },
        batch: { type: 'string', default: String(DEFAULT_BATCH_S) },
        nearness: { type: 'string' },
        list: { type: 'string', default: String(DEFAULT_LISTED) },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

/** @throws ConfigError that names the option and its bounds */
function numberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most) return value;
  throw new ConfigError(`--${name} has to be a number from ${least} to ${most}.\n\n${USAGE}`);
}

/** @throws ConfigError that names the option */
function timeOf(name: string, text: string | undefined): Date {
  const time = new Date(text ?? '');
  if (Number.isNaN(time.getTime())) throw new ConfigError(`--${name} has to be a time such as 2026-11-20T08:00:00Z.\n\n${USAGE}`);
  return time;
}

/** Null when only the usage was asked for. */
function readOptions(): (ReplayOptions & { from: Date; until: Date }) | null {
  const values = readArguments();
  if (values.help) return null;
  const from = timeOf('from', values.from);
  const until = values.until ? timeOf('until', values.until) : new Date(from.getTime() + DAY_MS);
  const strategy = REPLAY_STRATEGIES.find((name) => name === values.strategy.toUpperCase());
  if (!strategy) throw new ConfigError(`There is no strategy ${values.strategy} to replay.\n\n${USAGE}`);
  return {
    from,
    until,
    strategy,
    weights: {
      ...(values.waiting !== undefined && { waiting: numberOf('waiting', values.waiting, 0, 10_000) }),
      ...(values['better-car'] !== undefined && { betterCar: numberOf('better-car', values['better-car'], 0, 10_000) }),
    },
    ...(values.nearness !== undefined && { nearnessShare: numberOf('nearness', values.nearness, 0, 1) }),
    batchMs: numberOf('batch', values.batch, 0.5, 60) * 1000,
    list: numberOf('list', values.list, 0, 1_000_000),
  };
}

/** Ids as the graph has them, so that an operator can ask about them. */
function named({ changed, ...summary }: ReplaySummary) {
  const match = (found: Match | null) => found && { ...found, driverId: publicId('drv', found.driverId) };
  return {
    ...summary,
    changed: changed.map(({ tripId, recorded, replayed }) => ({ trip: publicId('trp', tripId), recorded: match(recorded), replayed: match(replayed) })),
  };
}

async function main(): Promise<void> {
  const options = readOptions();
  if (!options) return console.log(USAGE);
  const service = readServiceEnvironment(process.env);
  const internalSecret = service.INTERNAL_SECRET ?? (await keepSecret(service.DATA_DIR));
  const servers = await openServers({ dataDir: path.resolve(service.DATA_DIR), databaseUrl: service.DATABASE_URL, redisUrl: service.REDIS_URL });
  try {
    const ownerUrl = ownerUrlOf('dispatch', service, servers.databaseUrl);
    await migrateSubgraph({ subgraph: 'dispatch', ownerUrl, internalSecret });
    const log = createLog({ service: 'replay', level: service.LOG_LEVEL });
    const db = connectDatabase({
      url: appUrl(ownerUrl, 'dispatch', internalSecret),
      log,
      clock: () => new Date(),
      poolSize: 1,
      applicationName: 'waygraph-replay',
    });
    try {
      const cause = { traceId: '0'.repeat(32), causationId: 'replay' };
      const summary = await inTransaction(systemActor('replay'), db, cause, (tx) =>
        replayRounds(recordedRounds(tx.orm, options.from, options.until), (ids) => tripFactsOf(tx.orm, ids), options),
      );
      console.log(JSON.stringify({ ...options, ...named(summary) }, null, 2));
    } finally {
      await db.close();
    }
  } finally {
    await servers.stop();
  }
}

main().catch((error: Error) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
