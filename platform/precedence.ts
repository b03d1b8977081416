/** What somebody waits for at this moment, and what gives way to it: for a bounded time, so that nothing is starved. */
export interface Precedence {
  /** Work that somebody waits for. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when no such work runs and the last one ended a little while ago, or when this has waited for long enough. */
  giveWay(): Promise<void>;
}

const LOOK_EVERY_MS = 10;

/** `quietMs` after the last work, because one step follows the other with a gap between them; `atMostMs` whatever runs. */
export function openPrecedence({ quietMs, atMostMs }: { quietMs: number; atMostMs: number }): Precedence {
  let running = 0;
  let endedAt = Number.NEGATIVE_INFINITY;
  return {
    during: async (work) => {
      running += 1;
      try {
        return await work();
      } finally {
        running -= 1;
        endedAt = performance.now();
      }
    },
    giveWay: async () => {
      const until = performance.now() + atMostMs;
      while (performance.now() < until && (running > 0 || performance.now() - endedAt < quietMs))
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    },
  };
}
