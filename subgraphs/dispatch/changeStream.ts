import { Refusal } from '../../platform/errors.js';

/** How often a stream looks for itself, so that a lost hint delays and never loses. */
const LOOK_EVERY_MS = 5_000;

export interface ChangeSource<T> {
  /** What to deliver next, or null when there is nothing new; called again after each hint. Only called when nothing waits to be delivered. */
  look(): Promise<T[] | 'END'>;
  /** A message from the feed. Answers whether it is a reason to look. */
  hear?(message: string): boolean;
  /** The newest of what may be skipped, asked for when nothing else waits; null when there is none. */
  newest?(): T | null;
  /** Calls now and then in place of the stream's own clock, for those who look together; answers how to end it. */
  everyNowAndThen?(look: () => void): () => void;
  /** Whether the stream is over once this was delivered. */
  isLast?(value: T): boolean;
}

/**
 * An endless look at the truth, woken by hints: joins the feed first and looks then, so that nothing falls between the two. Written by hand, because
 * `return()` of an async generator waits for the `next()` that is waiting, and leaks its listener until then.
 */
export function changeStream<T>(feed: AsyncIterableIterator<string>, source: ChangeSource<T>): AsyncIterableIterator<T> {
  const waiting: T[] = [];
  let isDue = true;
  let isOver = false;
  let wake: () => void = () => {};

  const ring = (due: boolean) => {
    isDue ||= due;
    wake();
  };
  const stopLooking = (source.everyNowAndThen ?? onOwnClock)(() => ring(true));
  const end = async () => {
    if (isOver) return;
    isOver = true;
    stopLooking();
    wake();
    await feed.return?.();
  };
  // Reads the feed to its end whether or not anybody asks for more: a slow consumer finds the newest position, not a queue of them.
  const hear = async () => {
    for await (const message of feed) ring(source.hear?.(message) ?? true);
  };
  hear().catch(() => end());

  const lookAgain = async () => {
    isDue = false;
    const found = await source.look().catch(async (error: unknown) => {
      // A dependency that is down comes back: the next look finds what this one could not.
      if (error instanceof Refusal) return [];
      await end();
      throw error;
    });
    if (found === 'END') await end();
    else waiting.push(...found);
  };
  const stream: AsyncIterableIterator<T> = {
    async next() {
      while (!isOver) {
        const value = waiting.shift() ?? (isDue ? null : (source.newest?.() ?? null));
        if (value !== null) {
          if (source.isLast?.(value)) await end();
          return { value, done: false };
        }
        if (isDue) await lookAgain();
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
      return { value: undefined, done: true };
    },
    async return() {
      await end();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}

function onOwnClock(look: () => void): () => void {
  const looking = setInterval(look, LOOK_EVERY_MS);
  return () => clearInterval(looking);
}
