import path from 'node:path';
import { parseArgs } from 'node:util';
import postgres from 'postgres';
import { keepSecret, openServers } from '../gateway/servers.js';
import { ConfigError } from '../platform/config.js';
import { createLog } from '../platform/log.js';
import { migrateSubgraph } from '../platform/migrate.js';
import type { EventEnvelope } from '../platform/outbox.js';
import type { Subgraph } from '../platform/subgraph.js';
import { ownerUrlOf, readServiceEnvironment } from '../subgraphs/environment.js';
import { STARTERS } from '../subgraphs/starters.js';

const BATCH = 500;

/** Sends an emitter's old events to one consumer's local copies, oldest first. Returns how many it kept a copy from. */
export async function replayFrom(emitter: string, emitterUrl: string, consumer: string, subgraph: Subgraph): Promise<number> {
  const sql = postgres(emitterUrl, { max: 1, onnotice: () => {} });
  let kept = 0;
  try {
    for (let position = '0'; ; ) {
      const rows = await sql`select e.position::text as position, e.id, e.type, e.version, e.aggregate_type as "aggregateType", e.aggregate_id as "aggregateId",
          d.sequence, d.previous_sequence as "previousSequence", e.payload, e.metadata, e.occurred_at as "occurredAt"
        from events e join deliveries d on d.event_id = e.id and d.consumer = ${consumer}
        where e.position > ${position}::bigint order by e.position limit ${BATCH}`;
      for (const { position: _position, ...row } of rows) {
        if (await subgraph.replay({ ...row, emitter, consumer, occurredAt: new Date(row.occurredAt).toISOString() } as EventEnvelope)) kept += 1;
      }
      if (rows.length < BATCH) return kept;
      position = String(rows.at(-1)?.position);
    }
  } finally {
    await sql.end({ timeout: 5 });
  }
}

// `npm run replay-events -- --to booking`: rebuilds what booking keeps of other domains from their events (EV-01).
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { to: { type: 'string' } } });
  const consumer = values.to ?? '';
  const start = STARTERS[consumer];
  if (!start) throw new ConfigError(`Usage: npm run replay-events -- --to <${Object.keys(STARTERS).join(' | ')}>`);
  const service = readServiceEnvironment(process.env);
  const internalSecret = service.INTERNAL_SECRET ?? (await keepSecret(service.DATA_DIR));
  const servers = await openServers({ dataDir: path.resolve(service.DATA_DIR), databaseUrl: service.DATABASE_URL, redisUrl: service.REDIS_URL });
  try {
    const databaseUrl = ownerUrlOf(consumer, service, servers.databaseUrl);
    await migrateSubgraph({ subgraph: consumer, ownerUrl: databaseUrl, internalSecret });
    const log = createLog({ service: 'replay', level: service.LOG_LEVEL });
    const environment = {
      databaseUrl,
      redisUrl: servers.redisUrl,
      internalSecret,
      redeliverAfterMs: service.REDELIVER_AFTER_MS,
      log,
      clock: () => new Date(),
      graphUrl: () => service.GRAPH_URL ?? '',
    };
    const subgraph = await start(environment, process.env);
    try {
      for (const emitter of Object.keys(STARTERS).filter((name) => name !== consumer)) {
        const kept = await replayFrom(emitter, ownerUrlOf(emitter, service, servers.databaseUrl), consumer, subgraph);
        console.log(`${kept} events of ${emitter} applied to ${consumer}`);
      }
    } finally {
      await subgraph.stop();
    }
  } finally {
    await servers.stop();
  }
}

main().catch((error: Error) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
