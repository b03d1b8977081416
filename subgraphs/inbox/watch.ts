import type { Log } from '../../platform/log.js';

/** How often a watcher looks without a hint: a lost hint delays, and never loses. */
const LOOK_EVERY_MS = 5_000;
/** How far a look goes back behind the one before: longer than any transaction takes from its `now` to its commit. */
const OVERLAP_MS = 30_000;

export interface Watched<T> {
  hints: AsyncIterableIterator<string>;
  /** Rows that changed since then, the oldest change first. */
  read: (since: Date) => Promise<T[]>;
  /** Another text for every state of every row. */
  stateOf: (row: T) => string;
  changedAt: (row: T) => Date;
  clock: () => Date;
  log: Log;
}

/**
 * States of rows from now on, each once. Hints only say when to look; what is told is read from Postgres. Written by hand because a generator's
 * `return()` would wait for the next state.
 */
export async function watchRows<T>(watched: Watched<T>): Promise<AsyncIterableIterator<T>> {
  const { hints, read, stateOf, changedAt, clock, log } = watched;
  const seen = new Map<string, number>();
  let since = new Date(clock().getTime() - OVERLAP_MS);
  const look = async (): Promise<T[]> => {
    const next = new Date(clock().getTime() - OVERLAP_MS);
    const rows = (await read(since)).filter((row) => !seen.has(stateOf(row)));
    for (const row of rows) seen.set(stateOf(row), changedAt(row).getTime());
    since = next;
    for (const [state, at] of seen) if (at < since.getTime()) seen.delete(state);
    return rows;
  };
  // What is there already is no news.
  await look();

  const waiting: T[] = [];
  let ended = false;
  let wake: () => void = () => {};
  let hint: Promise<void> | null = null;
  const nextHint = () => {
    hint ??= hints.next().then(() => {
      hint = null;
    });
    return hint;
  };
  const pull = async (): Promise<IteratorResult<T>> => {
    while (!ended) {
      const row = waiting.shift();
      if (row !== undefined) return { value: row, done: false };
      let tick: NodeJS.Timeout | undefined;
      const pause = new Promise<void>((resolve) => {
        wake = resolve;
        tick = setTimeout(resolve, LOOK_EVERY_MS);
      });
      await Promise.race([nextHint(), pause]);
      clearTimeout(tick);
      if (ended) break;
      waiting.push(
        ...(await look().catch((error: unknown) => {
          log.warn({ err: error }, 'watcher could not look; looks again');
          return [];
        })),
      );
    }
    return { value: undefined, done: true };
  };

  let last: Promise<unknown> = Promise.resolve();
  const rows: AsyncIterableIterator<T> = {
    next() {
      const result = last.then(pull);
      last = result;
      return result;
    },
    async return() {
      ended = true;
      wake();
      await hints.return?.();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => rows,
  };
  return rows;
}
