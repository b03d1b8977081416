import type { Log } from '../../platform/log.js';

export interface NumberedState<T> {
  /** Grows by one with each state, from 1. */
  sequence: number;
  /** Nothing follows: the stream completes behind it. */
  final: boolean;
  value: T;
}

/** Without a hint it looks again after this time: a hint that got lost delays a state and loses none (EV-03). */
const LOOK_AGAIN_MS = 5_000;

/**
 * A stream of states, each once and in order, beginning with the present one. Hints only say when to look; what is shown comes from `statesAfter`.
 * Written by hand, because the `return()` of an async generator would wait for the state that `next()` waits for.
 */
export function followStates<T>(source: {
  hints: AsyncIterableIterator<string>;
  present: NumberedState<T>;
  statesAfter: (sequence: number) => Promise<NumberedState<T>[]>;
  log: Log;
  lookAgainMs?: number;
}): AsyncIterableIterator<T> {
  const { hints, present, statesAfter, log, lookAgainMs = LOOK_AGAIN_MS } = source;
  const waiting: NumberedState<T>[] = [present];
  let lastSequence = present.sequence;
  let ended = false;
  let hinted = false;
  let wake: () => void = () => {};

  const listening = (async () => {
    for await (const _ of hints) {
      hinted = true;
      wake();
    }
  })();
  listening.catch((error) => log.warn({ err: error }, 'hints ended; states are still looked for'));

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
      for (const state of await statesAfter(lastSequence)) {
        waiting.push(state);
        lastSequence = state.sequence;
      }
    } catch (error) {
      log.warn({ err: error }, 'states not read; looked for again');
    }
  };

  const end = async () => {
    ended = true;
    wake();
    await hints.return?.();
  };

  const stream: AsyncIterableIterator<T> = {
    async next() {
      for (;;) {
        if (ended) return { value: undefined, done: true };
        const state = waiting.shift();
        if (state) {
          if (state.final) await end();
          return { value: state.value, done: false };
        }
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
