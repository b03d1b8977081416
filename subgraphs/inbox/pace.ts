/** A limit on calls per minute, as providers set them (IN-06). Each process keeps its own; the provider's 429 evens out several of them. */
export interface Pace {
  /** Milliseconds until the next call may be made: 0 when it may now, and then it counts. */
  take(now: Date): number;
}

const WINDOW_MS = 60_000;

export function createPace(perMinute: number): Pace {
  const recent: number[] = [];
  return {
    take(now) {
      const at = now.getTime();
      // A clock that was set back would otherwise block until it caught up.
      while (recent[0] !== undefined && (recent[0] <= at - WINDOW_MS || recent[0] > at)) recent.shift();
      if (recent.length < perMinute) {
        recent.push(at);
        return 0;
      }
      return (recent[0] ?? at) + WINDOW_MS - at;
    },
  };
}

export const UNLIMITED: Pace = { take: () => 0 };
