import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { systemActor } from '../platform/actor.js';
import { startEmbeddedPostgres } from '../platform/embeddedPostgres.js';
import { createLog } from '../platform/log.js';
import { appRole, appUrl, migrateSubgraph } from '../platform/migrate.js';
import { connectDatabase, type Database, inTransaction, POOL_SIZE } from '../platform/postgres.js';
import { brokenInvariants } from '../subgraphs/payments-ledger/invariants.js';
import {
  type AccountRef,
  type AccountState,
  accountIdOf,
  applyPosting,
  GENESIS_HASH,
  ownedAccount,
  SUB_ACCOUNTS,
  systemAccount,
} from '../subgraphs/payments-ledger/ledger.js';
import { openAccounts } from '../subgraphs/payments-ledger/accountCommands.js';
import { atDesk, type Desk, type LedgerTx } from '../subgraphs/payments-ledger/desk.js';
import { post, postBatch } from '../subgraphs/payments-ledger/ledgerCommands.js';
import { verifyLedger } from '../subgraphs/payments-ledger/ledgerVerification.js';
import { periodOf, statementEntries } from '../subgraphs/payments-ledger/queries.js';
import { bookDay, reconcile } from '../subgraphs/payments-ledger/reconciliationCommands.js';
import { hasPgbench, openPgbench } from './ledger/pgbench.js';
import { type Row, summary } from './ledger/row.js';
import { serverCpuMs } from './serverCpu.js';

// PL-06: transfers per second, spread over many accounts and into one hot account, by plain SQL under pgbench and through the subgraph's commands, in one
// run on one server with fsync on: the same locks, rows, triggers and policies. Then a statement page and a reconciliation over a long account, and all
// invariants. `npm run bench ledger`; needs pgbench on PATH for the SQL rows. Compare rows with each other, not with other machines.

const SECONDS = Number(process.env.BENCH_SECONDS ?? 8);
const CLIENTS = 32;
/** As many as this machine's processors can keep busy. More of them do not post more: they take the processors' caches from each other. */
const BUSY_CLIENTS = 3 * availableParallelism();
/** Connections of the commands: as many as the product has, not one for each client. Those that wait then wait here, in turn. */
const POOL = Number(process.env.DATABASE_POOL ?? POOL_SIZE);
const WALLETS = 2_000;
const ENTRIES = Number(process.env.BENCH_ENTRIES ?? 1_000_000);
const SECRET = 'only for this benchmark, and gone after it';

const desk: Desk = { walletChanged: () => {}, driverDebtLimitMinor: 0n, sendsPayouts: false };
const people = Array.from({ length: WALLETS }, () => randomUUID());
const wallet = (n: number) => ownedAccount('CUSTOMER_WALLET', people[n % WALLETS] ?? '', 'EGP');
const any = () => Math.floor(Math.random() * WALLETS);

const inDesk = <T>(db: Database, work: (tx: LedgerTx) => Promise<T>) =>
  inTransaction(systemActor('bench'), db, { traceId: '0'.repeat(32), causationId: 'bench' }, (tx) => work(atDesk(tx, desk)));

/** A transfer through the commands, from one wallet into an account, by as many workers as pgbench has clients. */
async function throughCommands(db: Database, what: string, target: (n: number) => AccountRef): Promise<Row> {
  const latencies: number[] = [];
  let errors = 0;
  const worker = async (until: number, keep: boolean) => {
    while (performance.now() < until) {
      const from = any();
      const started = performance.now();
      try {
        await inDesk(db, (tx) =>
          post(tx, {
            key: randomUUID(),
            kind: 'TRIP_SETTLEMENT',
            reference: { type: 'TRIP', id: randomUUID() },
            entries: [
              { account: wallet(from), amountMinor: -1n },
              { account: target(from), amountMinor: 1n },
            ],
          }),
        );
        if (keep) latencies.push(performance.now() - started);
      } catch {
        errors += 1;
      }
    }
  };
  const all = (seconds: number, keep: boolean) => {
    const until = performance.now() + seconds * 1_000;
    return Promise.all(Array.from({ length: CLIENTS }, () => worker(until, keep)));
  };
  await all(1, false);
  const started = performance.now();
  const cpu = process.cpuUsage();
  await all(SECONDS, true);
  const { user, system } = process.cpuUsage(cpu);
  const row = summary(what, latencies, (performance.now() - started) / 1_000, errors);
  return { ...row, 'own CPU ms': Math.round((user + system) / latencies.length / 10) / 100 };
}

/** A row, with what the server used per transfer while it was measured. */
async function withServerCpu(owner: postgres.Sql, measure: () => Promise<Row>): Promise<Row> {
  const transfers = async () => Number((await owner`select count(*) as n from transactions`)[0]?.n);
  const [cpu, count] = [await serverCpuMs(owner), await transfers()];
  const row = await measure();
  const after = await serverCpuMs(owner);
  if (cpu === null || after === null) return row;
  return { ...row, 'server CPU ms': Math.round(((after - cpu) / ((await transfers()) - count)) * 100) / 100 };
}

/** As commands record it. */
const CAUSE = { traceId: '0'.repeat(32), causationId: randomUUID(), actor: 'system:bench' };
/** Accounts that the other sides of the long account's entries lie on. */
const SPREAD = 500;

/** One wallet with all of ENTRIES, and their other sides spread over many accounts, written with the triggers off and with real hashes. */
async function writeLongAccount(owner: postgres.Sql, db: Database): Promise<AccountRef> {
  const long = ownedAccount('CUSTOMER_WALLET', randomUUID(), 'EGP');
  const clearing = Array.from({ length: SPREAD }, (_, n): AccountRef => ({ ...systemAccount('GATEWAY_CLEARING', 'EGP', 'x'), shard: 100 + n }));
  await inDesk(db, (tx) => openAccounts(tx, [long, ...clearing]));
  const states = new Map<string, AccountState>(
    [long, ...clearing].map((ref) => {
      const state = { id: accountIdOf(ref), type: ref.type, ownerId: ref.ownerId, currency: 'EGP', balanceMinor: 0n, minBalanceMinor: null };
      return [state.id, { ...state, entryCount: 0n, lastHash: GENESIS_HASH, changedAt: new Date(0), closed: false }] as const;
    }),
  );
  const step = 2_500;
  const begin = Date.now() - ENTRIES * 2;
  for (let done = 0; done < ENTRIES; done += step) {
    const count = Math.min(step, ENTRIES - done);
    const rows = Array.from({ length: count }, (_, n) => {
      const transaction = { id: randomUUID(), recordedAt: new Date(begin + (done + n) * 2), cause: CAUSE };
      const reference = { type: 'TRIP' as const, id: transaction.id };
      const other = clearing[(done + n) % SPREAD] as AccountRef;
      const entries = [
        { account: other, amountMinor: -1n },
        { account: long, amountMinor: 1n },
      ];
      const locked = new Map([other, long].map((ref) => [accountIdOf(ref), states.get(accountIdOf(ref)) as AccountState]));
      const applied = applyPosting(locked, { key: transaction.id, kind: 'DEPOSIT', reference, entries }, transaction);
      for (const account of applied.accounts) states.set(account.id, account);
      return { transaction, applied };
    });
    const transactions = rows.map(({ transaction }) => ({ id: transaction.id, at: transaction.recordedAt }));
    const entries = rows.flatMap(({ applied }) =>
      applied.entries.map((entry) => ({
        a: entry.accountId,
        n: entry.number.toString(),
        t: entry.transactionId,
        m: entry.amountMinor.toString(),
        b: entry.balanceAfterMinor.toString(),
        at: entry.recordedAt,
        p: entry.previousHash.toString('hex'),
        h: entry.hash.toString('hex'),
      })),
    );
    await owner.begin(async (sql) => {
      await sql`set local session_replication_role = replica`;
      await sql`insert into transactions (id, posting_key, kind, reference_type, reference_id, metadata, cause, entry_count, effective_at, recorded_at)
        select x.id, x.id::text, 'DEPOSIT', 'TRIP', x.id, '{}', ${JSON.stringify(CAUSE)}::text::jsonb, 2, x.at, x.at
        from json_to_recordset(${JSON.stringify(transactions)}::text::json) as x(id uuid, at timestamptz)`;
      await sql`insert into entries (account_id, number, transaction_id, amount_minor, currency, balance_after_minor, effective_at, recorded_at, previous_hash, hash)
        select x.a, x.n, x.t, x.m, 'EGP', x.b, x.at, x.at, decode(x.p, 'hex'), decode(x.h, 'hex')
        from json_to_recordset(${JSON.stringify(entries)}::text::json)
          as x(a uuid, n bigint, t uuid, m bigint, b bigint, at timestamptz, p text, h text)`;
    });
  }
  await owner.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    for (const state of states.values()) {
      await sql`update accounts set balance_minor = ${state.balanceMinor.toString()}, entry_count = ${state.entryCount.toString()},
        last_hash = ${state.lastHash}, updated_at = ${state.changedAt} where id = ${state.id}`;
    }
  });
  await owner`analyze`;
  return long;
}

async function statementPages(db: Database, long: AccountRef): Promise<Row> {
  const latencies: number[] = [];
  const started = performance.now();
  for (let n = 0; n < 200; n += 1) {
    // Any page of any period: its cursor is a number behind the period's first.
    const from = new Date(Date.now() - Math.random() * ENTRIES * 2);
    const begin = performance.now();
    await inDesk(db, async (tx) => {
      const period = await periodOf(tx.orm, accountIdOf(long), from, new Date());
      const after = period.before + BigInt(Math.floor(Math.random() * Number(period.last - period.before + 1n)));
      await statementEntries(tx.orm, accountIdOf(long), period, { first: 100, after: [after.toString()] });
    });
    latencies.push(performance.now() - begin);
  }
  return summary(`any statement page of 100 in ${ENTRIES} entries`, latencies, (performance.now() - started) / 1_000);
}

const POSTING_CLIENTS = 8;

async function reconciliation(db: Database): Promise<Row> {
  const latencies: number[] = [];
  const started = performance.now();
  let running = true;
  const client = async () => {
    while (running) {
      const begin = performance.now();
      await inDesk(db, (tx) =>
        post(tx, {
          key: randomUUID(),
          kind: 'DEPOSIT',
          reference: { type: 'TRIP', id: randomUUID() },
          entries: [
            { account: systemAccount('GATEWAY_CLEARING', 'EGP', randomUUID()), amountMinor: -1n },
            { account: wallet(any()), amountMinor: 1n },
          ],
        }),
      );
      latencies.push(performance.now() - begin);
    }
  };
  const postings = Promise.all(Array.from({ length: POSTING_CLIENTS }, client));
  await inDesk(db, async (tx) => reconcile(tx, await bookDay(tx, null), [], true));
  const seconds = (performance.now() - started) / 1_000;
  running = false;
  await postings;
  const beganAlone = performance.now();
  await inDesk(db, async (tx) => reconcile(tx, await bookDay(tx, null), [], true));
  const alone = (performance.now() - beganAlone) / 1_000;
  return summary(
    `${POSTING_CLIENTS} clients posting during a whole reconciliation of ${ENTRIES * 2} entries: ${seconds.toFixed(1)} s, and ${alone.toFixed(1)} s when nobody posts`,
    latencies,
    seconds,
  );
}

/** Invariants and chains after a part of the run: printed, and the run ends with 1 when one is broken. */
let broken = 0;
async function checked(what: string, owner: postgres.Sql, db: Database, chains: boolean): Promise<void> {
  const [sums] = await owner`select sum(balance_minor)::text as accounts, (select coalesce(sum(amount_minor), 0)::text from entries) as entries from accounts`;
  const invariants = await inDesk(db, (tx) => brokenInvariants(tx, true));
  const verified = chains ? await verifyLedger(owner) : null;
  const problems = invariants.length + (verified?.damage.length ?? 0) + (sums?.accounts === '0' && sums.entries === '0' ? 0 : 1);
  broken += problems;
  const chained = verified ? `, ${verified.entries} entries of ${verified.accounts} accounts verified, ${verified.damage.length} problems` : '';
  console.log(`after ${what}: all accounts ${sums?.accounts}, all entries ${sums?.entries}, broken invariants ${invariants.length}${chained}`);
  for (const found of [...invariants, ...(verified?.damage ?? [])].slice(0, 10)) console.log(found);
}

const dir = await mkdtemp(path.join(tmpdir(), 'waygraph-bench-'));
const given = process.env.DATABASE_URL;
const server = given ? null : await startEmbeddedPostgres({ dataDir: dir, settings: { shared_buffers: '512MB', max_wal_size: '4GB' } });
const ownerUrl = new URL(given ?? server?.url() ?? '');
ownerUrl.pathname = `/bench_ledger_${createHash('sha256').update(randomUUID()).digest('hex').slice(0, 8)}`;
const rows: Row[] = [];
try {
  await migrateSubgraph({ subgraph: 'payments-ledger', ownerUrl: ownerUrl.href, internalSecret: SECRET });
  const owner = postgres(ownerUrl.href, { max: 2, onnotice: () => {} });
  const [fsync] = await owner`show fsync`;
  const log = createLog({ service: 'bench', level: 'error' });
  const serviceUrl = appUrl(ownerUrl.href, 'payments-ledger', SECRET);
  const db = connectDatabase({ url: serviceUrl, log, clock: () => new Date(), poolSize: POOL, applicationName: 'bench' });

  const shards = Array.from({ length: 64 }, (_, shard) => ({ ...systemAccount('PLATFORM_REVENUE', 'EGP', 'x'), shard }));
  const one: AccountRef = { ...systemAccount('PLATFORM_REVENUE', 'EGP', 'x'), shard: 99 };
  await inDesk(db, (tx) => openAccounts(tx, [one, ...shards]));
  for (let n = 0; n < WALLETS; n += 200) {
    const postings = Array.from({ length: 200 }, (_, m) => ({
      key: randomUUID(),
      kind: 'OPENING_BALANCE' as const,
      reference: { type: 'USER' as const, id: people[n + m] ?? '' },
      entries: [
        { account: systemAccount('OPENING', 'EGP', String(n)), amountMinor: -1_000_000_00n },
        { account: wallet(n + m), amountMinor: 1_000_000_00n },
      ],
    }));
    await inDesk(db, (tx) => postBatch(tx, postings));
  }
  await owner`create table bench_wallets as select row_number() over () as n, id from accounts where type = 'CUSTOMER_WALLET'`;
  await owner`create table bench_shards as select shard as n, id from accounts where type = 'PLATFORM_REVENUE' and shard < 99`;
  await owner.unsafe(`alter table bench_wallets add primary key (n); alter table bench_shards add primary key (n);
    grant select on bench_wallets, bench_shards to "${appRole('payments-ledger', SECRET).role}"; analyze`);

  const many = (n: number) => wallet(n + 1 + any());
  const hot = () => systemAccount('PLATFORM_REVENUE', 'EGP', randomUUID());
  const measure = async (row: () => Promise<Row>) => void rows.push(await withServerCpu(owner, row));
  await measure(() => throughCommands(db, 'commands: over many accounts', many));
  await measure(() => throughCommands(db, 'commands: into one hot account, one row', () => one));
  await measure(() => throughCommands(db, `commands: into one hot account, ${SUB_ACCOUNTS} sub-accounts`, hot));
  // Before pgbench writes: what it writes carries hashes of its own form, and only sums and invariants can be checked then.
  await checked('the commands', owner, db, true);
  if (hasPgbench()) {
    const service = appRole('payments-ledger', SECRET);
    const pgbench = openPgbench({ dir, url: ownerUrl, service, wallets: WALLETS, clients: CLIENTS, seconds: SECONDS });
    rows.push(await pgbench.itself());
    await measure(() => pgbench.transfers('SQL: over many accounts', '(select id from bench_wallets where n = :to)'));
    await measure(() => pgbench.transfers('SQL: into one hot account, one row', `'${accountIdOf(one)}'::uuid`));
    const hotRow = (shards: number, clients = CLIENTS) => {
      const what = `SQL: into one hot account, ${shards} sub-accounts${clients === CLIENTS ? '' : `, ${clients} connections`}`;
      return measure(() => pgbench.transfers(what, '(select id from bench_shards where n = :shard)', { shards, clients }));
    };
    for (const shards of [8, SUB_ACCOUNTS, 64]) await hotRow(shards);
    await hotRow(SUB_ACCOUNTS, BUSY_CLIENTS);
  } else {
    console.log('pgbench is not on PATH: rows of plain SQL are left out');
  }
  await checked('plain SQL', owner, db, false);

  await owner.unsafe(`set session_replication_role = replica; truncate entries, transactions, balance_checkpoints, events cascade;
    update accounts set balance_minor = 0, entry_count = 0, last_hash = decode(repeat('00', 32), 'hex'); set session_replication_role = origin`);
  console.table(rows);
  const long = await writeLongAccount(owner, db);
  console.log(`${ENTRIES} entries written`);
  rows.push(await statementPages(db, long));
  rows.push(await reconciliation(db));
  await checked('reconciliation', owner, db, true);
  await db.close();
  await owner.end({ timeout: 5 });
  console.log(`${CLIENTS} clients, ${POOL} connections for the commands, ${SECONDS} s each, fsync ${fsync?.fsync}, Node ${process.versions.node}`);
  console.table(rows);
  if (broken > 0) process.exitCode = 1;
} finally {
  if (given) {
    const admin = new URL(given);
    const sql = postgres(admin.href, { max: 1, onnotice: () => {} });
    await sql.unsafe(`drop database if exists "${ownerUrl.pathname.slice(1)}" with (force)`).finally(() => sql.end({ timeout: 5 }));
  }
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
}
