import type { OfferWithTrip } from './offerQueries.js';

/** Offers that drivers can still accept, for all who watch for them in this process: what many look for at the same moment is read together. */
export interface OpenOffers {
  /** Open offers of a person who drives, oldest first. */
  of(userId: string): Promise<OfferWithTrip[]>;
  /** Calls now and then, in case a hint was lost: all who watch at the same moment, so that they are read together. Answers how to end it. */
  everyNowAndThen(look: () => void): () => void;
  stop(): void;
}

/** Drivers that one statement reads for: few enough that the first of a burst are told before the last are read. */
const MAX_TOGETHER = 100;
const LOOK_EVERY_MS = 5_000;

interface Waiting {
  resolve(offers: OfferWithTrip[]): void;
  reject(error: unknown): void;
}

export function openOpenOffers(read: (userIds: readonly string[]) => Promise<Map<string, OfferWithTrip[]>>): OpenOffers {
  const waiting = new Map<string, Waiting[]>();
  const looks = new Set<() => void>();
  const looking = setInterval(() => {
    for (const look of looks) look();
  }, LOOK_EVERY_MS);
  looking.unref();
  let isReading = false;

  const readSome = async () => {
    const some = [...waiting].slice(0, MAX_TOGETHER);
    for (const [userId] of some) waiting.delete(userId);
    try {
      const found = await read(some.map(([userId]) => userId));
      for (const [userId, each] of some) for (const one of each) one.resolve(found.get(userId) ?? []);
    } catch (error) {
      for (const [, each] of some) for (const one of each) one.reject(error);
    }
  };
  const readAll = async () => {
    isReading = true;
    // Hints that came in one message are heard one after the other.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.size > 0) await readSome();
    isReading = false;
  };

  return {
    of: (userId) =>
      new Promise((resolve, reject) => {
        const others = waiting.get(userId);
        if (others) others.push({ resolve, reject });
        else waiting.set(userId, [{ resolve, reject }]);
        if (!isReading) void readAll();
      }),
    everyNowAndThen: (look) => {
      looks.add(look);
      return () => void looks.delete(look);
    },
    stop: () => clearInterval(looking),
  };
}
