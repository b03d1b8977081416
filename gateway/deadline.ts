import { Refusal } from '../platform/errors.js';
import { Stop, type StopSignal } from './stopSignal.js';

/** How long one HTTP operation may take, in milliseconds (GW-25). */
export const REQUEST_TIMEOUT_MS = 30_000;

/** Operations whose answer is worthless when it is late, by root field: a position of 5 s ago, a price nobody waits for. */
const SHORTER_MS: Record<string, number> = {
  updateLocation: 5_000,
  updateLocations: 5_000,
  ingestLocations: 5_000,
  quoteTrip: 10_000,
  quoteRental: 10_000,
};

export interface Deadline {
  /** Aborted when time is up or when the client has gone; its reason is a Refusal TIMEOUT in the first case. */
  signal: StopSignal;
  /** Rejects with Refusal TIMEOUT when time is up; never resolves. */
  readonly expired: Promise<never>;
  /** Tightens the limit to that of the strictest of these root fields; never loosens it. */
  tighten(rootFields: readonly string[]): void;
  /** The client went away: nobody will read the answer. */
  abandon(): void;
  /** Done: the timer must not keep the process alive. */
  clear(): void;
}

/** Starts the clock of one operation. Without it a subgraph that hangs would hold the client's connection for ever. */
export function startDeadline(timeoutMs: number): Deadline {
  const stop = new Stop();
  const startedAt = Date.now();
  let limitMs = timeoutMs;
  let expired: Promise<never> | null = null;
  const expire = () => {
    stop.abort(new Refusal('TIMEOUT', `This took longer than ${limitMs / 1000} seconds and was given up. Ask for less, or try again.`));
  };
  let timer = setTimeout(expire, limitMs);
  return {
    signal: stop,
    get expired() {
      expired ??= new Promise<never>((_, reject) => {
        const tell = () => {
          if (stop.reason instanceof Refusal) reject(stop.reason);
        };
        if (stop.aborted) tell();
        else stop.addEventListener('abort', tell);
      });
      // Whoever races against it hears of it; when nobody does, it must not count as an unhandled rejection.
      expired.catch(() => {});
      return expired;
    },
    tighten(rootFields) {
      const wanted = Math.min(limitMs, ...rootFields.map((field) => SHORTER_MS[field] ?? Number.POSITIVE_INFINITY));
      if (wanted === limitMs) return;
      limitMs = wanted;
      clearTimeout(timer);
      timer = setTimeout(expire, Math.max(0, startedAt + limitMs - Date.now()));
    },
    abandon: () => stop.abort(),
    clear: () => clearTimeout(timer),
  };
}
