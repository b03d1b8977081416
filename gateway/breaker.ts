/** Milliseconds over which calls are counted; the halves are dropped in turn. */
const WINDOW_MS = 10_000;
/** So many failures, and such a share of all calls, open it. A share, so that a few slow operations do not shut out all others. */
const MIN_FAILURES = 5;
const FAILING_SHARE = 0.5;
/** Milliseconds for which it stays open: at first, and at most when what it protects stays down. */
const OPEN_FIRST_MS = 1_000;
const OPEN_LIMIT_MS = 15_000;

export type BreakerState = 'CLOSED' | 'OPEN' | 'TRYING';

/**
 * Stops calls to what is down (GW-31): waiting for it would cost every client its time, and hammering it would keep it down. When its time is over one
 * call goes through; that one decides whether the others may follow.
 */
export interface Breaker {
  state(): BreakerState;
  /** Whether a call may be made now. Whoever is let through reports how it went. */
  admits(): boolean;
  succeeded(): void;
  failed(): void;
  /** The call told nothing: its caller went away before the end. */
  undecided(): void;
  /** Milliseconds until it is worth asking again; 0 when closed. */
  waitMs(): number;
}

interface Counts {
  from: number;
  calls: number;
  failures: number;
}

export function createBreaker(onChange: (state: BreakerState) => void, now: () => number = Date.now): Breaker {
  let state: BreakerState = 'CLOSED';
  let current: Counts = { from: now(), calls: 0, failures: 0 };
  let previous: Counts = { from: 0, calls: 0, failures: 0 };
  let opened = 0;
  let openUntil = 0;

  const become = (next: BreakerState) => {
    if (state === next) return;
    state = next;
    onChange(next);
  };
  const count = (failures: number) => {
    const at = now();
    if (at - current.from >= WINDOW_MS / 2) {
      previous = at - current.from < WINDOW_MS ? current : { from: 0, calls: 0, failures: 0 };
      current = { from: at, calls: 0, failures: 0 };
    }
    current.calls += 1;
    current.failures += failures;
  };
  const open = () => {
    const waitMs = Math.min(OPEN_LIMIT_MS, OPEN_FIRST_MS * 2 ** Math.min(opened, 5));
    opened += 1;
    openUntil = now() + waitMs;
    become('OPEN');
  };

  return {
    state: () => state,
    admits() {
      if (state === 'CLOSED') return true;
      if (state === 'TRYING' || now() < openUntil) return false;
      become('TRYING');
      return true;
    },
    succeeded() {
      if (state !== 'TRYING') return count(0);
      opened = 0;
      current = { from: now(), calls: 0, failures: 0 };
      previous = { from: 0, calls: 0, failures: 0 };
      become('CLOSED');
    },
    failed() {
      if (state === 'TRYING') return open();
      count(1);
      const failures = current.failures + previous.failures;
      if (state === 'CLOSED' && failures >= MIN_FAILURES && failures >= (current.calls + previous.calls) * FAILING_SHARE) open();
    },
    undecided() {
      // The next call decides in its place.
      if (state === 'TRYING') become('OPEN');
    },
    waitMs: () => (state === 'CLOSED' ? 0 : Math.max(0, openUntil - now())),
  };
}
