import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Operation names that get a series of their own; clients choose the names, so without a limit they could fill the memory. */
const MAX_NAMES = 200;

export interface Metrics {
  /** One finished query or mutation. */
  operation(name: string | null, kind: string, outcome: 'ok' | 'error', seconds: number): void;
  sockets: { opened(): void; closed(): void };
  subscriptions: { started(): void; ended(): void };
  /** The text of `/metrics`. */
  scrape(): Promise<{ contentType: string; body: string }>;
}

/** What the gateway counts (PF-21). Each gateway has a registry of its own, so that several fit into one process. */
export function createMetrics({ upstreamCount, bufferedBytes }: { upstreamCount(): number; bufferedBytes(): number }): Metrics {
  const registers = [new Registry()];
  const registry = registers[0] as Registry;
  const operations = new Counter({
    name: 'waygraph_operations_total',
    help: 'Finished operations by name, kind and outcome',
    labelNames: ['operation', 'kind', 'outcome'],
    registers,
  });
  const latency = new Histogram({
    name: 'waygraph_operation_seconds',
    help: 'Time from request to answer',
    labelNames: ['operation', 'kind'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
    registers,
  });
  const sockets = new Gauge({ name: 'waygraph_websocket_connections', help: 'Open WebSocket connections', registers });
  const subscriptions = new Gauge({ name: 'waygraph_subscriptions', help: 'Running client subscriptions', registers });
  new Gauge({
    name: 'waygraph_upstream_subscriptions',
    help: 'Subscriptions open to subgraphs',
    registers,
    collect() {
      this.set(upstreamCount());
    },
  });
  new Gauge({
    name: 'waygraph_sockets_buffered_bytes',
    help: 'Bytes that WebSocket clients have not taken yet',
    registers,
    collect() {
      this.set(bufferedBytes());
    },
  });
  const names = new Set<string>();
  const bounded = (name: string | null): string => {
    if (name === null) return 'anonymous';
    if (names.size < MAX_NAMES) names.add(name);
    return names.has(name) ? name : 'other';
  };
  let scraped = false;

  return {
    operation(name, kind, outcome, seconds) {
      const operation = bounded(name);
      operations.inc({ operation, kind, outcome });
      latency.observe({ operation, kind }, seconds);
    },
    sockets: { opened: () => sockets.inc(), closed: () => sockets.dec() },
    subscriptions: { started: () => subscriptions.inc(), ended: () => subscriptions.dec() },
    async scrape() {
      // Process metrics install observers; a process that nobody scrapes does without.
      if (!scraped) collectDefaultMetrics({ register: registry });
      scraped = true;
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}
