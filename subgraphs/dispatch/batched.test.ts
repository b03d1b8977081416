import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemActor } from '../../platform/actor.js';
import { uuidOf } from '../../platform/ids.js';
import { createLog } from '../../platform/log.js';
import { appUrl } from '../../platform/migrate.js';
import { connectDatabase, inTransaction } from '../../platform/postgres.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';
import { recordedRounds, tripFactsOf } from './roundQueries.js';
import { type ReplayOptions, replayRounds } from './roundReplay.js';
import { decideTick, type RoundInputs, type RoundOutcome } from './tick.js';

/** Long enough that what is requested together is decided together, also on a busy machine. */
const BATCH_MS = 8_000;

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment, { ...readDispatchConfig({}), batchMs: BATCH_MS }));
  say = given(t);
  accepted(await say.mutate(say.admin, 'setMatchingStrategy', '$input: SetMatchingStrategyInput!', { input: { strategy: 'BATCHED' } }, 'strategy'));
});
afterAll(() => t[Symbol.asyncDispose]());

const tripIds = (trips: { id: string }[]) => trips.map((trip) => uuidOf('trp', trip.id) ?? '');
const ticksWith = async (riders: number) =>
  (await t.owner`select inputs, outcome, solve_micros from matching_ticks order by at`)
    .map((row) => ({ inputs: row.inputs as RoundInputs, outcome: row.outcome as RoundOutcome, solveMicros: Number(row.solve_micros) }))
    .filter((tick) => tick.inputs.riders.length === riders);

test('DP-22, DP-22b: requests of a city are matched together for the least pickup time in all; the tick is recorded, and its replay reproduces it', {
  timeout: 120_000,
}, async () => {
  const here = say.spot();
  // Near for both riders is the middle driver; the far one is a small detour for the second rider, and a long way for the first.
  const [middle, far] = [await say.driver(here), await say.driver(shifted(here, 2_000))];
  await eventually(() => Date.now() % BATCH_MS < 1_500, 'the beginning of an interval');
  const [first, second] = [say.rider(), say.rider()];
  const trips = await Promise.all([say.requested(first, shifted(here, -300)), say.requested(second, shifted(here, 400))]);
  const [forFirst, forSecond] = tripIds(trips);
  const offers = await eventually(async () => {
    const rows = await t.owner`select trip_id, driver_id from offers where trip_id in ${t.owner([forFirst ?? '', forSecond ?? ''])} and status = 'PENDING'`;
    return rows.length === 2 ? new Map(rows.map((row) => [row.trip_id as string, row.driver_id as string])) : null;
  }, 'two offers');
  expect([offers.get(forFirst ?? ''), offers.get(forSecond ?? '')]).toEqual([middle.uuid, far.uuid]);

  const [tick] = await ticksWith(2);
  expect(tick?.outcome.pairs).toHaveLength(2);
  expect(decideTick(tick!.inputs).pairs).toEqual(tick?.outcome.pairs);
  expect(tick?.outcome.passedOver).toEqual([]);
  const total = (pairs: { pickupS: number }[]) => pairs.reduce((sum, pair) => sum + pair.pickupS, 0);
  expect(total(tick!.outcome.pairs)).toBeLessThanOrEqual(total(decideTick(tick!.inputs, 'ARRIVAL_ORDER').pairs));
  // Trips and drivers are named; neither persons nor places.
  expect([...tick!.inputs.trips].sort()).toEqual([forFirst, forSecond].sort());
  expect([...tick!.inputs.driverIds].sort()).toEqual([middle.uuid, far.uuid].sort());
  const written = JSON.stringify(tick);
  for (const secret of [first.id, second.id, middle.actor.id, far.actor.id, 'lat', 'lng']) expect(written).not.toContain(secret);

  accepted(await say.accept(far, (await say.offer(far)).id));
  const why = accepted(
    await t.run<{ trip: { why: { match: string; batch: { riders: number; drivers: number; pickupSeconds: number; nearestSeconds: number } } } }>(
      second,
      `{ trip(id: "${trips[1]?.id}") { why { match batch { riders drivers pickupSeconds nearestSeconds } } } }`,
    ),
  ).trip.why;
  expect(why.batch).toMatchObject({ riders: 2, drivers: 2 });
  expect(why.batch.pickupSeconds).toBeGreaterThan(why.batch.nearestSeconds);
  expect(why.match).toContain('better placed for somebody else');
});

test('DP-22: who is declined waits in the next tick; nobody is offered two trips', { timeout: 120_000 }, async () => {
  const here = say.spot();
  const [one, rider] = [await say.driver(here), say.rider()];
  const trip = await say.requested(rider, here);
  accepted(await say.decline(one, (await say.offer(one)).id));
  const other = await say.driver(shifted(here, 700));
  expect(accepted(await say.accept(other, (await say.offer(other)).id)).answer).toMatchObject({ id: trip.id, status: 'ACCEPTED' });
  const twice = await t.owner`select driver_id from offers where status = 'PENDING' group by driver_id having count(*) > 1`;
  expect([...twice]).toEqual([]);
});

test('DP-22b: a driver whom somebody else takes while a tick decides is recorded as passed over, not as asked, and is no reason', {
  timeout: 120_000,
}, async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  const reasons = (trip: string) => t.owner`select pickup_seconds from trip_reasons where trip_id = ${trip}`;
  /** Of the last tick with this trip: whom it was offered to, and who was passed over. */
  const lastOf = async (trip: string) => {
    const [row] = await t.owner`select inputs, outcome from matching_ticks where inputs->'trips' ? ${trip} order by at desc limit 1`;
    if (!row) return null;
    const { inputs, outcome } = row as unknown as { inputs: RoundInputs; outcome: RoundOutcome };
    const rider = inputs.trips.indexOf(trip);
    const name = (number: number) => inputs.driverIds[number];
    return {
      asked: outcome.pairs.filter((pair) => pair.rider === rider).map((pair) => name(pair.driver)),
      passedOver: outcome.passedOver.filter(([who]) => who === rider).map(([, number]) => name(number)),
    };
  };
  const trip = await t.owner.begin(async (sql) => {
    // As another search does that takes him at this moment.
    await sql`select 1 from drivers where id = ${driver.uuid} for no key update`;
    const made = uuidOf('trp', (await say.requested(say.rider(), here)).id) ?? '';
    expect(await eventually(() => lastOf(made), 'a tick')).toEqual({ asked: [], passedOver: [driver.uuid] });
    expect([...(await reasons(made))]).toEqual([]);
    return made;
  });
  await eventually(async () => (await lastOf(trip))?.asked.includes(driver.uuid), 'the next tick');
  expect([...(await reasons(trip))]).toEqual([{ pickup_seconds: 0 }]);
});

test('DP-22b: the replay of a recorded run reproduces it', {
  timeout: 120_000,
}, async () => {
  const here = say.spot();
  for (const north of [0, 900, 2_100]) await say.driver(shifted(here, north));
  for (const north of [-200, 450, 700, 1_500, 2_600]) await say.requested(say.rider(), shifted(here, north));
  const recorded = async () => (await t.owner`select count(*)::int as ticks from matching_ticks`)[0]?.ticks as number;
  const before = await recorded();
  await eventually(async () => (await recorded()) >= before + 2, 'two more ticks', 45_000);
  const log = createLog({ service: 'test', level: 'fatal' });
  const db = connectDatabase({ url: appUrl(t.environment.databaseUrl, 'dispatch', TEST_SECRET), log, clock: () => new Date(), applicationName: 'test' });
  const run = (options: Partial<ReplayOptions>) =>
    inTransaction(systemActor('test'), db, { traceId: '0'.repeat(32), causationId: 'test' }, (tx) =>
      replayRounds(recordedRounds(tx.orm, new Date(Date.now() - 3_600_000), new Date(Date.now() - 500)), (ids) => tripFactsOf(tx.orm, ids), {
        strategy: 'BATCHED',
        weights: {},
        batchMs: BATCH_MS,
        list: 100,
        ...options,
      }),
    );
  try {
    const same = await run({});
    expect(same.rounds).toBeGreaterThanOrEqual(2);
    expect(same.matched.recorded).toBeGreaterThanOrEqual(2);
    expect(same).toMatchObject({ tripsChanged: 0, changed: [], matched: { replayed: same.matched.recorded } });
    expect(same.meanPickupS.replayed).toBe(same.meanPickupS.recorded);
  } finally {
    await db.close();
  }
});

test('PF-02b: a search that waits in the pool for its next tick is not forgotten; without the tick it is', async () => {
  const rider = say.rider();
  const trip = await say.requested(rider, say.spot());
  const violations = async () => {
    const query = 'query($r: [_Any!]!) { _entities(representations: $r) { ... on SystemHealth { dispatchViolations { kind reference } } } }';
    const { data } = await t.run<{ _entities: { dispatchViolations: { kind: string; reference: string }[] }[] }>(systemActor('test'), query, {
      r: [{ __typename: 'SystemHealth', id: 'system' }],
    });
    return data._entities[0]?.dispatchViolations.filter(({ kind }) => kind === 'SEARCH_FORGOTTEN').map(({ reference }) => reference);
  };
  const uuid = uuidOf('trp', trip.id) ?? '';
  const inPool = async () => (await t.owner`select 1 from timers where kind = 'matching.round' and key = ${uuid}`).length === 0;
  await eventually(inPool, 'the search to be in the pool');
  t.setClock(new Date(Date.now() + 6 * 60_000));
  await eventually(async () => (await violations())?.length === 0, 'the tick of now');
  expect((await say.trip(rider, trip.id))?.status).toBe('SEARCHING');
  await t.owner`update trips set strategy = 'SEQUENTIAL' where id = ${uuid}`;
  expect(await violations()).toContain(uuid);
  await t.owner`update trips set strategy = 'BATCHED' where id = ${uuid}`;
  t.setClock(new Date());
  await say.cancel(rider, trip.id);
});

test('DP-22b: ticks are kept for a fortnight and then forgotten', async () => {
  t.setClock(new Date(Date.now() + 15 * 24 * 3_600_000));
  await eventually(async () => (await t.owner`select 1 from matching_ticks where at < now() + interval '1 hour'`).length === 0, 'the ticks to go');
  expect([...(await t.owner`select 1 from trip_reasons where at < now() + interval '1 hour'`)]).toEqual([]);
});
