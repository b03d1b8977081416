import { expect, test } from 'vitest';
import { createDeliveryQueue, MAX_UNDELIVERED, type UpstreamEvent } from './delivery.js';

const state = (sequence: number): UpstreamEvent => ({ result: { data: { sequence } }, sequence, kind: 'STATE' });
const position = (at: number): UpstreamEvent => ({ result: { data: { at } }, sequence: 1, kind: 'POSITION' });
const take = (queue: ReturnType<typeof createDeliveryQueue>, count: number) => Array.from({ length: count }, () => queue.take()?.result.data);

test('a newer position takes the place of an undelivered one, behind the states that came between', () => {
  const queue = createDeliveryQueue('tripUpdates');
  for (const event of [position(1), state(2), position(2), position(3), state(3), position(4)]) queue.push(event);
  expect(take(queue, 3)).toEqual([{ sequence: 2 }, { sequence: 3 }, { at: 4 }]);
});

test('GW-12: of a shared trip the newest position waits too, and of the map of drivers around the newest map', () => {
  const shared = createDeliveryQueue('sharedTripUpdates');
  for (const event of [position(1), state(2), position(2)]) shared.push(event);
  expect(take(shared, 2)).toEqual([{ sequence: 2 }, { at: 2 }]);
  const map = createDeliveryQueue('nearbyDriversUpdated');
  for (let at = 1; at <= MAX_UNDELIVERED + 5; at += 1) expect(map.push({ result: { data: { at } }, sequence: null, kind: null })).toBe(true);
  map.end(null);
  expect(take(map, 2)).toEqual([{ at: MAX_UNDELIVERED + 5 }, undefined]);
});

test('other fields keep every event, whatever its kind', () => {
  const queue = createDeliveryQueue('bookingUpdated');
  for (const event of [position(1), position(2)]) queue.push(event);
  expect(take(queue, 2)).toEqual([{ at: 1 }, { at: 2 }]);
});

test('states are never dropped: who is too far behind is ended, and what was queued is let go', () => {
  const queue = createDeliveryQueue('tripUpdates');
  for (let sequence = 1; sequence <= MAX_UNDELIVERED; sequence += 1) expect(queue.push(state(sequence))).toBe(true);
  expect(queue.push(state(MAX_UNDELIVERED + 1))).toBe(false);
  expect(queue.take()).toBeNull();
  expect(queue.ending()?.errors?.[0]?.extensions).toEqual({ code: 'SLOW_CONSUMER', retryAfter: 1 });
});

test('the end comes after what is queued, and what comes after the end is not taken', () => {
  const queue = createDeliveryQueue('tripUpdates');
  queue.push(state(1));
  queue.end(null);
  expect(queue.push(state(2))).toBe(true);
  expect(queue.ending()).toBeNull();
  expect(take(queue, 2)).toEqual([{ sequence: 1 }, undefined]);
  expect(queue.ending()).toEqual({ errors: null });
});
