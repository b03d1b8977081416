import { randomUUID } from 'node:crypto';
import type { Person } from './payments.given.js';

/** What a flow may use while processes come and go under it. */
export interface World {
  /** A mutation, sent again under the same key until somebody has answered. Returns its one field. */
  ask(by: Person, query: string, variables: Record<string, unknown>): Promise<Record<string, string>>;
  /** Pays on the gateway's page, as often as it takes. */
  pay(url: string): Promise<void>;
  /** An event of another subgraph, repeated until it has had its effect. */
  tell(emitter: string, type: string, aggregateId: string, payload: object): void;
  /** Waits until the payment of a subject is so far: `status captured refunded owed`, or the beginning of it. Returns its id. */
  until(subjectType: 'BOOKING' | 'TRIP' | 'RENTAL_DEPOSIT', subjectId: string, state: string): Promise<string>;
  /** Somebody new with 1,000.00 EGP. */
  rich(type: 'CUSTOMER' | 'DRIVER'): Promise<Person>;
  admin: Person;
}

/** A row that only one flow writes, in one of its transactions: the process is killed between this write and the commit. */
export interface Place {
  table: string;
  operation: 'INSERT' | 'UPDATE';
  /** What the row says afterwards; `delivered`: whether it has a `delivered_at`. */
  facts: Record<string, unknown>;
  /** The sweeper's own transaction: nothing else that is due goes on meanwhile. */
  sweeps?: boolean;
}

/** What must be there once a flow has come through, killed or not. */
export interface Ended {
  subject: string;
  /** Kinds of the transactions about it, sorted. */
  kinds: string[];
  /** Its rows, sorted: of a payment `status captured refunded owed`, of others the status. */
  states: string[];
}

export interface Flow {
  /** All amounts that name the flow's rows follow from `minor`, which nobody else has. */
  run(world: World, minor: number): Promise<Ended>;
  /** One per transaction of the flow, in order: a kill at each is a kill between that step and the one before. */
  places(minor: number): Record<string, Place>;
}

const wrote = (table: string, facts: Record<string, unknown>): Place => ({ table, operation: 'INSERT', facts });
const changed = (table: string, facts: Record<string, unknown>): Place => ({ table, operation: 'UPDATE', facts });
const call = (kind: string, amount: number, facts: Record<string, unknown> = {}) => ({ kind, amount_minor: amount, ...facts });
const claimed = (kind: string, amount: number): Place => ({ ...changed('gateway_calls', call(kind, amount, { status: 'OPEN', attempts: 1 })), sweeps: true });
const answered = (kind: string, amount: number): Place => changed('gateway_calls', call(kind, amount, { status: 'ANSWERED' }));
const egp = (minor: number) => ({ amount: (minor / 100).toFixed(2), currency: 'EGP' });
const soon = () => new Date(Date.now() + 3_600_000).toISOString();

/** What a second order asks for, of a fare that is higher than the card's promise; what a cancelled booking costs; what a return costs less than its deposit. */
const restOf = (minor: number) => minor + 50;
const FEE = 33;
const LESS = 7;

function bookingOf(world: World, customer: Person, method: 'WALLET' | 'CARD', total: number) {
  const bookingId = randomUUID();
  const facts = { bookingId, customerId: customer.id, vehicleId: randomUUID(), totalMinor: String(total), currency: 'EGP' };
  const tell = (type: string, more: object = {}) => world.tell('booking', type, bookingId, { ...facts, ...more });
  tell('booking.held', { paymentMethod: method, paymentToken: null, holdExpiresAt: soon() });
  return { bookingId, tell };
}

async function paidBooking(world: World, method: 'WALLET' | 'CARD', total: number) {
  const booking = bookingOf(world, await world.rich('CUSTOMER'), method, total);
  await world.until('BOOKING', booking.bookingId, 'AUTHORISED');
  booking.tell('booking.confirmed');
  await world.until('BOOKING', booking.bookingId, 'CAPTURED');
  return booking;
}

async function trip(world: World, paymentMethod: 'WALLET' | 'CARD' | 'CASH', minor: number, fare = minor): Promise<string> {
  const [rider, driver, tripId] = [await world.rich('CUSTOMER'), await world.rich('DRIVER'), randomUUID()];
  const facts = { tripId, riderId: rider.id, driverUserId: driver.id, vehicleType: 'ECONOMY', currency: 'EGP', paymentMethod, paymentToken: null };
  world.tell('dispatch', 'trip.requested', tripId, { ...facts, fareMinor: String(minor) });
  await world.until('TRIP', tripId, 'AUTHORISED');
  world.tell('dispatch', 'trip.completed', tripId, { ...facts, fareMinor: String(fare) });
  await world.until('TRIP', tripId, 'CAPTURED');
  return tripId;
}

async function cancelled(world: World, method: 'WALLET' | 'CARD', minor: number, kinds: string[]): Promise<Ended> {
  const { bookingId, tell } = await paidBooking(world, method, minor);
  tell('booking.cancelled', { feeMinor: String(FEE) });
  await world.until('BOOKING', bookingId, 'REFUNDED');
  return { subject: bookingId, kinds, states: [`REFUNDED ${minor} ${minor - FEE} 0`] };
}

/** A rental whose return takes its charges out of the deposit. */
async function rental(world: World, method: 'WALLET' | 'CARD', minor: number, kinds: string[]): Promise<Ended> {
  const price = minor + 20;
  const { bookingId, tell } = await paidBooking(world, method, price);
  tell('booking.started', { depositMinor: String(minor), depositUntil: soon() });
  await world.until('RENTAL_DEPOSIT', bookingId, 'AUTHORISED');
  tell('booking.returned', { chargesMinor: String(minor - LESS) });
  await world.until('RENTAL_DEPOSIT', bookingId, 'CAPTURED');
  return { subject: bookingId, kinds, states: [`CAPTURED ${minor - LESS} 0 0`, `CAPTURED ${price} 0 0`] };
}

const WITHDRAW = 'mutation($i: RequestWithdrawalInput!) { requestWithdrawal(input: $i) { id } }';
async function withdrawal(world: World, minor: number, end: { accountNumber?: string; status: string; kinds: string[] }): Promise<Ended> {
  const { accountNumber = '12345678', status, kinds } = end;
  const driver = await world.rich('DRIVER');
  const { id } = await world.ask(driver, WITHDRAW, { i: { amount: egp(minor), method: 'BANK', accountNumber, idempotencyKey: randomUUID() } });
  if (status === 'REJECTED') await world.ask(world.admin, 'mutation($id: ID!) { rejectWithdrawal(id: $id, reason: "a test") { id } }', { id });
  else await world.ask(world.admin, 'mutation($id: ID!) { approveWithdrawal(id: $id) { id } }', { id });
  return { subject: id ?? '', kinds, states: [status] };
}

export const FLOWS: Readonly<Record<string, Flow>> = {
  deposit: {
    run: async (world, minor) => {
      const query = 'mutation($i: InitiateDepositInput!) { initiateDeposit(input: $i) { id paymentUrl } }';
      const deposit = await world.ask(await world.rich('CUSTOMER'), query, { i: { amount: egp(minor), idempotencyKey: randomUUID() } });
      await world.pay(deposit.paymentUrl ?? '');
      return { subject: deposit.id ?? '', kinds: ['DEPOSIT'], states: ['COMPLETED'] };
    },
    places: (minor) => ({
      begun: wrote('deposits', { amount_minor: minor }),
      'paid at the gateway': wrote('sandbox_orders', { amount_minor: minor }),
      'told again': { ...changed('sandbox_orders', { amount_minor: minor, webhook_attempts: 2 }), sweeps: true },
      'webhook taken': wrote('webhook_events', { amount_minor: minor }),
      credited: wrote('entries', { amount_minor: minor }),
      'gateway knows': changed('sandbox_orders', { amount_minor: minor, delivered: true }),
    }),
  },
  'card trip': {
    run: async (world, minor) => {
      const subject = await trip(world, 'CARD', minor, minor + restOf(minor));
      return { subject, kinds: ['DEBT_PAYMENT', 'TRIP_SETTLEMENT'], states: [`CAPTURED ${minor + restOf(minor)} 0 0`] };
    },
    places: (minor) => ({
      requested: wrote('payments', { amount_minor: minor }),
      'authorisation claimed': claimed('AUTHORISE', minor),
      'authorised at the gateway': wrote('sandbox_charges', { amount_minor: minor }),
      'authorisation known': answered('AUTHORISE', minor),
      completed: changed('payments', { amount_minor: minor + restOf(minor), wanted: 'CAPTURE', status: 'AUTHORISED' }),
      'capture claimed': claimed('CAPTURE', minor),
      'captured at the gateway': changed('sandbox_charges', { amount_minor: minor, status: 'CAPTURED' }),
      'capture known': answered('CAPTURE', minor),
      'second order claimed': claimed('AUTHORISE', restOf(minor)),
      'second order at the gateway': wrote('sandbox_charges', { amount_minor: restOf(minor) }),
      'second order known': answered('AUTHORISE', restOf(minor)),
      'second order captured at the gateway': changed('sandbox_charges', { amount_minor: restOf(minor), status: 'CAPTURED' }),
      'second order captured': answered('CAPTURE', restOf(minor)),
    }),
  },
  'card refund': {
    run: async (world, minor) => {
      const fare = minor + restOf(minor);
      const subject = await trip(world, 'CARD', minor, fare);
      const paymentId = await world.until('TRIP', subject, `CAPTURED ${fare}`);
      const query = 'mutation($i: RefundPaymentInput!) { refundPayment(input: $i) { id } }';
      await world.ask(world.admin, query, { i: { paymentId, reason: 'a test', idempotencyKey: randomUUID() } });
      const kinds = ['DEBT_PAYMENT', 'REFUND', 'REFUND', 'TRIP_SETTLEMENT'];
      return { subject, kinds, states: [`REFUNDED ${fare} ${fare} 0`] };
    },
    places: (minor) => ({
      asked: wrote('gateway_calls', call('REFUND', minor)),
      claimed: claimed('REFUND', restOf(minor)),
      'at the gateway': changed('sandbox_charges', { amount_minor: minor, refunded_minor: minor }),
      'second order at the gateway': changed('sandbox_charges', { amount_minor: restOf(minor), refunded_minor: restOf(minor) }),
      known: answered('REFUND', minor),
      'second order known': answered('REFUND', restOf(minor)),
    }),
  },
  'card void': {
    run: async (world, minor) => {
      const { bookingId, tell } = bookingOf(world, await world.rich('CUSTOMER'), 'CARD', minor);
      await world.until('BOOKING', bookingId, 'AUTHORISED');
      tell('booking.cancelled', { feeMinor: '0' });
      await world.until('BOOKING', bookingId, 'VOIDED');
      return { subject: bookingId, kinds: [], states: ['VOIDED 0 0 0'] };
    },
    places: (minor) => ({
      cancelled: wrote('gateway_calls', call('VOID', minor)),
      claimed: claimed('VOID', minor),
      'at the gateway': changed('sandbox_charges', { amount_minor: minor, status: 'VOIDED' }),
      known: answered('VOID', minor),
    }),
  },
  'card booking': {
    run: (world, minor) => cancelled(world, 'CARD', minor, ['BOOKING_PAYMENT', 'REFUND']),
    places: (minor) => ({
      held: wrote('payments', { amount_minor: minor }),
      confirmed: changed('payments', { amount_minor: minor, wanted: 'CAPTURE', status: 'AUTHORISED' }),
      captured: answered('CAPTURE', minor),
      cancelled: wrote('gateway_calls', call('REFUND', minor - FEE)),
      refunded: answered('REFUND', minor - FEE),
    }),
  },
  'wallet booking': {
    run: (world, minor) => cancelled(world, 'WALLET', minor, ['BOOKING_PAYMENT', 'HOLD', 'REFUND']),
    places: (minor) => ({
      held: wrote('holds', { amount_minor: minor }),
      confirmed: changed('payments', { amount_minor: minor, status: 'CAPTURED', refunded_minor: 0 }),
      cancelled: changed('payments', { amount_minor: minor, status: 'REFUNDED' }),
    }),
  },
  'wallet trip': {
    run: async (world, minor) => ({ subject: await trip(world, 'WALLET', minor), kinds: ['HOLD', 'TRIP_SETTLEMENT'], states: [`CAPTURED ${minor} 0 0`] }),
    places: (minor) => ({
      requested: wrote('holds', { amount_minor: minor }),
      completed: changed('payments', { amount_minor: minor, status: 'CAPTURED' }),
    }),
  },
  'cash trip': {
    run: async (world, minor) => ({ subject: await trip(world, 'CASH', minor), kinds: ['TRIP_SETTLEMENT'], states: [`CAPTURED ${minor} 0 0`] }),
    places: (minor) => ({
      requested: wrote('payments', { amount_minor: minor }),
      completed: changed('payments', { amount_minor: minor, status: 'CAPTURED' }),
    }),
  },
  'rental deposit from the wallet': {
    run: (world, minor) => rental(world, 'WALLET', minor, ['BOOKING_PAYMENT', 'BOOKING_PAYMENT', 'HOLD', 'HOLD']),
    places: (minor) => ({
      started: wrote('holds', { amount_minor: minor }),
      returned: changed('payments', { amount_minor: minor, status: 'CAPTURED' }),
    }),
  },
  'rental deposit on the card': {
    run: (world, minor) => rental(world, 'CARD', minor, ['BOOKING_PAYMENT', 'BOOKING_PAYMENT']),
    places: (minor) => ({
      started: wrote('payments', { amount_minor: minor }),
      authorised: answered('AUTHORISE', minor),
      returned: wrote('gateway_calls', call('CAPTURE', minor - LESS)),
      'captured at the gateway': changed('sandbox_charges', { amount_minor: minor, captured_minor: minor - LESS }),
      captured: answered('CAPTURE', minor - LESS),
    }),
  },
  withdrawal: {
    run: (world, minor) => withdrawal(world, minor, { status: 'PAID', kinds: ['HOLD', 'WITHDRAWAL_PAYOUT'] }),
    places: (minor) => ({
      requested: wrote('withdrawals', { amount_minor: minor }),
      approved: changed('withdrawals', { amount_minor: minor, status: 'APPROVED' }),
      'payout claimed': claimed('PAYOUT', minor),
      'paid at the bank': wrote('sandbox_payouts', { amount_minor: minor }),
      'told again': { ...changed('sandbox_payouts', { amount_minor: minor, webhook_attempts: 2 }), sweeps: true },
      paid: changed('withdrawals', { amount_minor: minor, status: 'PAID' }),
      'bank knows': changed('sandbox_payouts', { amount_minor: minor, delivered: true }),
    }),
  },
  'withdrawal that the bank refuses': {
    run: (world, minor) => withdrawal(world, minor, { accountNumber: '12340000', status: 'FAILED', kinds: ['HOLD', 'HOLD_RELEASE'] }),
    places: (minor) => ({
      'refused at the bank': wrote('sandbox_payouts', { amount_minor: minor }),
      failed: changed('withdrawals', { amount_minor: minor, status: 'FAILED' }),
    }),
  },
  'withdrawal that an admin refuses': {
    run: (world, minor) => withdrawal(world, minor, { status: 'REJECTED', kinds: ['HOLD', 'HOLD_RELEASE'] }),
    places: (minor) => ({ rejected: changed('withdrawals', { amount_minor: minor, status: 'REJECTED' }) }),
  },
};
