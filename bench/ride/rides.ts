import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GraphDriver, type GraphPerson, newDriver, newPerson, several } from '../../test/given/people.js';
import { CENTRE } from './world.js';

/** Where the rides are: in the service area, and out of reach of the drivers who only move. */
const NORTH = 0.4;
/** How long a trip lives between two of its steps. */
const STEP_MS = 1_000;
/** A search that nobody has accepted by then is taken back. */
const PATIENCE_MS = 10_000;

export interface Rides {
  /** Milliseconds from a request to its acceptance. */
  acceptedMs: number[];
  completed: number;
  /** Accepts of a trip that another driver was quicker for. */
  lost: number;
  errors: number;
}

/** Drivers who accept what they are offered and drive it to its end, and riders who ask again when they are there. All of them have accounts. */
export async function openRides(graph: { url: string }, adminToken: string, drivers: number, riders: number) {
  const place = (i: number) => ({ lat: CENTRE.lat + NORTH + (i % 8) / 250, lng: CENTRE.lng + Math.floor(i / 8) / 250 });
  const cars = await several(drivers, (i) => newDriver(graph, adminToken, place(i)));
  const people = await several(riders, () => newPerson(graph, 'CUSTOMER'));
  const done: Rides = { acceptedMs: [], completed: 0, lost: 0, errors: 0 };
  const accepted = new Map<string, () => void>();
  const over = new Map<string, () => void>();
  let isOver = false;
  const failed = (error: unknown) => {
    if (isOver) return;
    done.errors += 1;
    console.error(error);
  };

  const drive = async ({ client }: GraphDriver) => {
    for await (const { driverOffers: offer } of client.DriverOffers()) {
      const tripId = offer.trip?.id ?? '';
      try {
        await client.AcceptOffer({ offerId: offer.id });
      } catch (error) {
        if (['TRIP_TAKEN', 'OFFER_EXPIRED', 'TRIP_CANCELLED'].includes((error as { code: string }).code)) done.lost += 1;
        else failed(error);
        continue;
      }
      accepted.get(tripId)?.();
      try {
        for (const step of ['ArriveAtPickup', 'StartTrip', 'CompleteTrip'] as const) {
          await sleep(STEP_MS);
          await client[step]({ tripId });
        }
        done.completed += 1;
      } catch (error) {
        failed(error);
      }
      over.get(tripId)?.();
    }
  };
  const ride = async ({ client }: GraphPerson, i: number) => {
    while (!isOver) {
      const pickup = place(i * 2);
      const { quoteTrip } = await client.QuoteTrip({ input: { pickup, destination: { lat: pickup.lat - 0.02, lng: pickup.lng }, vehicleTypes: ['ECONOMY'] } });
      const askedAt = performance.now();
      const input = { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH' as const, idempotencyKey: randomUUID() };
      const { id: tripId } = (await client.RequestTrip({ input })).requestTrip;
      // The driver may have been quicker than the answer.
      const isTaken = await Promise.race([new Promise<true>((resolve) => accepted.set(tripId, () => resolve(true))), sleep(PATIENCE_MS, false)]);
      if (isTaken) {
        done.acceptedMs.push(performance.now() - askedAt);
        await new Promise<void>((resolve) => over.set(tripId, resolve));
      } else await client.CancelTrip({ tripId });
    }
  };
  const driving = cars.map((car) => drive(car).catch(failed));
  return {
    done,
    /** Rides until `stop` says so. */
    begin: () => void people.forEach((person, i) => void ride(person, i).catch(failed)),
    stop: async () => {
      isOver = true;
      await Promise.all([...cars, ...people].map(({ client }) => client.close()));
      await Promise.all(driving);
    },
  };
}
