import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Row, summary } from './row.js';

const run = promisify(execFile);

interface Role {
  role: string;
  password: string;
}

/** Transfers in plain SQL under pgbench, on the tables `bench_wallets` and `bench_shards` that the benchmark has made. */
export interface Pgbench {
  /** Three updates, a read and an insert, without a trigger or a rule: what this machine can do at most for anything that moves money from row to row. */
  itself(): Promise<Row>;
  /** Transfers from any wallet into `target`, an expression for an account's id that may use `:to`, another wallet, and `:shard`, below `shards`. */
  transfers(what: string, target: string, options?: { shards?: number; clients?: number }): Promise<Row>;
}

export function hasPgbench(): boolean {
  try {
    execFileSync('pgbench', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** @param options `dir` for scripts and logs, `url` of the database as its owner, `service` the role that transfers are made as */
export function openPgbench(options: { dir: string; url: URL; service: Role; wallets: number; clients: number; seconds: number }): Pgbench {
  const { dir, url, service, wallets, clients: usual, seconds } = options;
  const database = url.pathname.slice(1);
  const asRole = ({ role, password }: Role) => ({ at: ['-h', url.hostname, '-p', url.port, '-U', role], env: { ...process.env, PGPASSWORD: password } });

  const measure = async (what: string, who: Role, script: readonly string[], clients: number): Promise<Row> => {
    const { at, env } = asRole(who);
    const place = await mkdtemp(path.join(dir, 'pgbench-'));
    const given = [...at, '-n', '-M', 'prepared', '-c', String(clients), '-j', '2', ...script];
    await run('pgbench', [...given, '-T', '1', database], { cwd: place, env });
    const { stdout } = await run('pgbench', [...given, '-T', String(seconds), '-l', '--log-prefix', 'log', database], { cwd: place, env });
    const latencies: number[] = [];
    for (const file of (await readdir(place)).filter((name) => name.startsWith('log'))) {
      for (const line of (await readFile(path.join(place, file), 'utf8')).split('\n')) if (line) latencies.push(Number(line.split(' ')[2]) / 1_000);
    }
    const failed = Number(/failed transactions: (\d+)/.exec(stdout)?.[1] ?? 0);
    return { ...summary(what, latencies, seconds, failed), 'per second': Math.round(Number(/tps = ([\d.]+)/.exec(stdout)?.[1])) };
  };

  return {
    async itself() {
      const owner = { role: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
      const { at, env } = asRole(owner);
      await run('pgbench', [...at, '-i', '-q', '-s', String(usual), database], { env });
      return measure("SQL: pgbench's own transaction (TPC-B-like), to know the machine by", owner, ['-b', 'tpcb-like'], usual);
    },
    async transfers(what, target, { shards = 1, clients = usual } = {}) {
      const script = path.join(await mkdtemp(path.join(dir, 'script-')), 'transfer.sql');
      await writeFile(script, transferSql(target, shards, wallets));
      return measure(what, service, ['-f', script], clients);
    },
  };
}

/** The commands' transfer in SQL: the statements that the commands send, in as many round trips, hence the same locks in the same order, rows, triggers and policies. */
function transferSql(target: string, shards: number, wallets: number): string {
  const ids = `array[(select id from bench_wallets where n = :from), ${target}]`;
  const facts = `'TRIP_SETTLEMENT', 'TRIP', gen_random_uuid(), '{}', '{}', null, date_trunc('milliseconds', clock_timestamp()), null`;
  return `\\set from random(1, ${wallets})
\\set to 1 + (:from + random(0, ${wallets - 2})) % ${wallets}
\\set shard random(0, ${shards - 1})
\\startpipeline
begin;
select set_config('waygraph.actor_id', '', true), set_config('waygraph.actor_roles', 'SYSTEM', true);
select ledger_post(gen_random_uuid(), gen_random_uuid()::text, ${facts}, p.ids, '{EGP,EGP}', '{-1,1}', array[null, null]::bigint[], p.ids, '""')
  from (select ${ids} as ids offset 0) p;
\\endpipeline
commit;
`;
}
