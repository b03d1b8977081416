/** Everything that is counted while a simulation runs. Times are in milliseconds of the wall clock unless said otherwise. */
export class Statistics {
  startedAt = Date.now();
  requested = 0;
  matched = 0;
  /** Matched within a minute: the goal of DP-37. */
  matchedSoon = 0;
  cancelled = 0;
  noDrivers = 0;
  completed = 0;
  declined = 0;
  hints = 0;
  readonly tripsOfDriver = new Map<string, number>();
  readonly refusals = new Map<string, number>();
  private readonly samples = new Map<string, number[]>();
  private readonly requestedAt = new Map<string, number>();

  take(what: string, value: number): void {
    const values = this.samples.get(what);
    if (values) values.push(value);
    else this.samples.set(what, [value]);
  }

  /** Runs a call of the API and takes its time, also when it is refused. */
  async time<T>(what: string, call: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await call();
    } finally {
      this.take(what, performance.now() - began);
    }
  }

  refused(error: unknown): void {
    // A time-out of fetch has a number for a code, and a name that says more.
    const { code: given, name } = error as { code?: unknown; name: string };
    const code = typeof given === 'string' ? given : name;
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  searchBegan(tripId: string): void {
    this.requestedAt.set(tripId, performance.now());
  }

  /** A driver has seen an offer of a trip: the first one counts. */
  offerSeen(tripId: string): void {
    const at = this.requestedAt.get(tripId);
    if (at === undefined) return;
    this.requestedAt.delete(tripId);
    this.take('first offer', performance.now() - at);
  }

  quantile(what: string, share: number): number | null {
    const values = [...(this.samples.get(what) ?? [])].sort((a, b) => a - b);
    return values.length === 0 ? null : (values[Math.min(values.length - 1, Math.floor(values.length * share))] as number);
  }

  mean(what: string): number | null {
    const values = this.samples.get(what) ?? [];
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  /** 0: all drivers had equally many trips; 1: one had all. Drivers without any count. */
  gini(): number {
    const trips = [...this.tripsOfDriver.values()].sort((a, b) => a - b);
    const total = trips.reduce((sum, count) => sum + count, 0);
    if (total === 0) return 0;
    const weighted = trips.reduce((sum, count, i) => sum + (i + 1) * count, 0);
    return (2 * weighted) / (trips.length * total) - (trips.length + 1) / trips.length;
  }
}

const seconds = (ms: number | null) => (ms === null ? null : Math.round(ms / 100) / 10);
const round = (value: number | null) => (value === null ? null : Math.round(value * 10) / 10);

/** What a run came to, as JSON. */
export function reportOf(statistics: Statistics, settings: Record<string, unknown>) {
  const decided = statistics.matched + statistics.cancelled + statistics.noDrivers;
  const api = (what: string) => ({ p50Ms: round(statistics.quantile(what, 0.5)), p99Ms: round(statistics.quantile(what, 0.99)) });
  return {
    settings,
    seconds: Math.round((Date.now() - statistics.startedAt) / 1000),
    requests: statistics.requested,
    matched: statistics.matched,
    /** Of all requests, also of those that the end of the run left open. */
    matchedWithin60s: statistics.requested === 0 ? null : Math.round((statistics.matchedSoon / statistics.requested) * 1000) / 1000,
    cancelledByRider: statistics.cancelled,
    noDrivers: statistics.noDrivers,
    undecidedAtEnd: statistics.requested - decided,
    completed: statistics.completed,
    declinedOffers: statistics.declined,
    repositionHintsFollowed: statistics.hints,
    waitForDriverS: { p50: seconds(statistics.quantile('wait', 0.5)), p90: seconds(statistics.quantile('wait', 0.9)), mean: seconds(statistics.mean('wait')) },
    /** In the city's seconds: from the acceptance, and from the request with the wait before it as it was. */
    pickupS: { p50: seconds(statistics.quantile('pickup', 0.5)), mean: seconds(statistics.mean('pickup')) },
    pickupWithWaitS: { p50: seconds(statistics.quantile('pickup with wait', 0.5)), mean: seconds(statistics.mean('pickup with wait')) },
    firstOffer: api('first offer'),
    quote: api('quote'),
    request: api('request'),
    accept: api('accept'),
    positions: api('positions'),
    giniOfTrips: Math.round(statistics.gini() * 1000) / 1000,
    refusals: Object.fromEntries(statistics.refusals),
  };
}
export type Report = ReturnType<typeof reportOf>;
