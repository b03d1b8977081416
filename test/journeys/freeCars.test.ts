import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import { several } from '../given/people.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

// GW-30, BK-08 through the gateway: whoever has been told that a car is booked is never shown it as free after that, and nor is anybody else.

const ROUNDS = 120;
/** Cars that are booked and given back at the same time, so that what is read is put together of old and new. */
const CARS = 4;
const READERS = 6;
const WHEN = { pickupAt: '2033-03-03T10:00:00+02:00', returnAt: '2033-03-05T10:00:00+02:00' };

const AVAILABILITY = 'availability(from: "2033-03-03T10:00:00+02:00", to: "2033-03-05T10:00:00+02:00") { free }';
const ONE = `query($id: ID) { vehicle(id: $id) { id make ${AVAILABILITY} } }`;
const LIST = `{ vehicles(first: 100) { nodes { id make ${AVAILABILITY} } } }`;

interface Shown {
  id: string;
  availability: { free: boolean };
}

/** What readers may be shown of a car at this moment: a booking is on its way in or out, or it has been answered. */
type Said = 'free' | 'taken' | 'on its way';

async function look(graph: TestGraph, alone: string | null, token: string | null): Promise<Shown[]> {
  const body = alone === null ? { query: LIST } : { query: ONE, variables: { id: alone } };
  const { json } = await graph.post(body, token === null ? {} : { authorization: `Bearer ${token}` });
  expect(json.errors).toBeUndefined();
  const data = json.data as unknown as { vehicle?: Shown; vehicles?: { nodes: Shown[] } };
  return data.vehicles?.nodes ?? [data.vehicle as Shown];
}

describe.each(['one', 'split'] as const)('layout %s', (layout) => {
  test(`BK-08, GW-30: ${ROUNDS} times a car is booked and given back, and no reader is ever shown it as it was before the answer`, {
    timeout: 240_000,
  }, async () => {
    await using graph = await startGraph(layout);
    const cars = Array.from({ length: CARS }, (_, n) => `veh_01j0000000e00800g00000000${n + 2}`);
    const customers = await several(CARS, () => graph.newCustomer());
    const said = new Map<string, { state: Said; since: number }>(cars.map((id) => [id, { state: 'free', since: 0 }]));
    let clock = 0;
    const say = (id: string, state: Said) => void said.set(id, { state, since: (clock += 1) });
    const lies: string[] = [];
    let reads = 0;
    let reading = true;
    /** What was said before the question, and has not changed since, has to be in the answer. */
    const readOnce = async (alone: string | null, token: string | null) => {
      const before = new Map(said);
      for (const { id, availability } of await look(graph, alone, token)) {
        const known = before.get(id);
        if (!known || known.state === 'on its way' || said.get(id)?.since !== known.since) continue;
        reads += 1;
        if (availability.free !== (known.state === 'free')) lies.push(`${id} is ${known.state} and shown as ${availability.free ? 'free' : 'taken'}`);
      }
    };
    const readers = Array.from({ length: READERS }, async (_, reader) => {
      const token = reader % 2 ? (customers[reader % CARS]?.session.accessToken ?? null) : null;
      for (let turn = 0; reading; turn += 1) await readOnce(reader % 3 === 0 ? null : (cars[(reader + turn) % CARS] as string), token);
    });
    try {
      await several(
        CARS,
        async (n) => {
          const [customer, vehicleId] = [customers[n], cars[n] as string];
          if (!customer) throw new Error('no customer');
          for (let round = 0; round < ROUNDS / CARS; round += 1) {
            const { quoteRental } = await customer.QuoteRental({ input: { vehicleId, ...WHEN } });
            say(vehicleId, 'on its way');
            const input = { quoteId: quoteRental.id, paymentMethod: 'CARD', paymentToken: 'tok_ok', idempotencyKey: randomUUID() } as const;
            const { id } = (await customer.CreateBooking({ input })).createBooking;
            say(vehicleId, 'taken');
            // Whoever booked looks first, and so do others.
            await Promise.all([readOnce(vehicleId, customer.session.accessToken), readOnce(vehicleId, null), readOnce(null, null)]);
            // Before its payment is decided a cancellation is as good; so both are seen.
            if (round % 2) await paid(graph, id);
            say(vehicleId, 'on its way');
            await customer.CancelBooking({ input: { bookingId: id, reason: 'as planned' } });
            say(vehicleId, 'free');
            await Promise.all([readOnce(vehicleId, customer.session.accessToken), readOnce(vehicleId, null), readOnce(null, null)]);
          }
        },
        CARS,
      );
    } finally {
      reading = false;
      await Promise.all(readers);
    }
    expect(lies).toEqual([]);
    expect(reads).toBeGreaterThan(ROUNDS * 6);
  });
});

async function paid(graph: TestGraph, bookingId: string): Promise<void> {
  const uuid = uuidOf('bkg', bookingId) as string;
  await eventually(async () => (await graph.owner('booking')`select 1 from bookings where id = ${uuid} and status <> 'HELD'`).length > 0, 'the payment');
}
