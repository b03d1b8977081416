import { randomUUID } from 'node:crypto';
import type { Sql } from 'postgres';
import type { Actor } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';

const BOOKING_FIELDS = `id status vehicle { id } customer { id } pickupAt returnAt total { amount currency } paymentMethod failure { code message }
  holdExpiresAt cancelReason fee { amount currency } createdAt`;
export interface BookingAnswer {
  id: string;
  status: string;
  vehicle: { id: string };
  customer: { id: string };
  pickupAt: string;
  returnAt: string;
  total: { amount: string; currency: string };
  failure: { code: string; message: string } | null;
  holdExpiresAt: string | null;
  cancelReason: string | null;
  fee: { amount: string } | null;
}

export interface DeskAnswer {
  id: string;
  status: string;
  atRiskSince: string | null;
  atRiskReason: string | null;
  station: { id: string } | null;
  returnStation: { id: string } | null;
  pickupAt: string;
  returnAt: string;
  total: { amount: string };
  vehicle: { id: string };
  replacements: { id: string }[];
  rental: {
    startedAt: string;
    returnedAt: string | null;
    overdueSince: string | null;
    lateFee: { amount: string } | null;
    fuelFee: { amount: string } | null;
    damageFee: { amount: string } | null;
    damageNote: string | null;
  } | null;
}

const QUOTE = `mutation($input: QuoteRentalInput!) { quoteRental(input: $input) {
  id days vehicle { id } pickupAt returnAt pickupStation { id } returnStation { id } lines { kind label amount { amount } } total { amount currency } expiresAt } }`;
const CREATE = `mutation($input: CreateBookingInput!) { createBooking(input: $input) { ${BOOKING_FIELDS} } }`;
const CANCEL = `mutation($input: CancelBookingInput!) { cancelBooking(input: $input) { ${BOOKING_FIELDS} } }`;

export interface QuoteAnswer {
  id: string;
  days: number;
  vehicle: { id: string };
  pickupStation: { id: string } | null;
  returnStation: { id: string } | null;
  lines: { kind: string; label: string; amount: { amount: string } }[];
  total: { amount: string; currency: string };
  expiresAt: string;
}
export type Customer = Actor & { kind: 'USER' };
export interface Times {
  pickupAt: string;
  returnAt: string;
}

interface Answer<T> {
  data: T;
  codes: string[];
  errors: readonly { message: string; extensions: Record<string, unknown> }[];
}

/** What is needed of the harness. Named here because nothing outside of tests may import from `test/`, and this file is no test itself. */
interface RunningBooking {
  owner: Sql;
  environment: { clock: () => Date };
  run<T>(actor: Actor, query: string, variables?: Record<string, unknown>): Promise<Answer<T>>;
  deliver(emitter: string, type: string, aggregateId: string, payload: unknown): Promise<void>;
  emitted<T>(type: string): Promise<T[]>;
}

const HOUR_MS = 3_600_000;

/** @throws Error with what the subgraph said, when it refused */
function accepted<T>({ data, errors }: Answer<T>): T {
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return data;
}

/** What the tests of booking say over and over, against one running subgraph. */
export function given(booking: RunningBooking) {
  const customer = (): Customer => ({ kind: 'USER', id: randomUUID(), roles: ['CUSTOMER'], sessionId: null });
  const now = () => booking.environment.clock().getTime();

  /** A rental that begins so many hours from now, on the full hour. */
  function hoursAhead(start: number, length = 24): Times {
    const from = Math.ceil(now() / HOUR_MS) * HOUR_MS + start * HOUR_MS;
    return { pickupAt: new Date(from).toISOString(), returnAt: new Date(from + length * HOUR_MS).toISOString() };
  }

  /** A car that fleet has told booking of: its UUID and its public id. */
  async function vehicle(more: Record<string, unknown> = {}): Promise<{ uuid: string; id: string; change(facts: Record<string, unknown>): Promise<void> }> {
    const uuid = randomUUID();
    const facts = {
      vehicleId: uuid,
      use: 'RENTAL',
      status: 'ACTIVE',
      category: 'COMFORT',
      dailyRateMinor: '140000',
      currency: 'EGP',
      stationId: randomUUID(),
      timeZone: 'Africa/Cairo',
      title: 'Toyota Corolla 2024',
      ...more,
    };
    await booking.deliver('fleet', 'vehicle.created', uuid, facts);
    return { uuid, id: publicId('veh', uuid), change: (changes) => booking.deliver('fleet', 'vehicle.updated', uuid, { ...facts, ...changes }) };
  }

  const quote = (actor: Actor, vehicleId: string, times: Times, more: Record<string, unknown> = {}) =>
    booking.run<{ quoteRental: QuoteAnswer }>(actor, QUOTE, { input: { vehicleId, ...times, ...more } });

  const create = (actor: Actor, quoteId: string, more: Record<string, unknown> = {}) =>
    booking.run<{ createBooking: BookingAnswer }>(actor, CREATE, { input: { quoteId, paymentMethod: 'WALLET', idempotencyKey: randomUUID(), ...more } });

  const cancel = (actor: Actor, bookingId: string, reason?: string) =>
    booking.run<{ cancelBooking: BookingAnswer }>(actor, CANCEL, { input: { bookingId, reason } });

  async function quoted(actor: Actor, vehicleId: string, times: Times): Promise<QuoteAnswer> {
    return accepted(await quote(actor, vehicleId, times)).quoteRental;
  }

  /** A booking that is HELD, with its UUID. */
  async function held(actor: Actor, vehicleId: string, times: Times, more: Record<string, unknown> = {}): Promise<BookingAnswer & { uuid: string }> {
    const { id } = await quoted(actor, vehicleId, times);
    const { createBooking } = accepted(await create(actor, id, more));
    return { ...createBooking, uuid: await uuidOfBooking(createBooking.id) };
  }

  async function uuidOfBooking(id: string): Promise<string> {
    const rows = await booking.owner`select id from bookings`;
    const row = rows.find(({ id: uuid }) => publicId('bkg', uuid) === id);
    if (!row) throw new Error(`no booking ${id}`);
    return row.id;
  }

  /** What payments says of a booking; returns the payment's id, so that it can be said again. */
  async function payment(kind: 'authorised' | 'declined' | 'failed', bookingUuid: string, more: Record<string, unknown> = {}): Promise<string> {
    const [row] = await booking.owner`select total_minor, currency, customer_id from bookings where id = ${bookingUuid}`;
    const paymentId = String(more.paymentId ?? randomUUID());
    await booking.deliver('payments-ledger', `payment.${kind}`, paymentId, {
      paymentId,
      subjectType: 'BOOKING',
      subjectId: bookingUuid,
      payerId: row?.customer_id ?? randomUUID(),
      amountMinor: String(row?.total_minor ?? 0),
      currency: row?.currency ?? 'EGP',
      method: 'WALLET',
      ...more,
    });
    return paymentId;
  }

  async function confirmed(actor: Actor, vehicleId: string, times: Times): Promise<BookingAnswer & { uuid: string }> {
    const made = await held(actor, vehicleId, times);
    await payment('authorised', made.uuid);
    return made;
  }

  async function look(actor: Actor, id: string): Promise<BookingAnswer | null> {
    const answer = await booking.run<{ booking: BookingAnswer | null }>(actor, `query($id: ID!) { booking(id: $id) { ${BOOKING_FIELDS} } }`, { id });
    return accepted(answer).booking;
  }

  const DESK = `id status atRiskSince atRiskReason station { id } returnStation { id } pickupAt returnAt total { amount } vehicle { id } replacements { id }
    rental { startedAt returnedAt overdueSince lateFee { amount } fuelFee { amount } damageFee { amount } damageNote }`;
  const mutate = (actor: Actor, name: string, type: string, input: Record<string, unknown>, fields = DESK) =>
    booking.run<Record<string, DeskAnswer>>(actor, `mutation($input: ${type}!) { ${name}(input: $input) { ${fields} } }`, { input });

  const start = (actor: Actor, bookingId: string, more: Record<string, unknown> = {}) =>
    mutate(actor, 'startRental', 'StartRentalInput', { bookingId, odometerKm: 1000, fuelPercent: 90, ...more });
  const bringBack = (actor: Actor, bookingId: string, more: Record<string, unknown> = {}) =>
    mutate(actor, 'returnRental', 'ReturnRentalInput', { bookingId, odometerKm: 1200, fuelPercent: 90, ...more });
  const change = (actor: Actor, bookingId: string, quoteId: string, more: Record<string, unknown> = {}) =>
    mutate(actor, 'changeBooking', 'ChangeBookingInput', { bookingId, quoteId, idempotencyKey: randomUUID(), ...more });
  const replace = (actor: Actor, bookingId: string, vehicleId: string) => mutate(actor, 'replaceVehicle', 'ReplaceVehicleInput', { bookingId, vehicleId });
  const swap = (actor: Actor, bookingId: string, otherBookingId: string) => mutate(actor, 'swapVehicles', 'SwapVehiclesInput', { bookingId, otherBookingId });
  const block = (actor: Actor, vehicleId: string, from: string, to: string, more: Record<string, unknown> = {}) =>
    mutate(actor, 'blockVehicle', 'BlockVehicleInput', { vehicleId, from, to, reason: 'brakes', ...more }, 'id reason liftedAt');

  async function desk(actor: Actor, id: string): Promise<DeskAnswer> {
    const answer = await booking.run<{ booking: DeskAnswer }>(actor, `query($id: ID!) { booking(id: $id) { ${DESK} } }`, { id });
    return accepted(answer).booking;
  }

  /** Claims of one car at one time, of whatever kind, found without the constraint's help. */
  const claimedTwice = () =>
    booking.owner`select a.id, b.id as other from vehicle_claims a join vehicle_claims b on a.vehicle_id = b.vehicle_id and a.id < b.id
      where lower(a.during) < upper(b.during) and lower(b.during) < upper(a.during)`;

  /** Bookings that have one car at one time, found without the constraint's help. */
  const overlaps = () =>
    booking.owner`select a.id, b.id as other from bookings a join bookings b on a.vehicle_id = b.vehicle_id and a.id < b.id
      where a.status in ('HELD', 'CONFIRMED', 'ACTIVE') and b.status in ('HELD', 'CONFIRMED', 'ACTIVE')
        and a.pickup_at < upper(b.during) and b.pickup_at < upper(a.during)`;

  const emittedFor = async (type: string, bookingUuid: string) =>
    (await booking.emitted<{ bookingId: string } & Record<string, unknown>>(type)).filter((payload) => payload.bookingId === bookingUuid);

  return {
    mutate,
    start,
    bringBack,
    change,
    replace,
    swap,
    block,
    desk,
    claimedTwice,
    now,
    hoursAhead,
    vehicle,
    quote,
    quoted,
    create,
    cancel,
    held,
    confirmed,
    payment,
    look,
    overlaps,
    emittedFor,
    customer,
  };
}

/** How often each outcome came: a status, or an error's code. */
export function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
