import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { createWaygraphClient, type WaygraphClient } from '../../sdk/client.js';

const PASSWORD = 'A long enough password 1';
/** Accounts that are made at once: each costs the system a slow hash, on purpose. */
const AT_ONCE = 6;

export interface Graph {
  url: string;
  /** Of the telematics service, with the scope `locations:write`. */
  serviceKey: string;
  admin: { email: string; password: string };
}

/** A client of nobody, or of a service with its key. */
export function clientOf(graph: Graph, apiKey?: string): WaygraphClient {
  return createWaygraphClient({ url: graph.url, webSocket: WebSocket, timeoutMs: 20_000, ...(apiKey && { apiKey }) });
}

/** Somebody new, signed in. */
export async function newPerson(graph: Graph, role: 'CUSTOMER' | 'DRIVER'): Promise<WaygraphClient> {
  const client = clientOf(graph);
  const input = { email: `sim-${randomUUID()}@example.test`, password: PASSWORD, name: `Simulated ${role.toLowerCase()}`, role };
  client.use((await client.SignUp({ input })).signUp);
  return client;
}

/** Works through items, a bounded number at a time. */
export async function forEach<T>(items: readonly T[], work: (item: T, index: number) => Promise<void>, atOnce = AT_ONCE): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) await work(items[i] as T, i);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}
