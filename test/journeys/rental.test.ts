import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WaygraphClient } from '../../sdk/client.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually, tally } from '../subgraphHarness.js';

const RATE = { pickupAt: '2031-05-03T10:00:00+03:00', returnAt: '2031-05-05T10:00:00+03:00' };

describe.each(['one', 'split'] as const)('the rental story, layout %s', (layout) => {
  let graph: TestGraph;
  beforeAll(async () => {
    graph = await startGraph(layout);
  });
  afterAll(() => graph[Symbol.asyncDispose]());

  /** Pays a deposit on the sandbox's page, as a person would. */
  async function deposit(client: WaygraphClient, amount: string): Promise<void> {
    const { initiateDeposit } = await client.InitiateDeposit({ input: { amount: { amount, currency: 'EGP' }, idempotencyKey: randomUUID() } });
    expect(initiateDeposit.status).toBe('PENDING');
    const page = await fetch(initiateDeposit.paymentUrl, { method: 'POST', body: new URLSearchParams({ outcome: 'pay' }) });
    expect(page.ok).toBe(true);
    await eventually(async () => (await client.Me()).me?.wallet?.available.amount === amount, 'the deposit to arrive');
  }

  test('from sign-up to money back', async () => {
    const customer = await graph.newCustomer();
    const found = await customer.SearchVehicles({ filter: { text: 'toyta corola' }, from: RATE.pickupAt, to: RATE.returnAt });
    const [car] = found.vehicles.nodes;
    expect(car).toMatchObject({ make: 'Toyota', model: 'Corolla', availability: { free: true, busy: [] } });
    if (!car) throw new Error('no car');

    const { quoteRental } = await customer.QuoteRental({ input: { vehicleId: car.id, ...RATE } });
    const total = Number(quoteRental.total.amount);
    expect(quoteRental.lines.reduce((sum, line) => sum + Number(line.amount.amount), 0)).toBeCloseTo(total, 2);
    await deposit(customer, '10000.00');

    const key = randomUUID();
    const book = () => customer.CreateBooking({ input: { quoteId: quoteRental.id, paymentMethod: 'WALLET', idempotencyKey: key } });
    const { createBooking } = await book();
    expect(['HELD', 'CONFIRMED']).toContain(createBooking.status);
    for await (const { bookingUpdated } of customer.BookingUpdated({ bookingId: createBooking.id })) {
      if (bookingUpdated.status === 'CONFIRMED') break;
    }
    expect((await book()).createBooking).toMatchObject({ id: createBooking.id, status: 'CONFIRMED' });
    await eventually(async () => (await customer.GetBooking({ id: createBooking.id })).booking?.payment?.status === 'CAPTURED', 'the payment to be captured');
    expect(Number((await customer.Me()).me?.wallet?.available.amount)).toBeCloseTo(10_000 - total, 2);

    await eventually(async () => {
      const notifications = (await customer.MyNotifications()).me?.notifications?.nodes ?? [];
      return notifications.some((notification) => notification.kind === 'BOOKING_CONFIRMED');
    }, 'the notification');
    await eventually(async () => (await (await fetch(`${graph.url}/mail`)).text()).includes(customer.email), 'the mail in the local mailbox');

    const rival = await graph.as('customer2');
    const refused = await rival.QuoteRental({ input: { vehicleId: car.id, ...RATE } }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'VEHICLE_UNAVAILABLE', details: { nextFreeFrom: expect.any(String) } });
    expect((await rival.GetBooking({ id: createBooking.id })).booking).toBeNull();

    const { cancelBooking } = await customer.CancelBooking({ input: { bookingId: createBooking.id, reason: 'plans changed' } });
    expect(cancelBooking.status).toBe('CANCELLED');
    await eventually(async () => (await customer.Me()).me?.wallet?.available.amount === '10000.00', 'the money to be back');
    const after = await customer.GetVehicle({ id: car.id, from: RATE.pickupAt, to: RATE.returnAt });
    expect(after.vehicle?.availability?.free).toBe(true);
  });

  test('without money the booking is cancelled with its reason, and the car is free', async () => {
    const poor = await graph.newCustomer();
    const { vehicle } = await poor.GetVehicle({ id: 'veh_01j0000000e00800g000000002', from: RATE.pickupAt, to: RATE.returnAt });
    if (!vehicle) throw new Error('no car');
    const { quoteRental } = await poor.QuoteRental({ input: { vehicleId: vehicle.id, ...RATE } });
    const { createBooking } = await poor.CreateBooking({ input: { quoteId: quoteRental.id, paymentMethod: 'WALLET', idempotencyKey: randomUUID() } });
    const ended = await eventually(async () => {
      const { booking } = await poor.GetBooking({ id: createBooking.id });
      return booking?.status === 'CANCELLED' && booking;
    }, 'the booking to be cancelled');
    expect(ended.failure?.code).toBe('INSUFFICIENT_FUNDS');
    expect((await poor.GetVehicle({ id: vehicle.id, from: RATE.pickupAt, to: RATE.returnAt })).vehicle?.availability?.free).toBe(true);
  });

  test('a card pays, and a declined card books nothing', async () => {
    const customer = await graph.as('customer');
    const book = async (vehicleId: string, paymentToken: string) => {
      const { quoteRental } = await customer.QuoteRental({ input: { vehicleId, ...RATE } });
      const { createBooking } = await customer.CreateBooking({
        input: { quoteId: quoteRental.id, paymentMethod: 'CARD', paymentToken, idempotencyKey: randomUUID() },
      });
      return eventually(async () => {
        const { booking } = await customer.GetBooking({ id: createBooking.id });
        return booking?.status !== 'HELD' && booking;
      }, 'the booking to be decided');
    };
    expect(await book('veh_01j0000000e00800g000000003', 'tok_ok')).toMatchObject({ status: 'CONFIRMED' });
    expect(await book('veh_01j0000000e00800g000000004', 'tok_declined')).toMatchObject({ status: 'CANCELLED', failure: { code: 'CARD_DECLINED' } });
  });

  test('BK-01: fifty rivals for one car: one hold, forty-nine clean refusals', async () => {
    const vehicleId = 'veh_01j0000000e00800g000000005';
    const when = { pickupAt: '2032-02-01T10:00:00+02:00', returnAt: '2032-02-02T10:00:00+02:00' };
    const customer = await graph.as('customer');
    const others = await Promise.all(Array.from({ length: 9 }, () => graph.newCustomer()));
    const quotes = await Promise.all(
      [customer, ...others].flatMap((rival) =>
        Array.from({ length: 5 }, async () => ({ rival, quote: (await rival.QuoteRental({ input: { vehicleId, ...when } })).quoteRental })),
      ),
    );
    const outcomes = await Promise.all(
      quotes.map(({ rival, quote }) =>
        rival.CreateBooking({ input: { quoteId: quote.id, paymentMethod: 'CARD', paymentToken: 'tok_ok', idempotencyKey: randomUUID() } }).then(
          ({ createBooking }) => createBooking.status,
          (error: { code: string; details?: { nextFreeFrom?: string } }) => `${error.code} ${error.details?.nextFreeFrom ? 'with next' : 'without next'}`,
        ),
      ),
    );
    expect(tally(outcomes)).toEqual({ HELD: 1, 'VEHICLE_UNAVAILABLE with next': 49 });
  });

  test('BK-06b: behind a one-way rental the car is picked up where it will be; when that is cancelled, the next customer is told and offered another one', async () => {
    const vehicleId = 'veh_01j0000000e00800g000000006';
    const [first, next] = await Promise.all([graph.newCustomer(), graph.newCustomer()]);
    const book = async (client: WaygraphClient, quoteId: string) => {
      const input = { quoteId, paymentMethod: 'CARD', paymentToken: 'tok_ok', idempotencyKey: randomUUID() } as const;
      const { createBooking } = await client.CreateBooking({ input });
      const decided = async () => (await client.GetBooking({ id: createBooking.id })).booking?.status === 'CONFIRMED';
      await eventually(decided, 'the booking to be confirmed');
      return createBooking.id;
    };
    const week = (n: number) => ({ pickupAt: `2033-02-0${n}T10:00:00+02:00`, returnAt: `2033-02-0${n + 1}T10:00:00+02:00` });
    const here = (await first.QuoteRental({ input: { vehicleId, ...week(1) } })).quoteRental.pickupStation;
    const { json } = await graph.post({ query: '{ stations { id name } }' });
    const there = (json.data as unknown as { stations: { id: string; name: string }[] }).stations.find(({ id }) => id !== here?.id);
    if (!here || !there) throw new Error('no two stations');
    const away = (await first.QuoteRental({ input: { vehicleId, ...week(1), returnStationId: there.id } })).quoteRental;
    expect(away).toMatchObject({ pickupStation: { name: here.name }, returnStation: { name: there.name } });
    const awayId = await book(first, away.id);
    const behind = (await next.QuoteRental({ input: { vehicleId, ...week(5) } })).quoteRental;
    expect(behind).toMatchObject({ pickupStation: { name: there.name }, returnStation: { name: there.name } });
    const behindId = await book(next, behind.id);
    await first.CancelBooking({ input: { bookingId: awayId } });
    const told = async () => ((await next.MyNotifications()).me?.notifications?.nodes ?? []).find(({ kind }) => kind === 'BOOKING_AT_RISK');
    expect(await eventually(told, 'the news')).toMatchObject({ title: 'Your car is at another station' });
    const { booking } = await next.BookingReplacements({ id: behindId });
    expect(booking).toMatchObject({ atRiskReason: 'ELSEWHERE', station: { name: there.name } });
  });
});
