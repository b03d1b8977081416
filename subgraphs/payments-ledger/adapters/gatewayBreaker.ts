import { type GatewayPort, GatewayUnanswered } from './gatewayPort.js';

/** After so many calls in a row without an answer nobody is sent there any more. */
const OPENS_AFTER = 5;
/** How long the gateway is left alone before one call tries again; doubles with every trial that fails. */
const FIRST_PAUSE_MS = 2_000;
const MAX_PAUSE_MS = 60_000;

/** What a circuit breaker remembers. CLOSED: calls go through. OPEN: until `openUntil` none does; after it one may try. */
export interface Circuit {
  failures: number;
  openUntil: number | null;
  pauseMs: number;
  trying: boolean;
}

export const CLOSED_CIRCUIT: Circuit = { failures: 0, openUntil: null, pauseMs: FIRST_PAUSE_MS, trying: false };

/** Whether a call may be made at a time (milliseconds), and the circuit while it is being made. */
export function admit(circuit: Circuit, nowMs: number): { admitted: boolean; circuit: Circuit } {
  if (circuit.openUntil === null) return { admitted: true, circuit };
  if (circuit.trying || nowMs < circuit.openUntil) return { admitted: false, circuit };
  return { admitted: true, circuit: { ...circuit, trying: true } };
}

/** The circuit after a call: an answer of any kind closes it, silence counts. */
export function settle(circuit: Circuit, answered: boolean, nowMs: number): Circuit {
  if (answered) return CLOSED_CIRCUIT;
  const failures = circuit.failures + 1;
  if (circuit.openUntil === null) return failures < OPENS_AFTER ? { ...circuit, failures } : { ...circuit, failures, openUntil: nowMs + circuit.pauseMs };
  // Calls that were under way when it opened change nothing; the one that tried makes the pause longer.
  if (!circuit.trying) return { ...circuit, failures };
  const pauseMs = Math.min(circuit.pauseMs * 2, MAX_PAUSE_MS);
  return { failures, openUntil: nowMs + pauseMs, pauseMs, trying: false };
}

/**
 * A gateway behind a circuit breaker (PL-15). While it is open, calls fail at once as UNAVAILABLE: those who make them keep them and try again later, so
 * payments queue and clients see PENDING. Without it, every call of a hanging gateway would hold a worker for its whole time-out.
 */
export function withBreaker(gateway: GatewayPort, clock: () => Date): GatewayPort & { isOpen(): boolean } {
  let circuit = CLOSED_CIRCUIT;

  async function through<T>(call: () => Promise<T>): Promise<T> {
    const entry = admit(circuit, clock().getTime());
    circuit = entry.circuit;
    if (!entry.admitted) throw new GatewayUnanswered('UNAVAILABLE');
    try {
      const answer = await call();
      circuit = settle(circuit, true, clock().getTime());
      return answer;
    } catch (error) {
      circuit = settle(circuit, !(error instanceof GatewayUnanswered), clock().getTime());
      throw error;
    }
  }

  return {
    paymentUrl: (order) => gateway.paymentUrl(order),
    readWebhook: (headers, rawBody, now) => gateway.readWebhook(headers, rawBody, now),
    charge: (call) => through(() => gateway.charge(call)),
    orderState: (orderId) => through(() => gateway.orderState(orderId)),
    settlement: (from, to, ours) => through(() => gateway.settlement(from, to, ours)),
    isOpen: () => circuit.openUntil !== null,
  };
}
