import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type OnlineDriver, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment, { ...readDispatchConfig({}), cooldownMs: 1_000 }));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const standingOf = async (driver: Pick<OnlineDriver, 'actor'>) =>
  accepted(await t.run<{ myDriver: { standing: string } }>(driver.actor, '{ myDriver { standing } }')).myDriver.standing;
const flag = (kind: 'flagged' | 'confirmed' | 'cleared', userId: string, flagId: string) =>
  t.deliver('payments-ledger', `fraud.${kind}`, flagId, { flagId, userId, kind: 'MANY_WITHDRAWALS' });
const car = async (driver: OnlineDriver, type: 'created' | 'updated' | 'retired', status: string) => {
  const [row] = await t.owner`select vehicle_id from drivers where id = ${driver.uuid}`;
  await t.deliver('fleet', `vehicle.${type}`, row?.vehicle_id as string, { vehicleId: row?.vehicle_id, use: 'RIDE', status });
};

test('PL-21, DP-20: who is suspected of fraud gets no offers until it is decided; cleared he does again, confirmed he does not', async () => {
  const pickup = say.spot();
  const [suspect, other, rider] = [await say.driver(pickup), await say.driver(shifted(pickup, 2_000)), say.rider()];
  const [one, two] = [randomUUID(), randomUUID()];
  await flag('flagged', suspect.actor.id, one);
  await flag('flagged', suspect.actor.id, two);
  expect(await standingOf(suspect)).toBe('POOR');
  const trip = await say.requested(rider, pickup);
  await say.offer(other);
  expect(await say.stateOf(suspect), 'asked is who is trusted').toBe('AVAILABLE');
  accepted(await say.cancel(rider, trip.id));
  await flag('cleared', suspect.actor.id, one);
  expect(await standingOf(suspect), 'one of two').toBe('POOR');
  await flag('cleared', suspect.actor.id, two);
  expect(await standingOf(suspect)).toBe('GOOD');
  accepted(await say.goOffline(other));
  const again = await say.requested(rider, pickup);
  expect((await say.offer(suspect)).trip?.id).toBe(again.id);
  accepted(await say.cancel(rider, again.id));

  await flag('flagged', suspect.actor.id, randomUUID());
  const found = randomUUID();
  await flag('flagged', suspect.actor.id, found);
  await flag('confirmed', suspect.actor.id, found);
  // Time heals flagged points, not this.
  t.setClock(new Date(Date.now() + 26 * 3_600_000));
  await eventually(
    async () => (await t.owner`select 1 from timers where kind = 'location.upkeep' and due_at > now() + interval '25 hours'`).length > 0,
    'the look at standings',
  );
  expect(await standingOf(suspect)).toBe('POOR');
  t.setClock(new Date());
});

test('PL-21: who was suspected before he drove begins in poor standing; a flag of somebody who does not drive changes nothing', async () => {
  const person = say.person('DRIVER');
  await flag('flagged', person.id, randomUUID());
  accepted(await say.mutate(person, 'registerDriver', '$input: RegisterDriverInput!', { input: say.registration() }, 'id'));
  expect(await standingOf({ actor: person })).toBe('POOR');
  const suspicions = await t.asService.begin(async (sql) => {
    await sql`select set_config('waygraph.actor_id', ${person.id}, true), set_config('waygraph.actor_roles', 'DRIVER', true)`;
    return sql`select 1 from fraud_flags`;
  });
  expect(suspicions, 'ID-08').toHaveLength(0);
});

test('DP-01b: a car that is retired takes its driver off the road at once, his offer goes to the next; as soon as it drives again, so may he', async () => {
  const pickup = say.spot();
  const [driver, next, rider] = [await say.driver(pickup), await say.driver(shifted(pickup, 6_000)), say.rider()];
  const trip = await say.requested(rider, pickup);
  await say.offer(driver);
  await car(driver, 'retired', 'RETIRED');
  expect(await say.stateOf(driver)).toBe('OFFLINE');
  expect((await say.offer(next)).trip?.id).toBe(trip.id);
  accepted(await say.cancel(rider, trip.id));
  const refused = await say.goOnline(driver, pickup);
  expect(refused.codes).toEqual(['VEHICLE_OFF_ROAD']);
  expect(refused.errors[0]?.extensions.details).toEqual({ field: 'vehicle', rule: 'vehicle_active', status: 'RETIRED' });
  await car(driver, 'updated', 'ACTIVE');
  expect(accepted(await say.goOnline(driver, pickup)).answer).toEqual({ state: 'AVAILABLE' });
});

test('DP-01b: on a trip he brings the rider there, and is off the road after it', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(pickup);
  const trip = await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip');
  await car(driver, 'updated', 'MAINTENANCE');
  expect(await say.stateOf(driver)).toBe('BUSY');
  accepted(await say.drive(driver, 'completeTrip', trip.id));
  await eventually(async () => (await say.stateOf(driver)) === 'OFFLINE', 'the driver to be off the road');
});
