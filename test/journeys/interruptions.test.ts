import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Client, createClient } from 'graphql-ws';
import { expect, inject, test } from 'vitest';
import { WebSocket } from 'ws';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { startEmbeddedRedis } from '../../platform/embeddedRedis.js';
import { packageRoot } from '../../platform/packageRoot.js';
import { uuidOf } from '../../platform/ids.js';
import { createLog } from '../../platform/log.js';
import { connectDatabase } from '../../platform/postgres.js';
import { ACCESS_TOKEN_LIFETIME_S, createTokenIssuer } from '../../subgraphs/identity/tokens.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually, TEST_SECRET } from '../subgraphHarness.js';

const WATCH = 'subscription($id: ID!) { tripUpdates(tripId: $id) { sequence kind status trip { id driver { user { name } } } } }';

/** A token as identity signs them, that ends in so many seconds. */
async function shortToken(graph: TestGraph, userId: string, leftS: number): Promise<string> {
  const [row] = await graph.owner('identity')`select current_database() as name`;
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/${String(row?.name)}`;
  const db = connectDatabase({ url: url.href, log: createLog({ service: 'test', level: 'silent' }), clock: () => new Date(), applicationName: 'test' });
  try {
    const issuer = await createTokenIssuer(db, { issuer: 'waygraph', audience: 'waygraph', secret: TEST_SECRET });
    const signedAt = new Date(Date.now() - (ACCESS_TOKEN_LIFETIME_S - leftS) * 1_000);
    return await issuer.sign({ userId, roles: ['CUSTOMER'], sessionId: randomUUID() }, signedAt);
  } finally {
    await db.close();
  }
}

/** One ride while everything below it is taken away and given back: those who watch notice nothing but the ride, until the gateway itself goes. */
test('GW-13b, GW-14, GW-12: a changed schema, a killed subgraph and a restarted Redis end no subscription; a gateway that stops says 1012', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'waygraph-interruptions-'));
  const supergraph = path.join(dir, 'supergraph.graphql');
  const sdl = await readFile(path.join(packageRoot, 'schema', 'supergraph.graphql'), 'utf8');
  await writeFile(supergraph, sdl);
  let redis = await startEmbeddedRedis({ dataDir: path.join(dir, 'redis') });
  const port = Number(new URL(redis.url).port);
  const graph = await startGraph('split', { SUPERGRAPH: supergraph, REDIS_URL: redis.url });
  const clients: Client[] = [];
  const closed: number[] = [];
  try {
    const tokenOf = async (account: keyof typeof DEMO_ACCOUNTS) => {
      const { signIn } = await graph.anonymous().SignIn({ input: { email: DEMO_ACCOUNTS[account].email, password: DEMO_PASSWORD } });
      return signIn.accessToken;
    };
    const watch = async (account: keyof typeof DEMO_ACCOUNTS, query: string, variables: Record<string, unknown> = {}, token?: string) => {
      const accessToken = token ?? (await tokenOf(account));
      const ownCloses: number[] = [];
      const client = createClient({
        url: `${graph.url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams: { authorization: `Bearer ${accessToken}` },
        retryAttempts: 0,
        on: {
          closed(event) {
            closed.push((event as { code: number }).code);
            ownCloses.push((event as { code: number }).code);
          },
        },
      });
      clients.push(client);
      const watching = {
        states: [] as string[],
        sequences: [] as number[],
        events: [] as unknown[],
        refusal: null as unknown,
        closes: ownCloses,
        broken: false,
        completed: false,
      };
      client.subscribe<{ tripUpdates?: { kind: string; status: string; sequence: number } }>(
        { query, variables },
        {
          next: ({ data, errors }) => {
            if (errors) watching.broken = true;
            watching.events.push(data);
            const update = data?.tripUpdates;
            if (!update || update.kind === 'POSITION') return;
            watching.states.push(update.status);
            watching.sequences.push(update.sequence);
          },
          error: (error) => {
            watching.broken = true;
            watching.refusal = error;
          },
          complete: () => {
            watching.completed = true;
          },
        },
      );
      return watching;
    };
    const rider = await graph.as('customer');
    const driver = await graph.as('driver');
    await driver.GoOnline({ at: { lat: 30.0444, lng: 31.2357 } });
    const offers = driver.DriverOffers()[Symbol.asyncIterator]();
    const offered = offers.next();
    const { quoteTrip } = await rider.QuoteTrip({ input: { pickup: { lat: 30.045, lng: 31.236 }, destination: { lat: 30.0626, lng: 31.2497 } } });
    const { requestTrip } = await rider.RequestTrip({ input: { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH', idempotencyKey: randomUUID() } });
    const id = requestTrip.id;
    await driver.AcceptOffer({ offerId: (await offered).value?.driverOffers.id ?? '' });
    await offers.return?.();
    const watchers = [await watch('customer', WATCH, { id }), await watch('driver', WATCH, { id })];
    const see = (status: string) => eventually(() => watchers.every(({ states }) => states.at(-1) === status), `everybody to see ${status}`);
    await see('ACCEPTED');
    const wallet = await watch('customer', 'subscription { walletUpdated { balance { amount } } }');

    // Clients see a field that was not there: so the new one is served.
    await writeFile(supergraph, sdl.replaceAll('"""Where it stands."""', '"""Where it stands, as of today."""'));
    await eventually(async () => {
      const { json } = await graph.post({ query: '{ __type(name: "Trip") { fields { description } } }' });
      return JSON.stringify(json).includes('as of today');
    }, 'the changed schema');
    await driver.ArriveAtPickup({ tripId: id });
    await see('DRIVER_ARRIVED');

    // A field goes for good: who watches it is told so, on a socket whose other subscriptions go on.
    const leaving = await watch('customer', 'subscription($id: ID!) { tripUpdates(tripId: $id) { status etaSeconds } }', { id });
    let isBesideOver = false;
    const over = () => {
      isBesideOver = true;
    };
    clients.at(-1)?.subscribe({ query: 'subscription { walletUpdated { balance { amount } } }' }, { next: () => {}, error: over, complete: over });
    await eventually(() => leaving.states.length > 0, 'the state with the field that goes');
    const without = sdl.replace(/\n {2}"""\n {2}Seconds to the pickup[^"]*"""\n {2}etaSeconds: Int @tag\(name: "same-for-all"\)\n/, '\n');
    expect(without).not.toBe(sdl);
    await writeFile(supergraph, without);
    await eventually(() => leaving.broken, 'the end of what selects the field');
    expect(leaving.refusal).toMatchObject([{ extensions: { code: 'SCHEMA_CHANGED', retryAfter: 1 } }]);
    expect([leaving.closes, isBesideOver, ...watchers.map(({ broken }) => broken)]).toEqual([[], false, false, false]);
    const gone = await graph.post({ query: 'query { __type(name: "TripUpdate") { fields { name } } }' });
    expect(JSON.stringify(gone.json)).not.toContain('etaSeconds');

    await graph.kill('dispatch');
    await graph.revive('dispatch');
    await eventually(() => driver.StartTrip({ tripId: id }).then(() => true), 'dispatch to answer again');
    await see('STARTED');

    await redis.stop();
    redis = await startEmbeddedRedis({ dataDir: path.join(dir, 'redis'), port });
    await eventually(() => driver.CompleteTrip({ tripId: id }).then(() => true), 'the ride to end');
    await see('COMPLETED');
    await eventually(() => watchers.every(({ completed }) => completed), 'the end of the stream');
    for (const { sequences, broken } of watchers) {
      const [first = 0] = sequences;
      expect([sequences, broken]).toEqual([[first, first + 1, first + 2, first + 3], false]);
    }

    // What was subscribed to before Redis went hears what happens after it has come back.
    expect([wallet.broken, wallet.completed]).toEqual([false, false]);
    const heard = wallet.events.length;
    const { initiateDeposit } = await rider.InitiateDeposit({ input: { amount: { amount: '25.00', currency: 'EGP' }, idempotencyKey: randomUUID() } });
    await fetch(initiateDeposit.paymentUrl, { method: 'POST', body: new URLSearchParams({ outcome: 'pay' }) });
    await eventually(() => wallet.events.length > heard, 'the deposit in the wallet');

    // A token that ends takes its own socket along, and nobody else's; and is not taken again.
    const me = await graph.post({ query: '{ me { id } }' }, { authorization: `Bearer ${await tokenOf('customer')}` });
    const userId = (me.json.data as { me: { id: string } } | undefined)?.me.id ?? '';
    const ending = await shortToken(graph, uuidOf('usr', userId) ?? '', 3);
    const expiring = await watch('customer', 'subscription { walletUpdated { balance { amount } } }', {}, ending);
    await eventually(() => expiring.closes.length > 0, 'the socket to be closed');
    expect(expiring.closes).toEqual([4401]);
    const late = await watch('customer', 'subscription { walletUpdated { balance { amount } } }', {}, ending);
    await eventually(() => late.closes.length > 0, 'the connection to be refused');
    expect(late.closes).toEqual([4403]);
    expect([wallet.broken, wallet.closes]).toEqual([false, []]);
    closed.length = 0;
    await graph.processes.stop();
    await eventually(() => wallet.broken, 'the socket to be closed');
    expect(closed).toContain(1012);
  } finally {
    await Promise.all(clients.map((client) => client.dispose()));
    await graph[Symbol.asyncDispose]();
    await redis.stop();
    await rm(dir, { recursive: true, force: true });
  }
}, 180_000);
