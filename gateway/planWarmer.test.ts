import { QueryPlanner } from '@apollo/query-planner';
import { expect, test, vi } from 'vitest';
import { createLog } from '../platform/log.js';
import { createPlanWarmer } from './planWarmer.js';
import { eventually, startTestGateway, watch } from './testGateway.js';
import { compose } from './testSubgraphs.js';

test('GW-32: after a reload what clients used last, and what they are known to send, is planned before they ask again', async () => {
  const persisted = 'query Persisted($id: ID!, $with: Boolean! = true) { trip(id: $id) { status car @include(if: $with) { seats } } }';
  await using graph = await startTestGateway({ persistedOperations: [persisted, '{ thisNeverWas }'] });
  const query = 'query($id: ID!) { trip(id: $id) { status car { plate label } } }';
  const subscription = 'subscription { tripUpdates(tripId: "t1") { status trip { car { plate } } } }';
  const overSocket = '{ trip(id: "t1") { car { owner { name } } } }';
  const watchAll = async () => {
    expect((await graph.query(query, { id: 't1' })).errors).toBeUndefined();
    expect((await graph.query(persisted, { id: 't1' })).data).toEqual({ trip: { status: 'REQUESTED', car: { seats: 4 } } });
    const client = graph.connect();
    const [watching, asking] = [watch(client, subscription), watch(client, overSocket)];
    await eventually(() => [watching.events.length, asking.completed]).toEqual([1, true]);
    watching.leave();
  };
  const plan = vi.spyOn(QueryPlanner.prototype, 'buildQueryPlan');
  await watchAll();
  expect(plan).toHaveBeenCalledTimes(4);
  const changed = [graph.identity.subgraph, ...graph.subgraphs].map(({ name, sdl }) => ({
    name,
    sdl: sdl.replace('whoami: String!', 'whoami: String! more: Int'),
  }));
  graph.gateway.update(compose(changed));
  await eventually(() => plan.mock.calls.length).toBe(8);
  await watchAll();
  expect(plan).toHaveBeenCalledTimes(8);
  plan.mockRestore();
});

test('GW-32: the newest first, no more than 200, and not for a schema that has been replaced again', async () => {
  const planned: string[] = [];
  let letGo: () => void = () => {};
  const first = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const warmer = createPlanWarmer({
    persisted: ['old'],
    async plan(text) {
      planned.push(text);
      if (planned.length === 1) await first;
      if (text === 'q250') throw new Error('not valid any more');
    },
    log: createLog({ service: 'test', level: 'silent' }),
  });
  for (let count = 0; count < 300; count += 1) warmer.used(`q${count}`);
  warmer.used('q150');
  const outdated = warmer.warm();
  await eventually(() => planned).toEqual(['q150']);
  const newest = warmer.warm();
  letGo();
  expect([await outdated, await newest]).toEqual([1, 199]);
  expect(planned.slice(0, 4)).toEqual(['q150', 'q150', 'q299', 'q298']);
  expect(planned).toHaveLength(201);
  expect(planned).not.toContain('old');
});
