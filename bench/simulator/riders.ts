import { randomUUID } from 'node:crypto';
import type { WaygraphClient } from '../../sdk/client.js';
import { type Graph, newPerson } from './people.js';
import type { PlannedRequest } from './requests.js';
import type { Statistics } from './statistics.js';
import { toPoint } from './streets.js';

const SOON_MS = 60_000;

export interface Riders {
  /** Somebody asks for a ride and watches it; resolves when it is over, or when the simulation is. Counted in `own` too. */
  ride(planned: PlannedRequest, own?: Statistics): Promise<void>;
  stop(): Promise<void>;
}

/** Riders, each with an account and a socket of their own; who is home again may travel again. */
export function openRiders(graph: Graph, options: { speed: number }, statistics: Statistics, ready: WaygraphClient[]): Riders {
  const free = [...ready];
  const travelling = new Set<WaygraphClient>();
  let isOver = false;

  const ride = async (planned: PlannedRequest, own?: Statistics) => {
    const counted = own ? [statistics, own] : [statistics];
    const client = free.pop() ?? (await newPerson(graph, 'CUSTOMER'));
    travelling.add(client);
    for (const each of counted) each.requested += 1;
    try {
      await travel(client, planned, counted);
    } catch (error) {
      if (!isOver) statistics.refused(error);
    }
    travelling.delete(client);
    free.push(client);
  };

  const travel = async (client: WaygraphClient, { pickup, destination, vehicleType, patienceMs }: PlannedRequest, counted: readonly Statistics[]) => {
    const wish = { pickup: toPoint(pickup), destination: toPoint(destination) };
    // All four classes, as an app shows them.
    const askedAt = performance.now();
    const { quoteTrip } = await client.QuoteTrip({ input: wish }).finally(() => {
      for (const each of counted) each.take('quote', performance.now() - askedAt);
    });
    const quoteId = quoteTrip.find((quote) => quote.vehicleType === vehicleType)?.id ?? '';
    const began = Date.now();
    const { requestTrip: trip } = await statistics.time('request', () =>
      client.RequestTrip({ input: { quoteId, paymentMethod: 'CASH', idempotencyKey: randomUUID() } }),
    );
    statistics.searchBegan(trip.id);
    const patience = setTimeout(() => {
      client.CancelTrip({ tripId: trip.id, reason: 'waited too long' }).catch((error) => statistics.refused(error));
    }, patienceMs);
    const watching = counted.map((each) => watch(each, began, options.speed, () => clearTimeout(patience)));
    const watched = (status: string) => watching.map((tell) => tell(status))[0];
    try {
      for await (const { tripUpdates: update } of client.TripUpdates({ tripId: trip.id })) {
        if (isOver || (update.kind !== 'POSITION' && watched(update.status) === 'OVER')) return;
      }
    } finally {
      clearTimeout(patience);
    }
  };

  return {
    ride,
    stop: async () => {
      isOver = true;
      await Promise.all([...travelling, ...free].map((client) => client.close()));
    },
  };
}

const WITH_DRIVER: readonly string[] = ['ACCEPTED', 'DRIVER_ARRIVED', 'STARTED', 'COMPLETED'];

/** Counts what the states of a trip say. A state may come twice, and some may be skipped, as after a reconnect. */
function watch(statistics: Statistics, began: number, speed: number, onMatched: () => void): (status: string) => 'OVER' | 'GOES_ON' {
  let acceptedAt = 0;
  let isThere = false;
  const matched = () => {
    onMatched();
    acceptedAt = Date.now();
    statistics.matched += 1;
    if (acceptedAt - began <= SOON_MS) statistics.matchedSoon += 1;
    statistics.take('wait', acceptedAt - began);
  };
  const arrived = () => {
    isThere = true;
    // Driving is as many times faster as was asked for; waiting for a driver is not.
    const pickupMs = (Date.now() - acceptedAt) * speed;
    statistics.take('pickup', pickupMs);
    statistics.take('pickup with wait', pickupMs + (acceptedAt - began));
  };
  return (status) => {
    if (acceptedAt === 0 && WITH_DRIVER.includes(status)) matched();
    if (!isThere && status === 'DRIVER_ARRIVED') arrived();
    if (status === 'CANCELLED' && acceptedAt === 0) statistics.cancelled += 1;
    if (status === 'NO_DRIVERS' && acceptedAt === 0) statistics.noDrivers += 1;
    return ['COMPLETED', 'CANCELLED', 'NO_DRIVERS'].includes(status) ? 'OVER' : 'GOES_ON';
  };
}
