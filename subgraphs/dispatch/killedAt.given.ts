import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Sql } from 'postgres';
import type { Actor } from '../../platform/actor.js';

/** A number that stands for the place where the process is stopped. */
const HERE = 20_251;
const WITHIN_MS = 60_000;

/** What is needed of the harness, which nothing but tests may import. */
interface Servers {
  owner: Sql;
  environment: { databaseUrl: string; redisUrl: string };
}

/**
 * Starts a dispatch process of its own, has it do something, and kills it inside a transaction: before the first row of `table` for which `condition` (SQL
 * that may speak of `new`) is true. Resolves when what the transaction had done is gone.
 * @param ask what the process is asked for, as this person; null when it finds something to do by itself
 */
export async function killedAt(
  { owner, environment }: Servers,
  secret: string,
  { table, condition }: { table: string; condition: string },
  ask: { actor: Actor; query: string; variables: Record<string, unknown> } | null,
): Promise<void> {
  await owner.unsafe(`create function stop_here() returns trigger language plpgsql as $$ begin
      if ${condition} then perform pg_advisory_xact_lock(${HERE}); end if; return new; end $$;
    create trigger stop_here before insert on ${table} for each row execute function stop_here();`);
  const holder = await owner.reserve();
  await holder`select pg_advisory_lock(${HERE})`;
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', fileURLToPath(new URL('killed.given.ts', import.meta.url))], {
    env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: environment.databaseUrl, REDIS_URL: environment.redisUrl, INTERNAL_SECRET: secret },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const answered: unknown[] = [];
  child.on('message', (message) => {
    if (message !== 'ready') answered.push(message);
    else if (ask) {
      const { query, variables, actor } = ask;
      child.send({ request: { query, variables }, caller: { actor, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null } });
    }
  });
  const waiters = async () => (await holder`select 1 from pg_locks where locktype = 'advisory' and objid = ${HERE} and not granted`).length;
  const until = async (isSo: () => Promise<boolean>, what: string) => {
    for (const deadline = Date.now() + WITHIN_MS; !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 20))) {
      if (Date.now() > deadline) throw new Error(`${what} did not come true; the process answered ${JSON.stringify(answered)}`);
    }
  };
  try {
    await until(async () => (await waiters()) > 0, 'a transaction at the place');
    child.kill('SIGKILL');
    await gone;
    await holder`select pg_advisory_unlock(${HERE})`;
    await until(async () => (await waiters()) === 0, 'the end of the dead transaction');
  } finally {
    child.kill('SIGKILL');
    holder.release();
    await owner.unsafe(`drop trigger stop_here on ${table}; drop function stop_here();`);
  }
}
