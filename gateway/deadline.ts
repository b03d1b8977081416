import { setMaxListeners } from 'node:events';
import { Refusal } from '../platform/errors.js';

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
  signal: AbortSignal;
  /** Rejects with Refusal TIMEOUT when time is up; never resolves. */
  expired: Promise<never>;
  /** Tightens the limit to that of the strictest of these root fields; never loosens it. */
  tighten(rootFields: readonly string[]): void;
  /** The client went away: nobody will read the answer. */
  abandon(): void;
  /** Done: the timer must not keep the process alive. */
  clear(): void;
}

/** Starts the clock of one operation. Without it a subgraph that hangs would hold the client's connection for ever. */
export function startDeadline(timeoutMs: number): Deadline {
  const controller = new AbortController();
  // Each fetch listens to it, and one operation may have many at once; Node would take that for a leak.
  setMaxListeners(0, controller.signal);
  const startedAt = Date.now();
  let limitMs = timeoutMs;
  let reject: (reason: Refusal) => void;
  const expired = new Promise<never>((_, onExpired) => {
    reject = onExpired;
  });
  // Whoever races against it hears of it; when nobody does, it must not count as an unhandled rejection.
  expired.catch(() => {});
  const expire = () => {
    const refusal = new Refusal('TIMEOUT', `This took longer than ${limitMs / 1000} seconds and was given up. Ask for less, or try again.`);
    controller.abort(refusal);
    reject(refusal);
  };
  let timer = setTimeout(expire, limitMs);
  return {
    signal: controller.signal,
    expired,
    tighten(rootFields) {
      const wanted = Math.min(limitMs, ...rootFields.map((field) => SHORTER_MS[field] ?? Number.POSITIVE_INFINITY));
      if (wanted === limitMs) return;
      limitMs = wanted;
      clearTimeout(timer);
      timer = setTimeout(expire, Math.max(0, startedAt + limitMs - Date.now()));
    },
    abandon: () => controller.abort(),
    clear: () => clearTimeout(timer),
  };
}
