import type { WaygraphClient } from '../../sdk/client.js';
import { clientOf, forEach, type Graph, newPerson } from './people.js';
import { type Random, seeded } from './random.js';
import { CLASSES, type RideClass } from './requests.js';
import type { Statistics } from './statistics.js';
import { anyCorner, cornerAt, driveToward, type Spot, toPoint, toSpot } from './streets.js';

export interface FleetOptions {
  drivers: number;
  seed: number;
  /** How many times faster cars drive and people board than in the city. */
  speed: number;
  /** Whether idle drivers follow `repositionHint`. */
  hints: boolean;
}

/** Kilometres per hour in the city. */
const SPEED_KMH = 24;
const REPORT_EVERY_MS = 3_000;
const STEP_MS = 500;
const BATCH = 500;
const BOARDING_MS = 15_000;
/** A driver thinks for this long before he answers; some say no. */
const THINK_MS = [800, 3_000] as const;
const ACCEPTS = 0.92;
/** How long an idle driver stands at a corner before he cruises to another, in the city's time. */
const STAND_MS = 40_000;
const CRUISE_M = 700;
const HINT_EVERY_MS = 30_000;

interface Driver {
  id: string;
  client: WaygraphClient;
  random: Random;
  at: Spot;
  goal: Spot | null;
  /** What happens when the goal is reached. */
  arrived: (() => void) | null;
  tripId: string | null;
  idleUntil: number;
  hintAt: number;
}

export interface Fleet {
  /** @param offline whether they leave the road before: a system that goes on would offer trips to them for another minute */
  stop(offline?: boolean): Promise<void>;
}

/** Registers drivers, has them admitted, and sends them online. @param onReady called for each one */
export async function openFleet(graph: Graph, options: FleetOptions, statistics: Statistics, onReady: (count: number) => void): Promise<Fleet> {
  const admin = clientOf(graph);
  admin.use((await admin.SignIn({ input: graph.admin })).signIn);
  const drivers: Driver[] = [];
  let isOver = false;
  await forEach(Array.from({ length: options.drivers }), async (_, index) => {
    const random = seeded(options.seed * 7_919 + index);
    const at = anyCorner(random);
    const client = await newPerson(graph, 'DRIVER');
    const vehicleType = classOf(random);
    const car = {
      vehicleType,
      make: 'Simulated',
      model: 'Car',
      year: 2024,
      seats: vehicleType === 'XL' ? 7 : 5,
      plate: `SIM ${index}`,
      licenceNumber: `SIM-${index}`,
    };
    const { registerDriver } = await client.OnboardDriver({ input: car });
    await admin.AdmitDriver({ id: registerDriver.id });
    await client.GoOnline({ at: toPoint(at) });
    drivers.push({ id: registerDriver.id, client, random, at, goal: null, arrived: null, tripId: null, idleUntil: 0, hintAt: 0 });
    onReady(drivers.length);
  });
  for (const driver of drivers) statistics.tripsOfDriver.set(driver.id, 0);
  const answering = drivers.map((driver) => answerOffers(driver, options, statistics, () => isOver));
  const telematics = openTelematics(graph, drivers, options, statistics);
  await admin.close();
  return {
    stop: async (offline = false) => {
      isOver = true;
      await telematics.stop();
      // Who is on a trip stays on it.
      if (offline) await forEach(drivers, ({ client }) => client.GoOffline().then(noted, noted), 50);
      await forEach(drivers, ({ client }) => client.close(), 50);
      await Promise.all(answering);
    },
  };
}

function classOf(random: Random): RideClass {
  const die = random.next();
  return die < 0.62 ? CLASSES[0] : die < 0.84 ? CLASSES[1] : die < 0.92 ? CLASSES[2] : CLASSES[3];
}

/** Reads the driver's offers from his socket for as long as the simulation goes on, and answers each. */
async function answerOffers(driver: Driver, options: FleetOptions, statistics: Statistics, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    try {
      for await (const { driverOffers: offer } of driver.client.DriverOffers()) {
        const tripId = offer.trip?.id;
        if (!tripId || driver.tripId) continue;
        statistics.offerSeen(tripId);
        await pause(driver.random.between(...THINK_MS));
        if (isOver()) return;
        if (driver.random.next() > ACCEPTS) {
          statistics.declined += 1;
          await driver.client.DeclineOffer({ offerId: offer.id, reason: 'simulated' }).catch((error) => statistics.refused(error));
          continue;
        }
        await statistics
          .time('accept', () => driver.client.AcceptOffer({ offerId: offer.id }))
          .then(() => drive(driver, offer.trip as never, options, statistics))
          .catch((error) => statistics.refused(error));
      }
    } catch (error) {
      if (isOver()) return;
      statistics.refused(error);
    }
    if (!isOver()) await pause(1_000);
  }
}

/** The trip from here to the pickup and to the destination, in the background: what goes wrong on it ends it. */
function drive(
  driver: Driver,
  trip: { id: string; pickup: { lat: number; lng: number }; destination: { lat: number; lng: number } },
  options: FleetOptions,
  statistics: Statistics,
): void {
  driver.tripId = trip.id;
  const { client } = driver;
  const way = async () => {
    await goTo(driver, toSpot(trip.pickup));
    await client.ArriveAtPickup({ tripId: trip.id });
    await pause(BOARDING_MS / options.speed);
    await client.StartTrip({ tripId: trip.id });
    await goTo(driver, toSpot(trip.destination));
    await client.CompleteTrip({ tripId: trip.id });
    statistics.completed += 1;
    statistics.tripsOfDriver.set(driver.id, (statistics.tripsOfDriver.get(driver.id) ?? 0) + 1);
  };
  way()
    // A rider who cancels on the way is the usual reason.
    .catch((error) => statistics.refused(error))
    .finally(() => {
      driver.tripId = null;
      driver.goal = null;
    });
}

const noted = () => {};
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function goTo(driver: Driver, goal: Spot): Promise<void> {
  return new Promise((resolve) => {
    driver.goal = goal;
    driver.arrived = resolve;
  });
}

/** Moves all cars, and sends where they are in batches as a telematics service does. */
function openTelematics(graph: Graph, drivers: readonly Driver[], options: FleetOptions, statistics: Statistics): { stop(): Promise<void> } {
  const service = clientOf(graph, graph.serviceKey);
  let movedAt = Date.now();
  let reportedAt = 0;
  let sending: Promise<unknown> = Promise.resolve();
  let isBusy = false;
  const step = () => {
    const now = Date.now();
    const meters = ((SPEED_KMH / 3.6) * options.speed * (now - movedAt)) / 1000;
    movedAt = now;
    for (const driver of drivers) move(driver, meters, now, options, statistics);
    if (now - reportedAt < REPORT_EVERY_MS || isBusy) return;
    reportedAt = now;
    isBusy = true;
    sending = report().finally(() => {
      isBusy = false;
    });
  };
  const report = async () => {
    const recordedAt = new Date().toISOString();
    for (let from = 0; from < drivers.length; from += BATCH) {
      const input = drivers.slice(from, from + BATCH).map((driver) => ({ driverId: driver.id, point: toPoint(driver.at), recordedAt }));
      await statistics.time('positions', () => service.SendPositions({ input })).catch((error) => statistics.refused(error));
    }
  };
  const timer = setInterval(step, STEP_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await sending;
      await service.close();
    },
  };
}

function move(driver: Driver, meters: number, now: number, options: FleetOptions, statistics: Statistics): void {
  if (driver.goal) {
    driver.at = driveToward(driver.at, driver.goal, meters);
    if (driver.at.x !== driver.goal.x || driver.at.y !== driver.goal.y) return;
    driver.goal = null;
    const { arrived } = driver;
    driver.arrived = null;
    driver.idleUntil = now + (STAND_MS * driver.random.between(0.5, 1.5)) / options.speed;
    arrived?.();
    return;
  }
  if (driver.tripId) return;
  if (options.hints && now >= driver.hintAt) {
    driver.hintAt = now + (HINT_EVERY_MS * driver.random.between(0.8, 1.2)) / options.speed;
    followHint(driver, statistics);
  }
  if (now < driver.idleUntil) return;
  driver.goal = cornerAt({ x: driver.at.x + driver.random.between(-CRUISE_M, CRUISE_M), y: driver.at.y + driver.random.between(-CRUISE_M, CRUISE_M) });
}

function followHint(driver: Driver, statistics: Statistics): void {
  driver.client
    .RepositionHint()
    .then(({ repositionHint }) => {
      if (!repositionHint || driver.tripId) return;
      statistics.hints += 1;
      driver.goal = cornerAt(toSpot(repositionHint.place));
    })
    .catch((error) => statistics.refused(error));
}
