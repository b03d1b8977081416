import { newestOfEach, type TrackedPoint } from './positions.js';

/**
 * Newest point of each driver, kept while Redis does not take them (DP-07b). Bounded by the number of drivers: of one driver only the newest point
 * waits, and when a further driver does not fit any more, the one who waits longest gives way. The history of all points is not here: Postgres gets it
 * by its own buffer all the while.
 */
export interface PositionBacklog {
  /** Whether Redis has refused points that still wait: then further ones wait too, instead of trying it one by one. */
  isHolding(): boolean;
  keep(points: readonly TrackedPoint[]): void;
  waiting(): number;
  /** Drivers whose points were lost so far because there were too many. */
  dropped(): number;
  stop(): void;
}

const TRY_EVERY_MS = 250;
const BATCH = 500;

/** `take` hands points to Redis. @throws when it does not take them: they are tried again */
export function openPositionBacklog(options: {
  maxDrivers: number;
  take: (points: readonly TrackedPoint[]) => Promise<void>;
  onError: (error: unknown, what: string) => void;
}): PositionBacklog {
  const { maxDrivers, take, onError } = options;
  const waiting = new Map<string, TrackedPoint>();
  let dropped = 0;
  let isTrying = false;

  const drain = async () => {
    while (waiting.size > 0) {
      const batch: TrackedPoint[] = [];
      for (const point of waiting.values()) if (batch.push(point) >= BATCH) break;
      await take(batch);
      for (const point of batch) if (waiting.get(point.driverId) === point) waiting.delete(point.driverId);
    }
  };
  const trying = setInterval(() => {
    if (isTrying || waiting.size === 0) return;
    isTrying = true;
    drain()
      .catch((error: unknown) => onError(error, 'positions wait for Redis'))
      .finally(() => {
        isTrying = false;
      });
  }, TRY_EVERY_MS);

  return {
    isHolding: () => waiting.size > 0,
    keep: (points) => {
      for (const point of newestOfEach(points)) {
        const other = waiting.get(point.driverId);
        if (other && other.recordedAt >= point.recordedAt) continue;
        if (!other && waiting.size >= maxDrivers) {
          waiting.delete(waiting.keys().next().value as string);
          dropped += 1;
        }
        waiting.set(point.driverId, point);
      }
    },
    waiting: () => waiting.size,
    dropped: () => dropped,
    stop: () => clearInterval(trying),
  };
}
