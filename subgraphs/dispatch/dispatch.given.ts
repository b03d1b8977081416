import { randomUUID } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import type { Sql } from 'postgres';
import type { Actor } from '../../platform/actor.js';
import { uuidOf } from '../../platform/ids.js';
import type { Caller, Subgraph } from '../../platform/subgraph.js';
import type { VehicleType } from './vehicleType.js';

export interface Answer<T> {
  data: T;
  codes: string[];
  errors: readonly { message: string; extensions: Record<string, unknown> }[];
}

/** What is needed of the harness. Named here because nothing outside of tests may import from `test/`, and this file is no test itself. */
interface RunningDispatch {
  subgraph: Subgraph;
  owner: Sql;
  environment: { clock: () => Date };
  run<T>(actor: Actor, query: string, variables?: Record<string, unknown>): Promise<Answer<T>>;
  deliver(emitter: string, type: string, aggregateId: string, payload: unknown): Promise<void>;
}

export type Person = Actor & { kind: 'USER' };
export interface Spot {
  lat: number;
  lng: number;
}
export interface OnlineDriver {
  actor: Person;
  id: string;
  uuid: string;
}
export interface TripAnswer {
  id: string;
  status: string;
  sequence: number;
  quotedFare: { amount: string };
  finalFare: { amount: string } | null;
  fee: { amount: string } | null;
  cancelledBy: string | null;
  cancelReason: string | null;
  route: string | null;
  stars: number | null;
  driver: { id: string; state: string } | null;
}
export interface OfferAnswer {
  id: string;
  status: string;
  trip: { id: string; status: string } | null;
  expiresAt: string;
  pickupDistanceM: number;
  estimatedEarnings: { amount: string };
}
export interface QuoteAnswer {
  id: string;
  vehicleType: VehicleType;
  price: { amount: string };
  lines: { label: string; amount: { amount: string } }[];
  pickupEtaSeconds: number | null;
  tripEtaSeconds: number;
  surge: number;
  surgeReason: string | null;
  expiresAt: string;
}

export const TRIP_FIELDS =
  'id status sequence quotedFare { amount } finalFare { amount } fee { amount } cancelledBy cancelReason route stars driver { id state }';
const OFFER_FIELDS = 'id status trip { id status } expiresAt pickupDistanceM estimatedEarnings { amount }';
const QUOTE_FIELDS = 'id vehicleType price { amount } lines { label amount { amount } } pickupEtaSeconds tripEtaSeconds surge surgeReason expiresAt';
const FAR_ENOUGH_KM = 27;

/** @throws Error with what the subgraph said, when it refused */
export function accepted<T>({ data, errors }: Answer<T>): T {
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return data;
}

/** A place so many metres north and east of another. */
export function shifted(spot: Spot, northM: number, eastM = 0): Spot {
  return { lat: spot.lat + northM / 111_195, lng: spot.lng + eastM / (111_195 * Math.cos((spot.lat * Math.PI) / 180)) };
}

/** What the tests of dispatch say over and over, against one running subgraph. */
export function given(t: RunningDispatch) {
  const person = (...roles: Person['roles']): Person => ({ kind: 'USER', id: randomUUID(), roles, sessionId: null });
  const admin = person('ADMIN');
  const mutate = <T>(actor: Actor, name: string, args: string, variables: Record<string, unknown>, fields = TRIP_FIELDS) =>
    t.run<Record<string, T>>(
      actor,
      `mutation(${args}) { answer: ${name}(${[...args.matchAll(/\$(\w+)/g)].map(([, v]) => `${v}: $${v}`).join(', ')}) { ${fields} } }`,
      variables,
    );
  const registration = (vehicleType: VehicleType = 'ECONOMY') => ({
    vehicleType,
    make: 'Kia',
    model: 'Rio',
    year: 2022,
    seats: 5,
    plate: `T ${randomUUID().slice(0, 6)}`,
    licenceNumber: randomUUID().slice(0, 8),
  });

  let spots = 0;
  /** A place of this test alone: so far from all others that no search reaches them. */
  function spot(): Spot {
    const [row, column] = [Math.floor(spots / 4), spots % 4];
    spots += 1;
    if (row > 3) throw new Error('there is no more room in the city: use another file');
    return shifted({ lat: 30.0444, lng: 31.2357 }, (row - 1.5) * FAR_ENOUGH_KM * 1000, (column - 1.5) * FAR_ENOUGH_KM * 1000);
  }

  async function driver(at: Spot, vehicleType: VehicleType = 'ECONOMY'): Promise<OnlineDriver> {
    const actor = person('DRIVER');
    const { answer } = accepted(
      await mutate<{ id: string }>(actor, 'registerDriver', '$input: RegisterDriverInput!', { input: registration(vehicleType) }, 'id'),
    );
    if (!answer) throw new Error('no answer');
    accepted(await mutate(admin, 'approveDriver', '$id: ID!', { id: answer.id }, 'id'));
    const made = { actor, id: answer.id, uuid: uuidOf('drv', answer.id) ?? '' };
    accepted(await goOnline(made, at));
    return made;
  }
  const goOnline = (who: OnlineDriver, at: Spot) => mutate<{ state: string }>(who.actor, 'goOnline', '$at: PointInput!', { at }, 'state');
  const goOffline = (who: OnlineDriver) => t.run<{ goOffline: { state: string } }>(who.actor, 'mutation { goOffline { state } }');
  const stateOf = async (who: OnlineDriver) => accepted(await t.run<{ myDriver: { state: string } }>(who.actor, '{ myDriver { state } }')).myDriver.state;

  const quotes = (rider: Actor, pickup: Spot, destination = shifted(pickup, 3000, 3000), more: Record<string, unknown> = {}) =>
    t.run<{ quoteTrip: QuoteAnswer[] }>(rider, `mutation($input: QuoteTripInput!) { quoteTrip(input: $input) { ${QUOTE_FIELDS} } }`, {
      input: { pickup, destination, ...more },
    });
  async function quote(rider: Actor, pickup: Spot, vehicleType: VehicleType = 'ECONOMY'): Promise<QuoteAnswer> {
    const [first] = accepted(await quotes(rider, pickup, undefined, { vehicleTypes: [vehicleType] })).quoteTrip;
    if (!first) throw new Error('no quote');
    return first;
  }
  const request = (rider: Actor, quoteId: string, more: Record<string, unknown> = {}) =>
    mutate<TripAnswer>(rider, 'requestTrip', '$input: RequestTripInput!', { input: { quoteId, paymentMethod: 'CASH', idempotencyKey: randomUUID(), ...more } });
  /** A trip that is being searched for. */
  async function requested(rider: Actor, pickup: Spot, vehicleType: VehicleType = 'ECONOMY'): Promise<TripAnswer> {
    const made = accepted(await request(rider, (await quote(rider, pickup, vehicleType)).id)).answer;
    if (!made) throw new Error('no trip');
    return made;
  }

  const subscribe = (actor: Actor, query: string, variables: Record<string, unknown> = {}) => {
    const caller: Caller = { actor, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null };
    return t.subgraph.subscribe({ query, variables }, caller);
  };
  async function stream(actor: Actor, query: string, variables: Record<string, unknown> = {}): Promise<AsyncGenerator<ExecutionResult>> {
    const outcome = await subscribe(actor, query, variables);
    if (!(Symbol.asyncIterator in outcome)) throw new Error(JSON.stringify(outcome.errors));
    return outcome;
  }
  const offersTo = (who: OnlineDriver) => stream(who.actor, `subscription { driverOffers { ${OFFER_FIELDS} } }`);
  /** The offer that the driver has, or the next one. */
  async function offer(who: OnlineDriver): Promise<OfferAnswer> {
    const offers = await offersTo(who);
    const { value } = await offers.next();
    await offers.return(undefined);
    if (value?.errors) throw new Error(JSON.stringify(value.errors));
    return (value as { data: { driverOffers: OfferAnswer } }).data.driverOffers;
  }
  const accept = (who: OnlineDriver, offerId: string) => mutate<TripAnswer>(who.actor, 'acceptOffer', '$offerId: ID!', { offerId });
  const decline = (who: OnlineDriver, offerId: string) =>
    mutate<OfferAnswer>(who.actor, 'declineOffer', '$offerId: ID!, $reason: String', { offerId, reason: 'too far' }, OFFER_FIELDS);
  const drive = (who: { actor: Actor }, step: 'arriveAtPickup' | 'startTrip' | 'completeTrip', tripId: string) =>
    mutate<TripAnswer>(who.actor, step, '$tripId: ID!', { tripId });
  const cancel = (actor: Actor, tripId: string, reason?: string) =>
    mutate<TripAnswer>(actor, 'cancelTrip', '$tripId: ID!, $reason: String', { tripId, reason });
  const rate = (actor: Actor, tripId: string, stars: number) => mutate<TripAnswer>(actor, 'rateTrip', '$input: RateTripInput!', { input: { tripId, stars } });
  const trip = async (actor: Actor, id: string) =>
    (await t.run<{ trip: TripAnswer | null }>(actor, `query($id: ID!) { trip(id: $id) { ${TRIP_FIELDS} } }`, { id })).data.trip;

  /** A trip with this driver on it, in the status of the last step that is named. */
  async function ride(rider: Actor, who: OnlineDriver, pickup: Spot, ...steps: ('arriveAtPickup' | 'startTrip' | 'completeTrip')[]): Promise<TripAnswer> {
    const made = await requested(rider, pickup);
    let { answer } = accepted(await accept(who, (await offer(who)).id));
    for (const step of steps) ({ answer } = accepted(await drive(who, step, made.id)));
    if (!answer) throw new Error('no trip');
    return answer;
  }

  const now = () => t.environment.clock();
  const at = (spotOf: Spot, secondsFromNow = 0, more: Record<string, unknown> = {}) => ({
    point: spotOf,
    recordedAt: new Date(now().getTime() + secondsFromNow * 1000).toISOString(),
    ...more,
  });
  const ACK = 'accepted rejected rejections { index reason }';
  interface Ack {
    accepted: number;
    rejected: number;
    rejections: { index: number; reason: string }[];
  }
  const move = (who: { actor: Actor }, to: Spot, secondsFromNow = 0, more: Record<string, unknown> = {}) =>
    mutate<Ack>(who.actor, 'updateLocation', '$input: LocationInput!', { input: at(to, secondsFromNow, more) }, ACK);
  const moveAll = (who: { actor: Actor }, input: unknown[]) => mutate<Ack>(who.actor, 'updateLocations', '$input: [LocationInput!]!', { input }, ACK);
  const ingest = (actor: Actor, input: unknown[]) => mutate<Ack>(actor, 'ingestLocations', '$input: [DriverLocationInput!]!', { input }, ACK);
  const positionOf = async (who: OnlineDriver) =>
    accepted(await t.run<{ myDriver: { position: Spot | null } }>(who.actor, '{ myDriver { position { lat lng } } }')).myDriver.position;
  const payment = (name: string, tripUuid: string, payerId: string, more: Record<string, unknown> = {}) => {
    const paymentId = randomUUID();
    return t.deliver('payments-ledger', `payment.${name}`, paymentId, {
      paymentId,
      subjectType: 'TRIP',
      subjectId: tripUuid,
      payerId,
      amountMinor: '5000',
      currency: 'EGP',
      method: 'WALLET',
      ...more,
    });
  };

  return {
    person,
    rider: () => person('CUSTOMER'),
    admin,
    registration,
    spot,
    driver,
    goOnline,
    goOffline,
    stateOf,
    quotes,
    quote,
    request,
    requested,
    subscribe,
    stream,
    offersTo,
    offer,
    accept,
    decline,
    drive,
    cancel,
    rate,
    trip,
    ride,
    at,
    move,
    moveAll,
    ingest,
    positionOf,
    payment,
    mutate,
  };
}
