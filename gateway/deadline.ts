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

/**
 * The time that one operation may take. A class for its getter: an object literal with one gets a hidden class of its own each time, which lives, with all
 * that the getter reaches, until the next full garbage collection; here that was the whole request.
 */
export class Deadline {
  private readonly stop = new Stop();
  private readonly startedAt = Date.now();
  private timer: NodeJS.Timeout;
  private whenExpired: Promise<never> | null = null;

  /** Starts the clock. Without it a subgraph that hangs would hold the client's connection for ever. @param limitMs milliseconds */
  constructor(private limitMs: number) {
    this.timer = setTimeout(this.expire, limitMs);
  }

  /** Aborted when time is up or when the client has gone; its reason is a Refusal TIMEOUT in the first case. */
  get signal(): StopSignal {
    return this.stop;
  }

  /** Rejects with Refusal TIMEOUT when time is up; never resolves. */
  get expired(): Promise<never> {
    const { stop } = this;
    this.whenExpired ??= new Promise<never>((_, reject) => {
      const tell = () => {
        if (stop.reason instanceof Refusal) reject(stop.reason);
      };
      if (stop.aborted) tell();
      else stop.addEventListener('abort', tell);
    });
    // Whoever races against it hears of it; when nobody does, it must not count as an unhandled rejection.
    this.whenExpired.catch(() => {});
    return this.whenExpired;
  }

  /** Tightens the limit to that of the strictest of these root fields; never loosens it. */
  tighten(rootFields: readonly string[]): void {
    let wanted = this.limitMs;
    for (const field of rootFields) wanted = Math.min(wanted, SHORTER_MS[field] ?? wanted);
    if (wanted === this.limitMs) return;
    this.limitMs = wanted;
    clearTimeout(this.timer);
    this.timer = setTimeout(this.expire, Math.max(0, this.startedAt + wanted - Date.now()));
  }

  /** The client went away: nobody will read the answer. */
  readonly abandon = (): void => this.stop.abort();

  /** Done: the timer must not keep the process alive. */
  clear(): void {
    clearTimeout(this.timer);
  }

  private readonly expire = (): void =>
    this.stop.abort(new Refusal('TIMEOUT', `This took longer than ${this.limitMs / 1000} seconds and was given up. Ask for less, or try again.`));
}
