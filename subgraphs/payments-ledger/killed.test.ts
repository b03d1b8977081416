import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { publicId } from '../../platform/ids.js';
import { money } from '../../platform/money.js';
import type { EventEnvelope } from '../../platform/outbox.js';
import { openQueue } from '../../platform/queue.js';
import { eventQueueName } from '../../platform/relay.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph } from '../../test/subgraphHarness.js';
import { decideOrder } from './adapters/sandboxOrders.js';
import { initiateDeposit } from './depositCommands.js';
import { openDesk } from './desk.given.js';
import { brokenInvariants } from './invariants.js';
import { verifyLedger } from './ledgerVerification.js';
import { startPaymentsLedger } from './main.js';
import { servedBy } from './payments.given.js';
import { openDriverWallet } from './wallets.js';
import { approveWithdrawal, requestWithdrawal } from './withdrawalCommands.js';

/** In place of a subgraph in this process: only its database and its queue are wanted. */
const idle = { name: 'payments-ledger', routes: [], stop: async () => {} } as Partial<Subgraph> as Subgraph;

/** Where the process is killed: right after this statement, within its transaction or between our call and its answer. */
const PLACES = [
  'holds INSERT',
  'transactions INSERT',
  'payments UPDATE',
  'gateway_calls INSERT',
  'sandbox_charges INSERT',
  'gateway_calls UPDATE',
  'webhook_events INSERT',
  'deposits UPDATE',
  'sandbox_orders UPDATE',
  'withdrawals UPDATE',
  'consumed_events INSERT',
] as const;
const LOCK = 4_711;
/** Each process lives this much later than the one before: the leases of what that one had begun are over. */
const LATER_MS = 20_000;

/** Makes the service's own statements wait after a statement that is named in `stop_at`, for as long as the test holds the lock. */
async function installStops(t: TestSubgraph): Promise<void> {
  await t.owner.unsafe(`
    create table stop_at (place text);
    create function stop_here() returns trigger language plpgsql security definer set search_path = public as $$
    begin
      if current_setting('application_name') = 'waygraph-payments-ledger' and exists (select 1 from stop_at where place = tg_table_name || ' ' || tg_op) then
        perform pg_advisory_xact_lock_shared(${LOCK});
      end if;
      return null;
    end $$;`);
  for (const place of PLACES) {
    const [table, operation] = place.split(' ');
    await t.owner.unsafe(`create trigger stop_${operation?.toLowerCase()} after ${operation} on ${table} for each row execute function stop_here()`);
  }
}

function startProcess(t: TestSubgraph, clockShiftMs: number) {
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', fileURLToPath(new URL('killed.given.ts', import.meta.url))], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      DATABASE_URL: t.environment.databaseUrl,
      REDIS_URL: t.environment.redisUrl,
      INTERNAL_SECRET: TEST_SECRET,
      CLOCK_SHIFT_MS: String(clockShiftMs),
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  return {
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

test('PF-02: killed after any statement, with a gateway that repeats and reorders: nothing lost, nothing doubled, books clean', {
  timeout: 300_000,
}, async () => {
  await using t = await startTestSubgraph('payments-ledger', async () => idle);
  await installStops(t);
  const desk = openDesk(t.environment, TEST_SECRET, 3);
  const queue = openQueue<EventEnvelope>(eventQueueName('payments-ledger'), t.environment.redisUrl, t.environment.log);
  const sent: EventEnvelope[] = [];
  const tell = (emitter: string, type: string, aggregateId: string, payload: object) => {
    const previousSequence = sent.filter((event) => event.aggregateId === aggregateId).length;
    sent.push({
      id: randomUUID(),
      emitter,
      consumer: 'payments-ledger',
      type,
      version: 1,
      aggregateType: 'test',
      aggregateId,
      sequence: previousSequence + 1,
      previousSequence,
      payload,
      metadata: { traceId: '0'.repeat(32), causationId: randomUUID(), actor: 'test' },
      occurredAt: new Date().toISOString(),
    });
  };
  /** Everything that has not had its effect, again: as a relay does. */
  const sendAll = async (round: number) => {
    const done = new Set((await t.owner`select event_id from consumed_events`).map((row) => row.event_id));
    await queue.sendAll(sent.filter(({ id }) => !done.has(id)).map((event) => ({ name: event.type, data: event, id: `${event.id}-${round}` })));
  };

  const totals = { deposits: 0, wallets: 0 };
  /** One of each flow: a deposit; bookings by wallet and card, one of each cancelled after it was paid; trips; a withdrawal. */
  const beginFlows = async () => {
    const [customer, driver] = [randomUUID(), randomUUID()];
    await desk.fund(customer, 1_000_00n, `fund:${customer}`);
    await desk.run((tx) => openDriverWallet(tx, driver));
    await desk.fund(driver, 100_00n, `fund:${driver}`).catch(() => {});
    totals.wallets += 1;
    const depositId = await desk.run((tx) => initiateDeposit(tx, { userId: customer, amount: money(50_00n), adapter: 'sandbox' }));
    await desk.run((tx) => decideOrder(tx, { id: publicId('dep', depositId), ...money(50_00n), outcome: 'PAID' }, 0));
    totals.deposits += 1;
    for (const [paymentMethod, cancelled] of [
      ['WALLET', false],
      ['CARD', true],
    ] as const) {
      const bookingId = randomUUID();
      const facts = { bookingId, customerId: customer, vehicleId: randomUUID(), totalMinor: '10000', currency: 'EGP' };
      const holdExpiresAt = new Date(Date.now() + 3_600_000).toISOString();
      tell('booking', 'booking.held', bookingId, { ...facts, paymentMethod, paymentToken: null, holdExpiresAt });
      tell('booking', 'booking.confirmed', bookingId, facts);
      if (cancelled) tell('booking', 'booking.cancelled', bookingId, { bookingId, feeMinor: '1000', currency: 'EGP' });
    }
    const tripId = randomUUID();
    const trip = { tripId, riderId: customer, driverUserId: driver, vehicleType: 'ECONOMY', fareMinor: '4000', currency: 'EGP', paymentMethod: 'WALLET' };
    tell('dispatch', 'trip.requested', tripId, { ...trip, paymentToken: null });
    tell('dispatch', 'trip.completed', tripId, trip);
    const withdrawalId = await desk.run((tx) => requestWithdrawal(tx, { userId: customer, amount: money(10_00n), method: 'BANK', accountNumber: '12345678' }));
    await desk.run((tx) => approveWithdrawal(tx, withdrawalId));
  };

  const blocker = await t.owner.reserve();
  try {
    for (const [round, place] of PLACES.entries()) {
      await blocker`select pg_advisory_lock(${LOCK})`;
      await blocker`insert into stop_at values (${place})`;
      await beginFlows();
      const child = startProcess(t, round * LATER_MS);
      try {
        await sendAll(round);
        const waiting = () => blocker`select 1 from pg_locks where locktype = 'advisory' and not granted and objid = ${LOCK}`;
        await eventually(async () => (await waiting()).length > 0, `the process to reach ${place}`, 60_000);
      } finally {
        await child.kill();
      }
      await blocker`delete from stop_at`;
      await blocker`select pg_advisory_unlock(${LOCK})`;
    }
  } finally {
    blocker.release();
  }

  t.setClock(new Date(Date.now() + PLACES.length * LATER_MS));
  const served = servedBy(startPaymentsLedger);
  const last = await served.start({ ...t.environment, ...served.env });
  try {
    await sendAll(PLACES.length);
    const consumed = async () => (await t.owner`select count(*)::int as n from consumed_events`)[0]?.n;
    await eventually(async () => (await consumed()) === sent.length, 'every event to have its effect', 60_000);
    const open = () => t.owner`select kind, key from timers where kind in ('gateway.call', 'payout', 'sandbox.webhook')`;
    await eventually(async () => (await open()).length === 0, 'all calls to be answered', 60_000);
  } finally {
    await last.stop();
  }

  const [done] = await t.owner`select
      (select count(*)::int from deposits where status = 'COMPLETED') as deposits,
      (select count(*)::int from transactions where kind = 'DEPOSIT' and reference_type = 'DEPOSIT') as credits,
      (select count(*)::int from withdrawals where status = 'PAID') as withdrawals,
      (select count(*)::int from transactions where kind = 'WITHDRAWAL_PAYOUT') as payouts,
      (select count(*)::int from transactions where kind = 'TRIP_SETTLEMENT') as trips,
      (select count(*)::int from payments where method = 'WALLET' and status = 'CAPTURED') as wallet_payments,
      (select count(*)::int from payments where method = 'CARD' and status in ('CAPTURED', 'REFUNDED', 'VOIDED', 'DECLINED')) as card_payments,
      (select coalesce(sum(captured_minor - refunded_minor), 0)::int from sandbox_charges) as at_gateway,
      (select coalesce(sum(captured_minor - refunded_minor), 0)::int from payments where method = 'CARD') as of_cards`;
  const flows = PLACES.length;
  expect(totals).toEqual({ deposits: flows, wallets: flows });
  expect(done).toMatchObject({ deposits: flows, credits: flows, withdrawals: flows, payouts: flows, trips: flows });
  // A card whose gateway was silent for a minute, because its process was dead, is declined: and then nothing is left of it at the gateway.
  expect(done).toMatchObject({ wallet_payments: 2 * flows, card_payments: flows });
  expect(done?.at_gateway).toBe(done?.of_cards);
  expect(await desk.run((tx) => brokenInvariants(tx, true))).toEqual([]);
  expect((await verifyLedger(t.owner)).damage).toEqual([]);
  await queue.close();
  await desk.db.close();
});
