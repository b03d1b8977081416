import type { Log } from './log.js';
import { connectRedis } from './queue.js';

/** Hints between processes that something may be watched has changed. A lost message must do no harm: states are read from Postgres. */
export interface LiveFeed {
  publish(topic: string, message?: string): void;
  /** Messages from now on. `return()` ends it at once, also while a `next()` waits. */
  listen(topic: string): Promise<AsyncIterableIterator<string>>;
  ready(): boolean;
  close(): Promise<void>;
}

const CHANNEL_PREFIX = 'waygraph:live:';
/** Messages that a listener may fall behind; then the oldest go. They are hints: the newest says as much as all of them. */
const MAX_WAITING = 100;

export function connectLiveFeed(redisUrl: string, log: Log): LiveFeed {
  const publisher = connectRedis(redisUrl, log);
  const subscriber = connectRedis(redisUrl, log, { subscriber: true, waits: true });
  const listeners = new Map<string, Set<(message: string) => void>>();
  subscriber.on('message', (channel: string, message: string) => {
    for (const listener of listeners.get(channel) ?? []) listener(message);
  });

  return {
    publish: (topic, message = '') => {
      publisher.publish(CHANNEL_PREFIX + topic, message).catch((error: Error) => log.debug({ reason: error.message }, 'hint not published'));
    },
    listen: async (topic) => {
      const channel = CHANNEL_PREFIX + topic;
      const waiting: string[] = [];
      let ended = false;
      let wake: (() => void) | null = null;
      const receive = (message: string) => {
        if (waiting.length >= MAX_WAITING) waiting.shift();
        waiting.push(message);
        wake?.();
      };
      const set = listeners.get(channel) ?? new Set();
      listeners.set(channel, set.add(receive));
      if (set.size === 1) await subscriber.subscribe(channel);
      const end = async () => {
        if (ended) return;
        ended = true;
        wake?.();
        set.delete(receive);
        if (set.size === 0 && listeners.get(channel) === set) {
          listeners.delete(channel);
          await subscriber.unsubscribe(channel).catch(() => {});
        }
      };
      const stream: AsyncIterableIterator<string> = {
        async next() {
          while (waiting.length === 0 && !ended) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          const value = waiting.shift();
          return value === undefined ? { value: undefined, done: true } : { value, done: false };
        },
        async return() {
          await end();
          return { value: undefined, done: true };
        },
        [Symbol.asyncIterator]: () => stream,
      };
      return stream;
    },
    ready: () => publisher.status === 'ready' && subscriber.status === 'ready',
    close: async () => {
      publisher.disconnect();
      subscriber.disconnect();
    },
  };
}
