import { expect, test } from 'vitest';
import type { Subgraph } from '../../platform/subgraph.js';
import { eventually, startTestSubgraph, TEST_SECRET } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, shifted } from './dispatch.given.js';
import { killedAt } from './killedAt.given.js';
import { startDispatch } from './main.js';
import { strategiesFor } from './strategies.js';

test('DP-22: killed in the middle of a tick, between two offers of it, nobody is forgotten and no driver is asked twice', { timeout: 120_000 }, async () => {
  const config = readDispatchConfig({});
  let running: Subgraph | undefined;
  await using t = await startTestSubgraph('dispatch', async (environment) => {
    // Requests come, and their tick is for another process.
    const later = { ...strategiesFor(config).BATCHED, tickMs: 365 * 24 * 3_600_000 };
    running = await startDispatch(environment, config, { ...strategiesFor(config), BATCHED: later });
    const subgraph = () => running as Subgraph;
    return {
      ...running,
      execute: (request, caller) => subgraph().execute(request, caller),
      subscribe: (request, caller) => subgraph().subscribe(request, caller),
      stop: () => subgraph().stop(),
    };
  });
  const say = given(t);
  accepted(await say.mutate(say.admin, 'setMatchingStrategy', '$input: SetMatchingStrategyInput!', { input: { strategy: 'BATCHED' } }, 'strategy'));
  const here = say.spot();
  const drivers = [await say.driver(here), await say.driver(shifted(here, 600)), await say.driver(shifted(here, 1_200))];
  const trips = [
    await say.requested(say.rider(), shifted(here, 50)),
    await say.requested(say.rider(), shifted(here, 650)),
    await say.requested(say.rider(), here),
  ];
  await eventually(async () => (await t.owner`select 1 from timers where kind = 'matching.tick'`).length === 1, 'the searches to wait for a tick');
  await eventually(async () => (await t.owner`select 1 from timers where kind = 'matching.round'`).length === 0, 'all of them');
  await running?.stop();

  await t.owner`update timers set due_at = now() where kind = 'matching.tick'`;
  await killedAt(t, TEST_SECRET, { table: 'offers', condition: '(select count(*) from offers) > 0' }, null);
  expect([...(await t.owner`select 1 from offers`)], 'all of the tick or nothing').toEqual([]);
  expect([...(await t.owner`select 1 from matching_ticks`)]).toEqual([]);
  expect((await t.owner`select 1 from timers where kind = 'matching.tick'`).length).toBe(1);

  running = await startDispatch(t.environment, config);
  for (const driver of drivers) accepted(await say.move(driver, here));
  await eventually(async () => (await t.owner`select 1 from offers where status = 'PENDING'`).length === 3, 'an offer for each', 45_000);
  const [asked] = await t.owner`select count(distinct trip_id)::int as trips, count(distinct driver_id)::int as drivers from offers`;
  expect(asked).toEqual({ trips: 3, drivers: 3 });
  expect(trips).toHaveLength(3);
});
