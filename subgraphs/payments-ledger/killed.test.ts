import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { signInternalToken } from '../../platform/actor.js';
import { publicId, uuidOf } from '../../platform/ids.js';
import type { EventEnvelope } from '../../platform/outbox.js';
import { openQueue } from '../../platform/queue.js';
import { eventQueueName } from '../../platform/relay.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { openDesk } from './desk.given.js';
import { brokenInvariants } from './invariants.js';
import { type Ended, FLOWS, type Place, type World } from './killedFlows.given.js';
import { verifyLedger } from './ledgerVerification.js';
import { startPaymentsLedger } from './main.js';
import { type Person, servedBy, TEST_CONFIG } from './payments.given.js';
import { openDriverWallet } from './wallets.js';

/** In place of a subgraph in this process: only its database and its queue are wanted. */
const idle = { name: 'payments-ledger', routes: [], stop: async () => {} } as Partial<Subgraph> as Subgraph;

/** Flows that one kill meets, each at its own place: so few that a process can still do something when most of them are there. */
const AT_ONCE = 12;
/** When nobody else has come to a place for so long, the rest is left for the next kill: it only takes longer then. */
const QUIET_MS = 1_500;
/** Each process lives this much later than the one before: the leases of what that one had begun are over. */
const LATER_MS = 20_000;
const FIRST_LOCK = 4_711_000;
/** Amounts lie this far apart, so that what follows from one is nobody else's. */
const APART = 100;

interface Stop extends Place {
  name: string;
  lock: number;
}

/** Makes the service's own statements wait after a row that is named in `stop_at`, for as long as the test holds its lock. */
async function installStops(t: TestSubgraph, tables: Iterable<string>): Promise<void> {
  await t.owner.unsafe(`
    create table stop_at (lock bigint primary key, on_table text, operation text, facts jsonb);
    create function stop_here() returns trigger language plpgsql security definer set search_path = public as $$
    declare
      found bigint;
    begin
      if current_setting('application_name') <> 'waygraph-payments-ledger' then return null; end if;
      select lock into found from stop_at where on_table = tg_table_name and operation = tg_op
        and to_jsonb(new) || jsonb_build_object('delivered', to_jsonb(new) ->> 'delivered_at' is not null) @> facts limit 1;
      if found is not null then perform pg_advisory_xact_lock_shared(found); end if;
      return null;
    end $$;`);
  for (const table of tables) await t.owner.unsafe(`create trigger stop_here after insert or update on ${table} for each row execute function stop_here()`);
}

/** A process that has loaded everything and waits to be told when it lives. */
function prepareProcess(t: TestSubgraph): ChildProcess {
  return spawn(process.execPath, [fileURLToPath(new URL('killed.given.mjs', import.meta.url))], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      DATABASE_URL: t.environment.databaseUrl,
      REDIS_URL: t.environment.redisUrl,
      INTERNAL_SECRET: TEST_SECRET,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** Starts it; resolves with where it listens. */
async function begin(child: ChildProcess, shiftMs: number): Promise<string> {
  if (!child.stdin || !child.stdout) throw new Error('the process has no pipes');
  child.stdin.write(`${shiftMs}\n`);
  for await (const line of createInterface({ input: child.stdout })) return new URL(line).origin;
  throw new Error('the process ended before it listened');
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

test('PF-02, PL-08, PL-10…13: killed between every two steps of every flow, with a gateway that repeats and reorders: nothing lost, nothing doubled, books clean', {
  timeout: 300_000,
}, async () => {
  await using t = await startTestSubgraph('payments-ledger', async () => idle);
  const desk = openDesk(t.environment, TEST_SECRET, 3);
  const queue = openQueue<EventEnvelope>(eventQueueName('payments-ledger'), t.environment.redisUrl, t.environment.log);
  const alive: { origin: string | null; shiftMs: number } = { origin: null, shiftMs: 0 };
  const sent: EventEnvelope[] = [];
  const asked: { by: Person; query: string; variables: Record<string, unknown>; id: string | undefined }[] = [];

  const send = (event: EventEnvelope) => queue.send(event.type, event, { id: `${event.id}-${randomUUID()}` });
  /** Everything that has not had its effect, again: as a relay does. */
  const sendAll = async () => {
    const done = new Set((await t.owner`select event_id from consumed_events`).map((row) => row.event_id));
    await Promise.all(sent.filter(({ id }) => !done.has(id)).map(send));
  };
  /** Whatever is asked of a process that dies is asked of the next one. */
  const persist = async <T>(what: string, attempt: (origin: string) => Promise<T | null>): Promise<T> => {
    const answer = await eventually(async () => (alive.origin === null ? null : { got: await attempt(alive.origin) }), what, 120_000);
    return answer.got ?? persist(what, attempt);
  };
  const post = async (by: Person, query: string, variables: Record<string, unknown>, origin: string) => {
    const token = signInternalToken(by, TEST_SECRET, new Date(Date.now() + alive.shiftMs));
    const headers = { 'content-type': 'application/json', authorization: `Internal ${token}` };
    const response = await fetch(`${origin}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
    return (await response.json()) as {
      data: Record<string, Record<string, string>> | null;
      errors?: { message: string; extensions: Record<string, unknown> }[];
    };
  };
  const waiters = new Map<string, { state: string; resolve: (paymentId: string) => void }>();
  /** Looks at all payments at once, for all who wait for one. */
  const look = async () => {
    const rows =
      await t.owner`select id, subject_type || ' ' || subject_id as subject, concat_ws(' ', status, captured_minor, refunded_minor, debt_minor) as state
      from payments where subject_id = any(${[...waiters.keys()].map((key) => key.split(' ')[1] ?? '')}::uuid[])`;
    for (const { id, subject, state } of rows) {
      const waiter = waiters.get(subject);
      if (!waiter || !`${state} `.startsWith(`${waiter.state} `)) continue;
      waiters.delete(subject);
      waiter.resolve(publicId('pay', id));
    }
  };
  const world: World = {
    admin: user('ADMIN'),
    ask: async (by, query, variables) => {
      const refused: string[] = [];
      const answer = await persist<Record<string, string>>('an answer', async (origin) => {
        const { data, errors } = await post(by, query, variables, origin);
        const lasting = errors?.find(({ extensions }) => extensions.retryAfter === undefined);
        if (lasting) refused.push(`${lasting.message} ${JSON.stringify(lasting.extensions)}`);
        return lasting ? {} : errors ? null : (Object.values(data ?? {})[0] ?? {});
      });
      if (refused.length > 0) throw new Error(`${query}: ${refused.join()}`);
      asked.push({ by, query, variables, id: answer.id });
      return answer;
    },
    pay: async (url) => {
      const { pathname, search } = new URL(url);
      await persist('the page', async (origin) => {
        const response = await fetch(origin + pathname + search, { method: 'POST', body: new URLSearchParams({ outcome: 'pay' }) });
        await response.text();
        return response.ok || null;
      });
    },
    tell: (emitter, type, aggregateId, payload) => {
      const previousSequence = sent.filter((event) => event.aggregateId === aggregateId).length;
      const event: EventEnvelope = {
        ...{ id: randomUUID(), emitter, consumer: 'payments-ledger', type, version: 1, aggregateType: 'test', aggregateId },
        ...{ sequence: previousSequence + 1, previousSequence, payload, occurredAt: new Date().toISOString() },
        metadata: { traceId: '0'.repeat(32), causationId: randomUUID(), actor: 'test' },
      };
      sent.push(event);
      // What is told while nobody lives is sent to the next one, with all that had no effect.
      if (alive.origin) void send(event);
    },
    until: (subjectType, subjectId, state) =>
      new Promise((resolve) => {
        waiters.set(`${subjectType} ${subjectId}`, { state, resolve });
      }),
    rich: async (type) => {
      const person = user(type);
      await desk.fund(person.id, 1_000_00n, `fund:${person.id}`);
      if (type === 'DRIVER') await desk.run((tx) => openDriverWallet(tx, person.id));
      return person;
    },
  };

  const waiting: (Stop & { begin: () => Promise<Ended> })[] = [];
  for (const [name, flow] of Object.entries(FLOWS)) {
    for (const place of Object.keys(flow.places(0))) {
      const n = waiting.length;
      const minor = 200_00 + n * APART;
      const stop = flow.places(minor)[place] as Place;
      waiting.push({ ...stop, name: `${name}: ${place}`, lock: FIRST_LOCK + n, begin: () => flow.run(world, minor) });
    }
  }
  // Those that hold up the sweeper come last, and together: at such a place nothing else that is due goes on.
  // The others are mixed, so that not all who come together wait in the same part of a process.
  const turn = (stop: Stop) => (stop.sweeps ? Number.POSITIVE_INFINITY : ((stop.lock - FIRST_LOCK) * 7) % 61);
  waiting.sort((a, b) => (turn(a) < turn(b) ? -1 : 1));
  const stops = waiting.length;
  await installStops(t, new Set(waiting.map(({ table }) => table)));

  const armed = new Map<number, Stop>();
  const flows: Promise<Ended>[] = [];
  const failures: unknown[] = [];
  const blocker = await t.owner.reserve();
  const reached = async () =>
    (
      await blocker`select objid::int as lock from pg_locks where locktype = 'advisory' and not granted and classid = 0
        and objid between ${FIRST_LOCK} and ${FIRST_LOCK + stops} and database = (select oid from pg_database where datname = current_database())`
    ).map((row) => row.lock as number);
  const arm = async () => {
    for (const stop of waiting.splice(0, AT_ONCE - armed.size)) {
      armed.set(stop.lock, stop);
      await blocker`select pg_advisory_lock(${stop.lock})`;
      await blocker`insert into stop_at values (${stop.lock}, ${stop.table}, ${stop.operation}, ${blocker.json(stop.facts as never)})`;
      const flow = stop.begin();
      flow.catch((error) => failures.push(error));
      flows.push(flow);
    }
  };
  /** Until every flow has come to its place, or those that have hold up the others. */
  const settled = async () => {
    let [there, since] = [0, Date.now()];
    const all = async () => {
      if (failures.length > 0) throw failures[0];
      await look();
      const now = (await reached()).length;
      if (now > there) [there, since] = [now, Date.now()];
      return there === armed.size || (there > 0 && Date.now() - since > QUIET_MS);
    };
    await eventually(all, `one of ${[...armed.values()].map(({ name }) => name).join(', ')} to be reached`);
  };

  let kills = 0;
  let next = prepareProcess(t);
  try {
    while (armed.size + waiting.length > 0) {
      await arm();
      const child = next;
      alive.shiftMs = kills * LATER_MS;
      alive.origin = await begin(child, alive.shiftMs);
      await sendAll();
      next = prepareProcess(t);
      await settled();
      const there = await reached();
      alive.origin = null;
      await kill(child);
      kills += 1;
      for (const lock of there) {
        armed.delete(lock);
        await blocker`delete from stop_at where lock = ${lock}`;
        await blocker`select pg_advisory_unlock(${lock})`;
      }
      const backends = () => blocker`select 1 from pg_stat_activity where datname = current_database() and application_name = 'waygraph-payments-ledger'`;
      // What it had begun is taken back: its connections are noticed to be dead, once nothing holds them up.
      await eventually(async () => (await backends()).length <= armed.size, 'the dead process to be forgotten');
    }
  } finally {
    await kill(next);
    blocker.release();
  }
  expect(stops).toBeGreaterThan(50);

  alive.shiftMs = kills * LATER_MS;
  t.setClock(new Date(Date.now() + alive.shiftMs));
  const served = servedBy(startPaymentsLedger, { ...TEST_CONFIG, gatewayTimeoutMs: 10_000 });
  const last = await served.start({ ...t.environment, ...served.env });
  try {
    alive.origin = new URL(served.env.graphUrl()).origin;
    await sendAll();
    const all = Promise.all(flows);
    await eventually(() => look().then(() => waiters.size === 0), 'every flow to come to its end', 60_000);
    const ended = await all;
    const consumed = async () => (await t.owner`select count(*)::int as n from consumed_events`)[0]?.n;
    await eventually(async () => (await consumed()) === sent.length, 'every event to have its effect', 60_000);
    const open = async () => {
      const left = await t.owner`select kind, key, due_at, attempts, last_error from timers
        where kind in ('gateway.call', 'payout', 'sandbox.webhook', 'sandbox.payout')`;
      if (left.length > 0) throw new Error(`${left.length} are not: ${JSON.stringify(left.slice(0, 5))}`);
      return true;
    };
    // What waits for its next attempt by now waits for a minute at most: the clock goes on until it is due.
    for (let minutes = 1; !(await open().catch(() => false)); minutes += 1) {
      alive.shiftMs += 60_000;
      t.setClock(new Date(Date.now() + alive.shiftMs));
      await eventually(open, 'all calls to be answered', 10_000).catch((error: Error) => {
        if (minutes >= 5) throw error;
      });
    }
    // All of it once more, as a relay does that has lost its acknowledgements.
    await Promise.all(sent.map(send));
    world.tell('booking', 'booking.atRisk', randomUUID(), {});
    await eventually(async () => (await consumed()) === sent.length, 'what was told after the repetitions', 60_000);
    for (const { subject, kinds, states } of ended) {
      const id = uuidOf('dep', subject) ?? uuidOf('wdr', subject) ?? subject;
      const posted = await t.owner`select kind from transactions where reference_id = ${id} order by kind`;
      const rows = await t.owner`select concat_ws(' ', status, captured_minor, refunded_minor, debt_minor) as state from payments where subject_id = ${id}
        union all select status from deposits where id = ${id} union all select status from withdrawals where id = ${id} order by 1`;
      expect({ subject, kinds: posted.map((row) => row.kind), states: rows.map((row) => row.state) }).toEqual({ subject, kinds, states });
    }
    // Whoever asks again under the same key gets the same thing, whichever process made it.
    for (const { by, query, variables, id } of asked) {
      const { data, errors } = await post(by, query, variables, alive.origin);
      expect(errors).toBeUndefined();
      expect(Object.values(data ?? {})[0]?.id).toBe(id);
    }
    // Nothing is in flight any more: everything is held against the books, and the deposits against what the gateway says was paid.
    for (const [table, column] of Object.entries({ deposits: 'settled_at', sandbox_orders: 'decided_at', payables: 'since' })) {
      await t.owner.unsafe(`update ${table} set ${column} = ${column} - interval '2 minutes'`);
    }
    const query = 'mutation { runReconciliation { ok discrepancies { kind expected actual reference } } }';
    const caller = { actor: world.admin, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null };
    expect((await last.execute({ query }, caller)).data).toEqual({ runReconciliation: { ok: true, discrepancies: [] } });
  } finally {
    await last.stop();
  }

  // The gateway has what the books say, and nothing is left promised there; the bank was told of each payout as often as it took, and knows one of each.
  const [outside] = await t.owner`select
      (select coalesce(sum(captured_minor - refunded_minor), 0)::int from sandbox_charges) as at_gateway,
      (select coalesce(sum(captured_minor - refunded_minor), 0)::int from payments where method = 'CARD') as of_cards,
      (select count(*)::int from sandbox_charges where status = 'AUTHORISED') as promised,
      (select count(*)::int from sandbox_payouts) as payouts,
      (select count(distinct order_id)::int from sandbox_payouts) as payout_orders,
      (select count(*)::int from withdrawals where status in ('PAID', 'FAILED')) as withdrawals`;
  expect(outside).toMatchObject({ at_gateway: outside?.of_cards, promised: 0, payouts: outside?.withdrawals, payout_orders: outside?.withdrawals });
  expect(await desk.run((tx) => brokenInvariants(tx, true))).toEqual([]);
  expect((await verifyLedger(t.owner)).damage).toEqual([]);
  await queue.close();
  await desk.db.close();
});
