import path from 'node:path';
import postgres from 'postgres';
import { openServers } from '../gateway/servers.js';
import { ConfigError } from '../platform/config.js';
import { ownerUrlOf, readServiceEnvironment } from '../subgraphs/environment.js';
import { verifyLedger } from '../subgraphs/payments-ledger/ledgerVerification.js';

// `npm run ledger:verify`: reads the whole ledger, names every entry, account and transaction that is not as it was written (PL-07), and exits with 1 when
// there is one. Changes nothing, and may run while the system does.
async function main(): Promise<void> {
  const service = readServiceEnvironment(process.env);
  const dataDir = path.resolve(service.DATA_DIR);
  const servers = await openServers({ dataDir, databaseUrl: service.DATABASE_URL, redisUrl: service.REDIS_URL });
  const sql = postgres(ownerUrlOf('payments-ledger', service, servers.databaseUrl), { max: 1, onnotice: () => {} });
  try {
    const { accounts, entries, damage } = await verifyLedger(sql);
    for (const { kind, where, problem } of damage) console.error(`${kind} ${where}: ${problem}`);
    console.log(`${entries} entries of ${accounts} accounts read: ${damage.length === 0 ? 'all as they were written' : `${damage.length} problems`}`);
    if (damage.length > 0) process.exitCode = 1;
  } finally {
    await sql.end({ timeout: 5 });
    await servers.stop();
  }
}

main().catch((error: Error) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
