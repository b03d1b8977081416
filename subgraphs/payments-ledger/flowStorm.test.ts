import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, systemActor } from '../../platform/actor.js';
import { Refusal } from '../../platform/errors.js';
import { once } from '../../platform/idempotency.js';
import { publicId } from '../../platform/ids.js';
import { money } from '../../platform/money.js';
import { inTransaction } from '../../platform/postgres.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph, tally, user } from '../../test/subgraphHarness.js';
import { NO_FAULTS } from './adapters/sandboxFaults.js';
import { changeBookingPrice } from './bookingCharges.js';
import { settleDebt } from './debtCommands.js';
import { initiateDeposit } from './depositCommands.js';
import { DEBT_LIMIT, desk as teller, openDesk } from './desk.given.js';
import { expireHold, lockHold } from './holdCommands.js';
import { brokenInvariants } from './invariants.js';
import { atDesk, type LedgerTx } from './desk.js';
import { verifyLedger } from './ledgerVerification.js';
import { startPaymentsLedger } from './main.js';
import { fundPartnerWallet, openPartnerWallet } from './partnerCommands.js';
import { authorisePayment, captureBooking, closePayment } from './paymentCommands.js';
import { given, type Person, servedBy, TEST_CONFIG } from './payments.given.js';
import { refundPayment, waiveDebt } from './refundCommands.js';
import { revertBatch } from './reversalCommands.js';
import { settleTrip } from './tripCommands.js';
import { takeGatewayEvent } from './webhookCommands.js';
import { approveWithdrawal, expireWithdrawal, rejectWithdrawal, requestWithdrawal } from './withdrawalCommands.js';

const WORKERS = 20;
const OPERATIONS = 500;
const CREDIT = 100_00n;

let t: TestSubgraph;
let desk: ReturnType<typeof openDesk>;
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger, { ...TEST_CONFIG, sandboxFaults: { ...NO_FAULTS, copies: 2, reorder: true } });
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  desk = openDesk(t.environment, TEST_SECRET);
});
afterAll(async () => {
  await desk.db.close();
  await t[Symbol.asyncDispose]();
});

/** A generator that repeats itself from its seed (mulberry32), so that a failing storm can be had again. */
function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
type Random = (below: number) => number;

interface Trip {
  id: string;
  rider: string;
  method: 'WALLET' | 'CASH' | 'CARD';
  /** How it ends, whenever and how often that is told: dispatch decides it once. */
  ends: 'COMPLETED' | 'CANCELLED';
  fareMinor: bigint;
  driver: string;
  vehicleType: string;
}
interface Storm {
  riders: Person[];
  drivers: Person[];
  trips: Trip[];
  bookings: string[];
  deposits: string[];
  withdrawals: string[];
  admin: Person;
}
/** One operation: who acts, and what it does; it answers with the id that a repetition of its key has to get. */
interface Operation {
  as?: (storm: Storm, random: Random) => Actor;
  do: (tx: LedgerTx, storm: Storm, random: Random) => Promise<string>;
}

const some = <T>(list: readonly T[], random: Random): T => list[random(list.length)] as T;
const amount = (random: Random) => BigInt(1 + random(80_00));
const nothing = () => randomUUID();
const later = (tx: LedgerTx, note: () => void) => tx.afterCommit(note);

async function onPayment(storm: Storm, random: Random, work: (id: string) => Promise<unknown>): Promise<string> {
  const trip = storm.trips.length > 0 ? some(storm.trips, random) : null;
  const [row] = trip ? await t.owner`select id from payments where subject_type = 'TRIP' and subject_id = ${trip.id}` : [];
  if (row) await work(row.id);
  return row?.id ?? nothing();
}

const TOKENS = ['tok_ok', 'tok_ok', 'tok_once', 'tok_declined'];

const OPERATION: Readonly<Record<string, Operation>> = {
  deposit: {
    do: async (tx, storm, random) => {
      const minor = amount(random) + 50_00n;
      const userId = some([...storm.riders, ...storm.drivers], random).id;
      const id = await initiateDeposit(tx, { userId, amount: money(minor), adapter: 'sandbox' });
      const wrong = random(5) === 0;
      const event = { id: randomUUID(), type: 'PAID' as const, orderId: publicId('dep', id), amount: money(wrong ? minor + 1n : minor) };
      await takeGatewayEvent(tx, 'sandbox', event);
      await takeGatewayEvent(tx, 'sandbox', event);
      // The right word comes after a wrong one, or a stale "declined" after the right one.
      await takeGatewayEvent(tx, 'sandbox', { ...event, id: randomUUID(), type: wrong ? 'PAID' : 'DECLINED', amount: money(minor) });
      later(tx, () => storm.deposits.push(id));
      return id;
    },
  },
  requestTrip: {
    do: async (tx, storm, random) => {
      const trip: Trip = {
        id: randomUUID(),
        rider: some(storm.riders, random).id,
        method: some(['WALLET', 'CASH', 'CARD'] as const, random),
        ends: random(4) === 0 ? 'CANCELLED' : 'COMPLETED',
        fareMinor: amount(random) + 1_00n,
        driver: some(storm.drivers, random).id,
        vehicleType: some(['ECONOMY', 'XL'], random),
      };
      await authorisePayment(tx, {
        subject: { type: 'TRIP', id: trip.id },
        payerId: trip.rider,
        method: trip.method,
        token: some(TOKENS, random),
        amountMinor: amount(random),
        currency: 'EGP',
        vehicleType: trip.vehicleType,
        holdUntil: new Date(tx.now.getTime() + 3_600_000),
      });
      later(tx, () => storm.trips.push(trip));
      return trip.id;
    },
  },
  endTrip: {
    do: async (tx, storm, random) => {
      if (storm.trips.length === 0) return nothing();
      const { id, rider, driver, method, ends, fareMinor, vehicleType } = some(storm.trips, random);
      if (ends === 'CANCELLED') await closePayment(tx, { type: 'TRIP', id }, BigInt(random(2)) * 5_00n);
      else await settleTrip(tx, { tripId: id, riderId: rider, driverUserId: driver, vehicleType, fareMinor, currency: 'EGP', method });
      return id;
    },
  },
  booking: {
    do: async (tx, storm, random) => {
      const id = randomUUID();
      const amountMinor = amount(random);
      await authorisePayment(tx, {
        subject: { type: 'BOOKING', id },
        payerId: some(storm.riders, random).id,
        method: some(['WALLET', 'CARD'] as const, random),
        token: some(TOKENS, random),
        amountMinor,
        currency: 'EGP',
        holdUntil: new Date(tx.now.getTime() + 3_600_000),
      });
      later(tx, () => storm.bookings.push(`${id} ${amountMinor}`));
      return id;
    },
  },
  confirm: {
    do: async (tx, storm, random) => {
      const [id = '', minor = '0'] = storm.bookings.length > 0 ? some(storm.bookings, random).split(' ') : [];
      const [row] = id ? await t.owner`select wanted, status from payments where subject_id = ${id}` : [];
      if (row?.wanted === 'AUTHORISE' && row.status === 'AUTHORISED') await captureBooking(tx, id, { owedMinor: BigInt(minor), currency: 'EGP' });
      return id || nothing();
    },
  },
  changeBooking: {
    do: async (tx, storm, random) => {
      const [id = ''] = storm.bookings.length > 0 ? some(storm.bookings, random).split(' ') : [];
      const [row] = id ? await t.owner`select wanted, status, amount_minor from payments where subject_id = ${id}` : [];
      if (row?.wanted !== 'CAPTURE') return id || nothing();
      const deltaMinor = BigInt(random(30_00)) - (BigInt(row.amount_minor) > 15_00n ? 15_00n : 0n);
      await changeBookingPrice(tx, id, { deltaMinor, currency: 'EGP', cause: randomUUID() });
      return id;
    },
  },
  close: {
    do: async (tx, storm, random) => {
      const [id = ''] = storm.bookings.length > 0 ? some(storm.bookings, random).split(' ') : [];
      if (id) await closePayment(tx, { type: 'BOOKING', id }, BigInt(random(5_00)));
      return id || nothing();
    },
  },
  settleDebt: {
    as: (storm, random) => some(storm.riders, random),
    do: async (tx, _storm, random) => {
      const actor = tx.actor as Person;
      const owed = await t.owner`select id from payments where payer_id = ${actor.id} and status = 'FAILED'`;
      return owed.length > 0 ? (await settleDebt(tx, some(owed, random).id)).id : nothing();
    },
  },
  waive: { as: (storm) => storm.admin, do: (tx, storm, random) => onPayment(storm, random, (id) => waiveDebt(tx, id, 'storm')) },
  refund: {
    as: (storm) => storm.admin,
    do: (tx, storm, random) => onPayment(storm, random, (paymentId) => refundPayment(tx, { paymentId, amountMinor: amount(random), reason: 'storm' })),
  },
  withdraw: {
    do: async (tx, storm, random) => {
      const facts = { userId: some(storm.drivers, random).id, amount: money(amount(random)), method: 'BANK' };
      const id = await requestWithdrawal(tx, { ...facts, accountNumber: some(['12345678', '12340000'], random) });
      later(tx, () => storm.withdrawals.push(id));
      return id;
    },
  },
  approve: {
    as: (storm) => storm.admin,
    do: async (tx, storm, random) => {
      if (storm.withdrawals.length === 0) return nothing();
      return (await approveWithdrawal(tx, some(storm.withdrawals, random))).id;
    },
  },
  reject: {
    as: (storm) => storm.admin,
    do: async (tx, storm, random) => {
      if (storm.withdrawals.length === 0) return nothing();
      return (await rejectWithdrawal(tx, some(storm.withdrawals, random), 'storm')).id;
    },
  },
  expire: {
    do: async (tx, storm, random) => {
      if (storm.withdrawals.length === 0) return nothing();
      const id = some(storm.withdrawals, random);
      const late: LedgerTx = { ...tx, now: new Date(tx.now.getTime() + 15 * 86_400_000) };
      await expireWithdrawal(late, id);
      const hold = await lockHold(late, { type: 'WITHDRAWAL', id }, 'WITHDRAWAL');
      const [row] = await t.owner`select status from withdrawals where id = ${id}`;
      if (hold && row?.status !== 'APPROVED') await expireHold(late, hold);
      return id;
    },
  },
  takeBack: {
    as: (storm) => storm.admin,
    do: async (tx, storm, random) => {
      if (storm.deposits.length === 0) return nothing();
      const [row] = await t.owner`select id from transactions where reference_id = ${some(storm.deposits, random)} and kind = 'DEPOSIT'`;
      return row ? ((await revertBatch(tx, [row.id], 'storm'))[0]?.transactionId ?? '') : nothing();
    },
  },
  credit: {
    as: (storm) => storm.admin,
    do: async (tx, storm, random) => {
      const partner = storm.riders[random(5)]?.id ?? '';
      await openPartnerWallet(tx, partner, CREDIT);
      return fundPartnerWallet(tx, { partnerId: partner, amount: money(amount(random)), reason: 'storm' });
    },
  },
};

const EXPECTED = new Set([
  ...['OK', 'INSUFFICIENT_FUNDS', 'NOTHING_OWED', 'NOT_FOUND', 'PAYMENT_STATE', 'ABOVE_CAPTURED', 'HOLD_NOT_ACTIVE', 'ALREADY_REVERTED', 'WITHDRAWAL_FLAGGED'],
  ...['CONFLICT', 'CREDIT_IN_USE'],
]);

test('PL-03: 20 workers, 50 people, 500 operations of every flow, with a gateway that repeats and reorders: the books hold, every answer can be had again', {
  timeout: 300_000,
}, async () => {
  const g = given(t);
  const storm: Storm = {
    riders: await Promise.all(Array.from({ length: 35 }, () => g.withMoney(user('CUSTOMER'), null))),
    drivers: await Promise.all(Array.from({ length: 15 }, () => g.withMoney(user('DRIVER'), null, 'driver'))),
    trips: [],
    bookings: [],
    deposits: [],
    withdrawals: [],
    admin: user('ADMIN'),
  };
  const kinds = Object.keys(OPERATION);
  /** What each key was answered: an id, or the code of a refusal that a rule of the domain gave. */
  const answers: { key: string; actor: Actor; answer: string }[] = [];
  const outcomes: string[] = [];
  const run = (key: string, actor: Actor, work: (tx: LedgerTx) => Promise<string>) =>
    inTransaction(actor, desk.db, { traceId: '', causationId: '' }, async (tx) => {
      const { entityId } = await once(tx, { mutation: 'storm', key, input: key }, () => work(atDesk(tx, teller)));
      return entityId;
    });
  await Promise.all(
    Array.from({ length: WORKERS }, async (_, worker) => {
      const random = randomFrom(7_000 + worker);
      for (let n = 0; n < OPERATIONS / WORKERS; n += 1) {
        const name = n < 2 ? 'deposit' : some(kinds, random);
        const operation = OPERATION[name] as Operation;
        const actor = operation.as?.(storm, random) ?? systemActor('storm');
        const key = `${worker}:${n}`;
        try {
          answers.push({ key, actor, answer: await run(key, actor, (tx) => operation.do(tx, storm, random)) });
          outcomes.push('OK');
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          outcomes.push(error.code);
          if (error.code !== 'NOT_FOUND' && error.code !== 'CONFLICT') answers.push({ key, actor, answer: error.code });
        }
      }
    }),
  );
  expect(outcomes).toHaveLength(OPERATIONS);
  expect(Object.keys(tally(outcomes)).filter((code) => !EXPECTED.has(code))).toEqual([]);
  expect(tally(outcomes).OK).toBeGreaterThan(OPERATIONS / 2);
  const open = () => t.owner`select kind from timers where kind in ('gateway.call', 'payout', 'sandbox.payout', 'commission.collect')`;
  await eventually(async () => (await open()).length === 0, 'gateway and bank to have answered', 60_000);

  for (const { key, actor, answer } of answers) {
    expect(await run(key, actor, () => Promise.reject(new Error('done twice'))).catch((error: Refusal) => error.code)).toBe(answer);
  }
  await t.owner`update payables set since = since - interval '2 minutes'`;
  expect(await desk.run((tx) => brokenInvariants(tx, true))).toEqual([]);
  expect((await verifyLedger(t.owner)).damage).toEqual([]);
  const low = await t.owner`select type from accounts where (type in ('CUSTOMER_WALLET', 'HELD_FUNDS') and balance_minor < 0)
    or (type = 'DRIVER_WALLET' and balance_minor < ${(-DEBT_LIMIT).toString()}) or (type = 'PARTNER_WALLET' and balance_minor < ${(-CREDIT).toString()})`;
  expect(low).toHaveLength(0);
  const [cards] = await t.owner`select (select coalesce(sum(captured_minor - refunded_minor), 0)::text from sandbox_charges) as there,
    (select coalesce(-sum(e.amount_minor), 0)::text from entries e join accounts a on a.id = e.account_id join transactions x on x.id = e.transaction_id
      where a.type = 'GATEWAY_CLEARING' and x.reference_type in ('TRIP', 'BOOKING')) as booked`;
  expect(cards?.booked).toBe(cards?.there);
  const [bank] = await t.owner`select count(*)::int as payouts, count(distinct order_id)::int as orders, (select count(*)::int from withdrawals
    where status in ('PAID', 'FAILED')) as ours from sandbox_payouts`;
  expect(bank?.payouts).toBe(bank?.orders);
  expect(bank?.payouts).toBe(bank?.ours);
});
