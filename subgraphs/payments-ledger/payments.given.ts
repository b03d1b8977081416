import { randomUUID } from 'node:crypto';
import type { Actor } from '../../platform/actor.js';
import { publicId, uuidOf } from '../../platform/ids.js';
import { serveSubgraph } from '../../platform/serveSubgraph.js';
import type { SubgraphEnvironment } from '../../platform/startSubgraph.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { NO_FAULTS } from './adapters/sandboxFaults.js';
import { signMessage } from './adapters/sandboxSignature.js';
import { DEMO_SANDBOX_SECRET, type PaymentsConfig } from './config.js';

export type Person = Actor & { kind: 'USER' };
interface Answer<T> {
  data: T;
  codes: string[];
  errors: readonly { message: string; extensions: Record<string, unknown> }[];
}

/** What is needed of the harness. Named here because nothing outside of tests may import from `test/`, and this file is no test itself. */
interface RunningPayments {
  environment: { clock: () => Date; graphUrl: () => string };
  run<T>(actor: Actor, query: string, variables?: Record<string, unknown>): Promise<Answer<T>>;
  deliver(emitter: string, type: string, aggregateId: string, payload: unknown): Promise<void>;
}

export interface WalletAnswer {
  id: string;
  balance: { amount: string };
  available: { amount: string };
}
export interface DepositAnswer {
  id: string;
  status: string;
  paymentUrl: string;
  amount: { amount: string };
}
export interface PaymentAnswer {
  id: string;
  status: string;
  method: string;
  failureCode: string | null;
  amount: { amount: string };
  captured: { amount: string };
  refunded: { amount: string };
}

const WALLET_OF = `query($representations: [_Any!]!) { _entities(representations: $representations) {
  ... on User { wallet { id balance { amount } available { amount } } } } }`;
const PAYMENT = 'payment { id status method failureCode amount { amount } captured { amount } refunded { amount } }';
const PAYMENT_OF = `query($representations: [_Any!]!) { _entities(representations: $representations) {
  ... on Booking { ${PAYMENT} } ... on Trip { ${PAYMENT} } } }`;
export const INITIATE = 'mutation($input: InitiateDepositInput!) { initiateDeposit(input: $input) { id status paymentUrl amount { amount } } }';

export const TEST_CONFIG: PaymentsConfig = {
  sandboxSecret: DEMO_SANDBOX_SECRET,
  publicOrigin: null,
  driverDebtLimitMinor: 500_00n,
  gatewayTimeoutMs: 500,
  sandboxFaults: NO_FAULTS,
  kashier: null,
  payouts: 'sandbox',
};

/**
 * Starts the subgraph and serves its own routes, as the gateway would: the sandbox and our webhook find each other by HTTP. `env` goes into the test
 * environment.
 */
export function servedBy(start: (environment: SubgraphEnvironment, config: PaymentsConfig) => Promise<Subgraph>, config: PaymentsConfig = TEST_CONFIG) {
  let url = 'http://127.0.0.1:1/graphql';
  return {
    env: { graphUrl: () => url },
    start: async (environment: SubgraphEnvironment): Promise<Subgraph> => {
      const subgraph = await start(environment, config);
      const { internalSecret, log, clock } = environment;
      const served = await serveSubgraph(subgraph, { port: 0, internalSecret, log, clock });
      url = `http://127.0.0.1:${served.port}/graphql`;
      return { ...subgraph, stop: () => served.stop() };
    },
  };
}

/** Steps of people and of other subgraphs, as tests tell them. */
export function given(payments: RunningPayments) {
  const origin = () => new URL(payments.environment.graphUrl()).origin;

  async function wallet(actor: Actor, userId: string): Promise<WalletAnswer | null> {
    const representations = [{ __typename: 'User', id: publicId('usr', userId) }];
    const { data } = await payments.run<{ _entities: { wallet: WalletAnswer | null }[] }>(actor, WALLET_OF, { representations });
    return data._entities[0]?.wallet ?? null;
  }

  async function payment(actor: Actor, type: 'Booking' | 'Trip', id: string): Promise<PaymentAnswer | null> {
    const representations = [{ __typename: type, id: publicId(type === 'Booking' ? 'bkg' : 'trp', id) }];
    const { data } = await payments.run<{ _entities: { payment: PaymentAnswer | null }[] }>(actor, PAYMENT_OF, { representations });
    return data._entities[0]?.payment ?? null;
  }

  async function initiate(person: Person, amount: string, idempotencyKey: string = randomUUID()): Promise<DepositAnswer> {
    const { data, errors } = await payments.run<{ initiateDeposit: DepositAnswer }>(person, INITIATE, {
      input: { amount: { amount, currency: 'EGP' }, idempotencyKey },
    });
    if (errors.length > 0) throw new Error(errors.map((error) => error.message).join());
    return data.initiateDeposit;
  }

  /** Sends what the sandbox would send, or what a forger would. */
  async function webhook(message: Record<string, unknown>, options: { secret?: string; at?: Date; body?: string } = {}): Promise<Response> {
    const body = JSON.stringify(message);
    return fetch(`${origin()}/webhooks/payments/sandbox`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signMessage(options.secret ?? DEMO_SANDBOX_SECRET, options.at ?? payments.environment.clock(), body) },
      body: options.body ?? body,
    });
  }

  const paid = (deposit: DepositAnswer, more: Record<string, unknown> = {}) => ({
    id: randomUUID(),
    type: 'payment.paid',
    orderId: deposit.id,
    amount: deposit.amount.amount,
    currency: 'EGP',
    ...more,
  });

  /** A customer, or with `type` a driver, with a wallet and money in it. */
  async function withMoney(person: Person, amount: string | null, type: 'customer' | 'driver' = 'customer'): Promise<Person> {
    if (type === 'driver') {
      await payments.deliver('dispatch', 'driver.registered', randomUUID(), { driverId: randomUUID(), userId: person.id });
    } else {
      await payments.deliver('identity', 'user.registered', person.id, { userId: person.id, roles: person.roles });
    }
    if (amount !== null) {
      const answer = await webhook(paid(await initiate(person, amount)));
      if (!answer.ok) throw new Error(`the deposit was not taken: ${answer.status}`);
    }
    return person;
  }

  async function heldBooking(customer: Person, totalMinor: number, more: Record<string, unknown> = {}): Promise<string> {
    const bookingId = randomUUID();
    await payments.deliver('booking', 'booking.held', bookingId, {
      bookingId,
      customerId: customer.id,
      vehicleId: randomUUID(),
      totalMinor: String(totalMinor),
      currency: 'EGP',
      paymentMethod: 'WALLET',
      paymentToken: null,
      holdExpiresAt: new Date(payments.environment.clock().getTime() + 900_000).toISOString(),
      ...more,
    });
    return bookingId;
  }

  const booking = (type: string, bookingId: string, more: Record<string, unknown> = {}) =>
    payments.deliver('booking', type, bookingId, { bookingId, currency: 'EGP', ...more });

  async function requestedTrip(rider: Person, fareMinor: number, more: Record<string, unknown> = {}): Promise<string> {
    const tripId = randomUUID();
    const facts = {
      tripId,
      riderId: rider.id,
      vehicleType: 'ECONOMY',
      fareMinor: String(fareMinor),
      currency: 'EGP',
      paymentMethod: 'WALLET',
      paymentToken: null,
    };
    await payments.deliver('dispatch', 'trip.requested', tripId, { ...facts, ...more });
    return tripId;
  }

  async function completedTrip(rider: Person, driver: Person, fareMinor: number, more: Record<string, unknown> = {}): Promise<string> {
    const tripId = await requestedTrip(rider, fareMinor, more);
    await completeTrip(tripId, rider, driver, fareMinor, more);
    return tripId;
  }

  async function completeTrip(tripId: string, rider: Person, driver: Person, fareMinor: number, more: Record<string, unknown> = {}): Promise<void> {
    const facts = {
      tripId,
      riderId: rider.id,
      driverUserId: driver.id,
      vehicleType: 'ECONOMY',
      fareMinor: String(fareMinor),
      currency: 'EGP',
      paymentMethod: 'WALLET',
    };
    await payments.deliver('dispatch', 'trip.completed', tripId, { ...facts, ...more });
  }

  return { wallet, payment, initiate, webhook, paid, withMoney, heldBooking, booking, requestedTrip, completedTrip, completeTrip };
}

export function uuidOfDeposit(deposit: DepositAnswer): string {
  return uuidOf('dep', deposit.id) ?? '';
}
