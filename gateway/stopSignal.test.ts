import { expect, test } from 'vitest';
import { Stop } from './stopSignal.js';

test('EN-06: a stop is told to all who listen, once, with its first reason, and to nobody who has left', () => {
  const stop = new Stop();
  const told: string[] = [];
  const listeners = ['a', 'b', 'c', 'd'].map((name) => () => void told.push(`${name} ${String(stop.reason)}`));
  for (const listener of listeners) stop.addEventListener('abort', listener);
  // Twice is once, as of an AbortSignal.
  stop.addEventListener('abort', listeners[0] as () => void);
  stop.addEventListener('abort', listeners[3] as () => void);
  stop.removeEventListener('abort', listeners[1] as () => void);
  stop.removeEventListener('abort', listeners[1] as () => void);
  expect([stop.aborted, stop.reason]).toEqual([false, undefined]);
  stop.abort('late');
  stop.abort('later');
  expect([stop.aborted, stop.reason, told]).toEqual([true, 'late', ['a late', 'c late', 'd late']]);
});

test('EN-06: who leaves first makes room for the next, and leaving while it is told is harmless', () => {
  const stop = new Stop();
  let told = 0;
  const first = () => {
    told += 1;
    stop.removeEventListener('abort', second);
  };
  const second = () => {
    told += 10;
  };
  const gone = () => {
    told += 100;
  };
  stop.addEventListener('abort', gone);
  stop.removeEventListener('abort', gone);
  stop.addEventListener('abort', first);
  stop.addEventListener('abort', second);
  stop.abort();
  expect([told, stop.reason]).toEqual([1, expect.any(Error)]);
});
