/** One line of the table. */
export interface Row {
  what: string;
  'per second': number;
  'p50 ms': number;
  'p99 ms': number;
  'worst ms': number;
  /** Processor time of this process per transfer: what the commands themselves cost, whoever else uses the machine. */
  'own CPU ms'?: number;
  /** The same of the server's processes. */
  'server CPU ms'?: number;
  errors: number;
}

/** Of one measurement; latencies in milliseconds. */
export function summary(what: string, latencies: number[], seconds: number, errors = 0): Row {
  latencies.sort((a, b) => a - b);
  const at = (share: number) => Math.round((latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0) * 10) / 10;
  return { what, 'per second': Math.round(latencies.length / seconds), 'p50 ms': at(0.5), 'p99 ms': at(0.99), 'worst ms': at(1), errors };
}
