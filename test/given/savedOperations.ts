import { randomUUID } from 'node:crypto';
import { createClient } from 'graphql-ws';
import sharp from 'sharp';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { readSavedOperations } from '../../gateway/playground/playground.js';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { SERVICE_KEY, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

export type Values = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: answers of all saved operations, of which each test looks at one or two fields
export type Answered = any;

/** Saved operations as the playground offers them: their text, their examples, and whom they name. A key is group and number, such as `Desk 2`. */
export interface SavedOperations {
  /** Runs one with its example, and what is said here over it; without an error, and with something in the answer. */
  run(key: string, more?: Values): Promise<Answered>;
  /** The first event of a subscription, which `cause` may have to bring about. */
  firstEvent(key: string, more?: Values, cause?: () => Promise<unknown>): Promise<Answered>;
  /** Keys of these groups that have not run as they are: with their own examples, of which only what they leave open (`from bookings`) was filled in. */
  notRun(...groups: string[]): string[];
}

export function savedOperations(graph: TestGraph): SavedOperations {
  const all = new Map(readSavedOperations().map((operation) => [operation.name.split(' ').slice(0, 2).join(' '), operation] as const));
  const done = new Set<string>();
  const tokens = new Map<string, Promise<string>>();

  const tokenOf = (account: keyof typeof DEMO_ACCOUNTS) => {
    const signingIn = async () => {
      const { signIn } = await graph.anonymous().SignIn({ input: { email: DEMO_ACCOUNTS[account].email, password: DEMO_PASSWORD } });
      return signIn.accessToken;
    };
    const token = tokens.get(account) ?? signingIn();
    tokens.set(account, token);
    return token;
  };
  async function headersOf(as: string): Promise<Record<string, string>> {
    if (as === 'anybody') return {};
    if (as.startsWith('a service key')) return { 'x-api-key': SERVICE_KEY };
    return { authorization: `Bearer ${await tokenOf(as as keyof typeof DEMO_ACCOUNTS)}` };
  }

  async function saved(key: string, more: Values) {
    const operation = all.get(key);
    if (!operation) throw new Error(`There is no saved operation ${key}.`);
    const { value, asItIs } = over(JSON.parse(operation.variables || '{}'), more);
    const written = JSON.stringify(value).replaceAll('"any new text"', () => JSON.stringify(randomUUID()));
    const open = /"from [^"]*"/.exec(written)?.[0];
    if (open) throw new Error(`${operation.name}: nobody said what ${open} is.`);
    return { query: operation.query, variables: JSON.parse(written) as Values, headers: await headersOf(operation.as), asItIs };
  }

  async function upstreams(): Promise<number> {
    return Number(/^waygraph_upstream_subscriptions (\d+)/m.exec(await (await fetch(`${graph.url}/metrics`)).text())?.[1]);
  }

  return {
    async run(key, more = {}) {
      const { query, variables, headers, asItIs } = await saved(key, more);
      const { json } = await graph.post({ query, variables }, headers);
      expect({ key, errors: json.errors }).toEqual({ key, errors: undefined });
      const fields = Object.entries((json.data ?? {}) as Values);
      expect(fields.length).toBeGreaterThan(0);
      for (const [name, value] of fields) expect({ key, name, value }).not.toEqual({ key, name, value: null });
      if (asItIs) done.add(key);
      return json.data;
    },

    async firstEvent(key, more = {}, cause = async () => {}) {
      const { query, variables, headers, asItIs } = await saved(key, more);
      const client = createClient({
        url: `${graph.url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams: headers,
        retryAttempts: 0,
      });
      try {
        await eventually(async () => (await upstreams()) === 0, 'the subscription before to be gone');
        const events = client.iterate({ query, variables });
        let first: Answered;
        const coming = events.next().then(({ value }) => {
          first = value;
        });
        await eventually(async () => (await upstreams()) === 1, 'the subscription to be open');
        await cause();
        await Promise.race([coming, eventually(() => first, `the first event of ${key}`)]);
        expect({ key, errors: first?.errors }).toEqual({ key, errors: undefined });
        await events.return?.();
        if (asItIs) done.add(key);
        return first?.data;
      } finally {
        await client.dispose();
      }
    },

    notRun: (...groups) => [...all.keys()].filter((key) => groups.includes(key.split(' ')[0] ?? '') && !done.has(key)),
  };
}

const isObject = (value: unknown): value is Values => typeof value === 'object' && value !== null;

/** An example with what is said over it, part by part. It is as it is while nothing else was said than what it leaves open. */
function over(example: unknown, said: unknown): { value: unknown; asItIs: boolean } {
  const leavesOpen = /^\[?"from /.test(JSON.stringify(example) ?? '');
  if (leavesOpen || !isObject(example) || !isObject(said)) return { value: said, asItIs: leavesOpen };
  const parts = Object.entries(said).map(([name, part]) => [name, over((example as Values)[name], part)] as const);
  const value: Values = { ...example, ...Object.fromEntries(parts.map(([name, part]) => [name, part.value])) };
  return { value: Array.isArray(example) ? Object.values(value) : value, asItIs: parts.every(([, part]) => part.asItIs) };
}

/** Sends a picture to an address that an operation answered with, as a camera would. */
export async function put(url: string): Promise<void> {
  const jpeg = await sharp({ create: { width: 640, height: 480, channels: 3, background: '#246' } })
    .jpeg()
    .toBuffer();
  const response = await fetch(url, { method: 'PUT', headers: { 'content-type': 'image/jpeg' }, body: new Uint8Array(jpeg) });
  expect(response.status).toBe(201);
}

/** Pays on the page that a deposit answered with. */
export async function pay(paymentUrl: string): Promise<void> {
  expect((await fetch(paymentUrl, { method: 'POST', body: new URLSearchParams({ outcome: 'pay' }) })).ok).toBe(true);
}
