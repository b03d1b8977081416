import { expect, test } from 'vitest';
import { createDeliveryQueue, MAX_UNDELIVERED, OperationEnded, type UpstreamEvent } from './delivery.js';

const state = (sequence: number): UpstreamEvent => ({ result: { data: { sequence } }, sequence, kind: 'STATE' });
const position = (at: number): UpstreamEvent => ({ result: { data: { at } }, sequence: 1, kind: 'POSITION' });
const take = async (queue: ReturnType<typeof createDeliveryQueue>, count: number) => {
  const taken: unknown[] = [];
  for (let index = 0; index < count; index += 1) taken.push((await queue.next())?.result.data);
  return taken;
};

test('a newer position takes the place of an undelivered one, behind the states that came between', async () => {
  const queue = createDeliveryQueue('tripUpdates');
  for (const event of [position(1), state(2), position(2), position(3), state(3), position(4)]) queue.push(event);
  expect(await take(queue, 3)).toEqual([{ sequence: 2 }, { sequence: 3 }, { at: 4 }]);
});

test('GW-12: of a shared trip the newest position waits too, and of the map of drivers around the newest map', async () => {
  const shared = createDeliveryQueue('sharedTripUpdates');
  for (const event of [position(1), state(2), position(2)]) shared.push(event);
  expect(await take(shared, 2)).toEqual([{ sequence: 2 }, { at: 2 }]);
  const map = createDeliveryQueue('nearbyDriversUpdated');
  for (let at = 1; at <= MAX_UNDELIVERED + 5; at += 1) expect(map.push({ result: { data: { at } }, sequence: null, kind: null })).toBe(true);
  map.end(null);
  expect(await take(map, 2)).toEqual([{ at: MAX_UNDELIVERED + 5 }, undefined]);
});

test('other fields keep every event, whatever its kind', async () => {
  const queue = createDeliveryQueue('bookingUpdated');
  for (const event of [position(1), position(2)]) queue.push(event);
  expect(await take(queue, 2)).toEqual([{ at: 1 }, { at: 2 }]);
});

test('states are never dropped: who is too far behind is ended, and what was queued is let go', async () => {
  const queue = createDeliveryQueue('tripUpdates');
  for (let sequence = 1; sequence <= MAX_UNDELIVERED; sequence += 1) expect(queue.push(state(sequence))).toBe(true);
  expect(queue.push(state(MAX_UNDELIVERED + 1))).toBe(false);
  const outcome = await queue.next().catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(OperationEnded);
  expect((outcome as OperationEnded).errors[0]?.extensions).toEqual({ code: 'SLOW_CONSUMER', retryAfter: 1 });
  expect(await queue.next()).toBeNull();
});

test('the end comes after what is queued, and wakes who waits', async () => {
  const queue = createDeliveryQueue('tripUpdates');
  queue.push(state(1));
  queue.end(null);
  expect(await take(queue, 2)).toEqual([{ sequence: 1 }, undefined]);
  const other = createDeliveryQueue('tripUpdates');
  const waiting = other.next();
  other.abandon();
  expect(await waiting).toBeNull();
});
