import type { Log } from '../../platform/log.js';
import type { BookingRow } from './queries.js';

/** Without a hint it looks again after this time: a hint that got lost delays a change and loses none (EV-03). */
const LOOK_AGAIN_MS = 5_000;
/** A change is stamped when its transaction begins and seen when it has committed: so much later at most. */
const COMMIT_WITHIN_MS = 30_000;

/**
 * Bookings as they change, each change once, from now on. It looks back a little each time, because a transaction that began earlier may commit later, and
 * remembers what it has shown. Written by hand, because the `return()` of an async generator would wait for the change that `next()` waits for.
 */
export function followChanges(source: {
  hints: AsyncIterableIterator<string>;
  now: () => Date;
  changedAfter: (moment: Date) => Promise<BookingRow[]>;
  log: Log;
  lookAgainMs?: number;
}): AsyncIterableIterator<BookingRow> {
  const { hints, now, changedAfter, log, lookAgainMs = LOOK_AGAIN_MS } = source;
  const startedAt = now();
  const shown = new Map<string, number>();
  const waiting: BookingRow[] = [];
  let newest = startedAt.getTime();
  let ended = false;
  let hinted = false;
  let wake: () => void = () => {};

  const listening = (async () => {
    for await (const _ of hints) {
      hinted = true;
      wake();
    }
  })();
  listening.catch((error) => log.warn({ err: error }, 'hints ended; changes are still looked for'));

  const hintOrPause = async () => {
    if (!hinted && !ended) {
      await new Promise<void>((resolve) => {
        const pause = setTimeout(resolve, lookAgainMs);
        wake = () => {
          clearTimeout(pause);
          resolve();
        };
      });
    }
    hinted = false;
  };

  const look = async () => {
    try {
      const from = new Date(Math.max(startedAt.getTime(), newest - COMMIT_WITHIN_MS));
      for (const row of await changedAfter(from)) {
        const at = row.updatedAt.getTime();
        if ((shown.get(row.id) ?? 0) >= at) continue;
        shown.set(row.id, at);
        newest = Math.max(newest, at);
        waiting.push(row);
      }
      for (const [id, at] of shown) if (at < newest - 2 * COMMIT_WITHIN_MS) shown.delete(id);
    } catch (error) {
      log.warn({ err: error }, 'changes not read; looked for again');
    }
  };

  const end = async () => {
    ended = true;
    wake();
    await hints.return?.();
  };

  const stream: AsyncIterableIterator<BookingRow> = {
    async next() {
      for (;;) {
        if (ended) return { value: undefined, done: true };
        const row = waiting.shift();
        if (row) return { value: row, done: false };
        await hintOrPause();
        if (!ended) await look();
      }
    },
    async return() {
      await end();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}
