import { afterAll, beforeAll, expect, test } from 'vitest';
import { cellOf } from '../../subgraphs/dispatch/surge.js';
import { put, savedOperations } from '../given/savedOperations.js';
import { acceptedTrip } from '../given/savedRides.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

let graph: TestGraph;
beforeAll(async () => {
  graph = await startGraph('one');
});
afterAll(() => graph[Symbol.asyncDispose]());

const clock = () => new Date().toISOString();
const idsOf = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);

test('GW-50: every saved operation of the city and of its roads runs as it is, for the one that it names, with its own example', {
  timeout: 180_000,
}, async () => {
  const operations = savedOperations(graph);
  const { run, notRun } = operations;

  // What rides cost, now and in years to come.
  expect((await run('City 1')).quoteTrip.length).toBe(4);
  expect((await run('City 2')).surgeMap).toEqual([]);
  expect((await run('City 6')).fareRates.length).toBe(4);
  const { publishFareTable } = await run('City 7');
  expect(idsOf((await run('City 8')).fareTables)).toContain(publishFareTable.id);
  const { createPriceEvent } = await run('City 9');
  expect(idsOf((await run('City 10')).priceEvents)).toEqual([createPriceEvent.id]);
  expect((await run('City 11', { eventId: createPriceEvent.id })).endPriceEvent.endedAt).not.toBeNull();
  expect((await run('City 17')).routingState.adapter).toBe('local');

  // Who drives: with which papers, and who not for a while.
  const { registerDriver } = await run('City 12');
  expect((await run('City 13', { id: registerDriver.id })).approveDriver).toEqual({ id: registerDriver.id, approval: 'APPROVED' });
  const { requestDriverDocument } = await run('City 18');
  await put(requestDriverDocument.url);
  expect((await run('City 19')).drivers.nodes).toEqual([]);
  const { drivers: shown } = await run('City 19', { approval: 'APPROVED' });
  expect(shown.nodes.find(({ id }: { id: string }) => id === registerDriver.id).documents).toMatchObject([{ kind: 'LICENCE', isGood: true }]);
  expect((await run('Road 1')).drivers.totalCount).toBe(2);
  expect((await run('Road 2')).suspendDriver).toMatchObject({ approval: 'SUSPENDED', suspension: { reason: 'papers have expired' } });
  expect((await run('Road 3')).approveDriver.approval).toBe('APPROVED');

  // Where they are, where they would rather be, and where they cannot have been.
  await run('Ride 1');
  expect((await run('City 14', { input: [{ driverId: registerDriver.id, recordedAt: clock() }] })).ingestLocations).toEqual({ accepted: 1, rejected: 0 });
  // What a city learns in weeks cannot be waited for.
  await graph.owner('dispatch')`insert into demand_seasons (cell, slot, level, mean_error, weeks, updated_at)
    select ${cellOf({ lat: 30.0626, lng: 31.2497 })}, slot, 9, 0, 8, now() from generate_series(0, 671) slot`;
  expect((await run('City 5')).repositionHint.expectedRequests).toBe(8);
  const { updateLocations } = await run('Ride 20', { input: [{ recordedAt: clock(), mocked: true }] });
  expect(updateLocations.rejections).toMatchObject([{ reason: 'SUSPICIOUS' }]);
  await eventually(async () => (await run('Road 4')).locationFlags.nodes.some(({ kind }: { kind: string }) => kind === 'MOCKED'), 'the flag');

  // A trip that goes elsewhere.
  const tripId = await acceptedTrip(operations);
  expect((await run('City 4', { id: tripId })).trip.why).toMatchObject({ driversAsked: 1 });
  const { quoteDestinationChange } = await run('City 3', { tripId });
  const { changeDestination } = await run('City 16', { tripId, quoteId: quoteDestinationChange.id });
  expect(changeDestination).toMatchObject({ destination: { lat: 30.08, lng: 31.28 }, agreedFare: quoteDestinationChange.price });
  expect((await run('City 15')).setMatchingStrategy.strategy).toBe('BATCHED');

  // Areas of the map.
  const { createZone } = await run('Road 5');
  expect((await run('Road 7')).zones).toEqual([{ id: createZone.id, name: 'Cairo International', waitingDrivers: 0 }]);
  expect((await run('Road 6', { id: createZone.id })).retireZone.retiredAt).not.toBeNull();

  // A new one has to be added here.
  expect(notRun('City', 'Road')).toEqual([]);
});
