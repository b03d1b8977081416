import type { Log } from './log.js';
import type { Cause, Tx } from './postgres.js';
import { setTimer, type TimerHandlers } from './timers.js';

/**
 * Work that talks to a foreign system and therefore must not run inside a transaction. Its timer is the promise that it will be done: when the
 * timer fires, the attempt is claimed and the timer moved behind the lease in one transaction; then the call is made; then `perform` records the
 * answer and removes or moves the timer. A process that dies anywhere leaves a timer that fires when the lease is over, and the foreign system
 * knows the repetition by its key.
 */
export interface OutsideWork<Job> {
  /** Kind of the timer. */
  kind: string;
  /** Longer than an attempt can take: until then no second one begins. */
  leaseMs: number;
  /** Claims an attempt; null when there is nothing left to do. */
  claim(tx: Tx, key: string): Promise<Job | null>;
  perform(job: Job, cause: Cause): Promise<void>;
}

export interface OutsideWorkers {
  handlers: TimerHandlers;
  /** Resolves when no attempt is running any more. */
  idle(): Promise<void>;
}

type Handler = TimerHandlers[string];

export function outsideWorkers(log: Log): OutsideWorkers & { add<Job>(work: OutsideWork<Job>): void } {
  const running = new Set<Promise<void>>();
  const handlers: Record<string, Handler> = {};
  return {
    handlers,
    add<Job>(work: OutsideWork<Job>) {
      handlers[work.kind] = async (tx, timer) => {
        const job = await work.claim(tx, timer.key);
        if (job === null) return;
        await setTimer(tx, { kind: work.kind, key: timer.key, dueAt: new Date(tx.now.getTime() + work.leaseMs), payload: timer.payload });
        const { cause } = tx;
        tx.afterCommit(() => {
          const attempt: Promise<void> = work
            .perform(job, cause)
            .catch((error) => log.error({ err: error, kind: work.kind, key: timer.key }, 'outside work failed; tried again after its lease'))
            .finally(() => running.delete(attempt));
          running.add(attempt);
        });
      };
    },
    idle: async () => {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 5 * 60_000;

/** When to try again after so many attempts: 1 s, 2 s, 4 s … five minutes at most. */
export function retryAt(now: Date, attempts: number): Date {
  return new Date(now.getTime() + Math.min(FIRST_RETRY_MS * 2 ** Math.max(0, attempts - 1), MAX_RETRY_MS));
}
