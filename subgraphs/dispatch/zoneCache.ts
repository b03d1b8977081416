import type { LiveFeed } from '../../platform/livefeed.js';
import type { Zone } from './zone.js';

/** The zones in force, held in this process: a point or a quote must not ask Postgres for them. */
export interface ZoneCache {
  /** Null while they have never been read: then they are unknown, which is not the same as none (DP-07). */
  all(): readonly Zone[] | null;
  /** Reads them again and has the other processes do so. Resolves when this process knows; never rejects. */
  changed(): Promise<void>;
  stop(): Promise<void>;
}

const TOPIC = 'zones';
/** How often they are read without a hint: what a lost one costs. */
const LOOK_EVERY_MS = 10_000;

export function openZoneCache(options: {
  read: () => Promise<Zone[]>;
  feed: Pick<LiveFeed, 'publish' | 'listen'>;
  onError: (error: unknown, what: string) => void;
}): ZoneCache {
  const { read, feed, onError } = options;
  let known: readonly Zone[] | null = null;
  let begun = 0;
  let shown = 0;
  let isStopped = false;

  /** Of two readings at once the one that began later wins, whichever ends first. */
  const load = async () => {
    begun += 1;
    const mine = begun;
    try {
      const found = await read();
      if (mine > shown) [known, shown] = [found, mine];
    } catch (error) {
      // What was known goes on being true until the next look.
      onError(error, 'zones not read');
    }
  };
  void load();
  const looking = setInterval(() => void load(), LOOK_EVERY_MS);
  const hearing = feed.listen(TOPIC);
  const hear = async () => {
    const hints = await hearing;
    for await (const _hint of hints) if (!isStopped) await load();
  };
  hear().catch((error: unknown) => onError(error, 'hints about zones not heard'));

  return {
    all: () => known,
    changed: async () => {
      await load();
      feed.publish(TOPIC);
    },
    stop: async () => {
      isStopped = true;
      clearInterval(looking);
      // Not awaited before: while Redis is down the subscription waits for it, and the process must still end.
      hearing.then((hints) => hints.return?.()).catch(() => {});
    },
  };
}
