import { expect, test } from 'vitest';
import { openFleet } from '../../bench/simulator/drivers.js';
import { newPerson } from '../../bench/simulator/people.js';
import { openRiders } from '../../bench/simulator/riders.js';
import { reportOf, Statistics } from '../../bench/simulator/statistics.js';
import { anyCorner } from '../../bench/simulator/streets.js';
import { seeded } from '../../bench/simulator/random.js';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { SERVICE_KEY, startGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

test('DP-36: simulated drivers and riders use the real graph: positions, offers, a ride to its end, and what became of it', { timeout: 150_000 }, async () => {
  await using graph = await startGraph('one', { DISPATCH_COOLDOWN_S: '1' });
  const system = { url: `${graph.url}/graphql`, serviceKey: SERVICE_KEY, admin: { email: DEMO_ACCOUNTS.admin.email, password: DEMO_PASSWORD } };
  const beganAt = new Date();
  await (await graph.as('admin')).ChooseStrategy({ input: { strategy: 'BATCHED' } });
  const statistics = new Statistics();
  let ready = 0;
  const fleet = await openFleet(system, { drivers: 2, seed: 3, speed: 4, hints: true }, statistics, (count) => {
    ready = count;
  });
  const riders = openRiders(system, { speed: 4 }, statistics, [await newPerson(system, 'CUSTOMER')]);
  try {
    expect(ready).toBe(2);
    // A ride of a kilometre from where a driver stands, so that it ends within the test's time.
    const pickup = anyCorner(seeded(3 * 7_919));
    const ride = riders.ride({
      atMs: 0,
      pickup,
      destination: { x: pickup.x > 0 ? pickup.x - 750 : pickup.x + 750, y: pickup.y },
      vehicleType: 'ECONOMY',
      patienceMs: 90_000,
    });
    await eventually(() => statistics.matched === 1, 'a driver to take the trip', 60_000);
    await eventually(() => statistics.completed === 1, 'the ride to end', 80_000);
    await ride;
  } finally {
    await riders.stop();
    await fleet.stop();
  }
  const report = reportOf(statistics, { seed: 3 });
  expect(report).toMatchObject({ requests: 1, matched: 1, completed: 1, cancelledByRider: 0, noDrivers: 0, undecidedAtEnd: 0 });
  expect(report.firstOffer.p50Ms).toBeGreaterThan(0);
  expect(report.positions.p50Ms).toBeGreaterThan(0);
  expect([...statistics.tripsOfDriver.values()].sort()).toEqual([0, 1]);

  // The tick that matched it was recorded, and decides the same again.
  const { code, said } = await graph.runScript('scripts/replayTicks.js', '--from', beganAt.toISOString(), '--strategy', 'arrival_order');
  expect(code, said).toBe(0);
  expect(JSON.parse(said.slice(said.indexOf('{')))).toMatchObject({
    ...{ strategy: 'ARRIVAL_ORDER', trips: 1, tripsChanged: 0, changed: [] },
    matched: { recorded: 1, replayed: 1 },
  });
  const wrong = await graph.runScript('scripts/replayTicks.js', '--from', 'yesterday');
  expect([wrong.code, wrong.said]).toEqual([1, expect.stringContaining('--from has to be a time')]);
});

test('DP-22b: npm run replay runs a day of FIRST_ACCEPT under other strategies and weights, and names the trips that change', {
  timeout: 150_000,
}, async () => {
  await using graph = await startGraph('one');
  const beganAt = new Date();
  const system = { url: `${graph.url}/graphql`, serviceKey: SERVICE_KEY, admin: { email: DEMO_ACCOUNTS.admin.email, password: DEMO_PASSWORD } };
  const centre = { lat: 30.0444, lng: 31.2357 };
  const north = (metres: number) => ({ lat: centre.lat + metres / 111_195, lng: centre.lng });
  // Both are asked at once, and the one further away is quicker.
  const admin = await graph.as('admin');
  const drivers = await Promise.all(
    [200, 900].map(async (metres, i) => {
      const client = await newPerson(system, 'DRIVER');
      const car = { vehicleType: 'ECONOMY' as const, make: 'Kia', model: 'Rio', year: 2022, seats: 5, plate: `R ${i}`, licenceNumber: `R-${i}` };
      const { registerDriver } = await client.OnboardDriver({ input: car });
      await admin.AdmitDriver({ id: registerDriver.id });
      await client.GoOnline({ at: north(metres) });
      return { id: registerDriver.id, client };
    }),
  );
  const rider = await newPerson(system, 'CUSTOMER');
  try {
    const [near, far] = drivers as [(typeof drivers)[number], (typeof drivers)[number]];
    const { quoteTrip } = await rider.QuoteTrip({ input: { pickup: centre, destination: north(4_000), vehicleTypes: ['ECONOMY'] } });
    const { requestTrip } = await rider.RequestTrip({ input: { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH', idempotencyKey: 'replay-me' } });
    for await (const { driverOffers } of far.client.DriverOffers()) {
      await far.client.AcceptOffer({ offerId: driverOffers.id });
      break;
    }
    const replay = async (...args: string[]) => {
      const { code, said } = await graph.runScript('scripts/replayTicks.js', '--from', beganAt.toISOString(), ...args);
      expect(code, said).toBe(0);
      return JSON.parse(said.slice(said.indexOf('{')));
    };
    expect(await replay('--strategy', 'first_accept')).toMatchObject({ rounds: 1, trips: 1, tripsChanged: 0, matched: { recorded: 1, replayed: 1 } });
    for (const strategy of ['sequential', 'batched', 'arrival_order']) {
      const { changed, meanPickupS } = await replay('--strategy', strategy, '--nearness', '0.9');
      expect(changed, strategy).toMatchObject([{ trip: requestTrip.id, recorded: { driverId: far.id }, replayed: { driverId: near.id } }]);
      expect(meanPickupS.replayed).toBeLessThan(meanPickupS.recorded);
    }
    const help = await graph.runScript('scripts/replayTicks.js', '--help');
    expect([help.code, help.said]).toEqual([0, expect.stringContaining('--nearness N')]);
    const wrong = await graph.runScript('scripts/replayTicks.js', '--from', beganAt.toISOString(), '--nearness', '2');
    expect([wrong.code, wrong.said]).toEqual([1, expect.stringContaining('--nearness has to be a number from 0 to 1')]);
  } finally {
    await Promise.all([rider, ...drivers.map(({ client }) => client)].map((client) => client.close()));
  }
});
