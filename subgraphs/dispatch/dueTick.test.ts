import { expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

const HOUR_MS = 3_600_000;

test('DP-22: a tick that is due is not put off by the searches that go on coming', async () => {
  // Ticks an hour apart: one that is moved to the next interval does not come while anybody waits.
  await using t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment, { ...readDispatchConfig({}), batchMs: HOUR_MS }));
  const say = given(t);
  accepted(await say.mutate(say.admin, 'setMatchingStrategy', '$input: SetMatchingStrategyInput!', { input: { strategy: 'BATCHED' } }, 'strategy'));
  const here = say.spot();
  for (const north of [100, 200]) await say.driver(shifted(here, north));
  const first = await say.requested(say.rider(), here);
  const dueAt = async () => (await t.owner`select due_at from timers where kind = 'matching.tick'`)[0]?.due_at as Date | undefined;
  await eventually(dueAt, 'the tick to be set');
  let second: string | undefined;
  await t.owner.begin(async (sql) => {
    // It becomes due, and the next search sets it before any process has come to run it.
    await sql`update timers set due_at = ${new Date(t.environment.clock().getTime() - 1_000)} where kind = 'matching.tick'`;
    second = (await say.requested(say.rider(), here)).id;
    await eventually(
      async () =>
        (
          await t.owner`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like 'select waygraph_set_timer%'`
        ).length > 0,
      'the second search to wait for the tick',
    );
  });
  const offered = async (tripId = '') => (await t.owner`select 1 from offers where trip_id = ${uuidOf('trp', tripId)}`).length > 0;
  await eventually(async () => (await offered(first.id)) && (await offered(second)), 'both to be offered');
  // The next tick is an interval away: what ran was the one that was due.
  const [ran] = await t.owner`select count(*)::int as ticks from matching_ticks`;
  expect(ran?.ticks).toBe(1);
});
