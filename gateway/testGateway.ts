import { type Client, type ClientOptions, createClient } from 'graphql-ws';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import { createLog } from '../platform/log.js';
import type { Route } from '../platform/subgraph.js';
import { readGatewayConfig } from './config.js';
import type { SubgraphLink } from './links.js';
import { localLink } from './localLink.js';
import { type GatewayOptions, startGateway } from './server.js';
import { compose, type TestGraph, testGraph, type TestSubgraph, testSubgraph } from './testSubgraphs.js';

export const INTERNAL_SECRET = 'a secret of the tests, long enough to pass';

/** Waits for a condition, with patience enough for a busy machine. */
export const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 10_000, interval: 10 });

/** A gateway over the test graph, with an identity that signs tokens; everything it opens closes with it. */
export async function startTestGateway(
  options: {
    env?: Record<string, string>;
    link?: (graph: TestGraph) => SubgraphLink[] | Promise<SubgraphLink[]>;
    /** Subgraphs of a test's own. */
    besides?: readonly TestSubgraph[];
  } & Partial<Omit<GatewayOptions, 'config'>> = {},
) {
  const graph = testGraph();
  const identity = await testIdentity();
  const { env, link, besides = [], ...rest } = options;
  const logLines: string[] = [];
  const links = [localLink(identity.subgraph), ...besides.map(localLink), ...(link ? await link(graph) : graph.subgraphs.map(localLink))];
  const gateway = await startGateway({
    config: readGatewayConfig({ PORT: '0', NODE_ENV: 'test', INTERNAL_SECRET, RATE_LIMIT_RATES: 'anonymous=100000/60,signedIn=100000/60', ...env }),
    supergraphSdl: compose([identity.subgraph, ...besides, ...graph.subgraphs]),
    links,
    log: createLog({ service: 'gateway', level: 'info', destination: { write: (line) => void logLines.push(line) } }),
    drainMs: 1_000,
    ...rest,
  });
  const clients: Client[] = [];
  const url = `http://localhost:${gateway.port}`;
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return {
    ...graph,
    gateway,
    identity,
    logLines,
    url,
    post,
    async query(query: string, variables: Record<string, unknown> = {}, headers: Record<string, string> = {}): Promise<GraphqlAnswer> {
      const response = await post({ query, variables }, headers);
      return { ...((await response.json()) as Omit<GraphqlAnswer, 'status' | 'headers'>), status: response.status, headers: response.headers };
    },
    connect(connectionParams: Record<string, unknown> = {}, more: Partial<ClientOptions> = {}) {
      const client = createClient({
        url: `ws://localhost:${gateway.port}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams,
        retryAttempts: 0,
        lazy: true,
        ...more,
      });
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client.dispose();
      await gateway.stop();
    },
  };
}

export interface GraphqlAnswer {
  status: number;
  headers: Headers;
  data?: Record<string, unknown> | null;
  errors?: { message: string; path?: (string | number)[]; extensions: Record<string, unknown> }[];
}

export interface Watching {
  events: Record<string, unknown>[];
  errors: { message: string; extensions: Record<string, unknown> }[] | null;
  /** A close event or a socket error. */
  failure: { code?: number } | null;
  completed: boolean;
  leave(): void;
}

/** Subscribes and collects what comes; look at the fields with `vi.waitFor`. */
export function watch(client: Client, query: string, variables: Record<string, unknown> = {}): Watching {
  const watching: Watching = { events: [], errors: null, failure: null, completed: false, leave: () => {} };
  watching.leave = client.subscribe(
    { query, variables },
    {
      next: ({ data, errors }) => void watching.events.push((errors ? { data, errors } : data) as Record<string, unknown>),
      error: (error) => {
        if (Array.isArray(error)) watching.errors = error as unknown as Watching['errors'];
        else watching.failure = error as { code?: number };
      },
      complete: () => {
        watching.completed = true;
      },
    },
  );
  return watching;
}

/** The subgraph `cars` keeps everybody waiting until they leave. */
export function heldCars() {
  const state = { begun: 0, ended: 0 };
  const link = (graph: TestGraph): SubgraphLink[] => [
    localLink(graph.trips),
    localLink(graph.people),
    {
      ...localLink(graph.cars),
      execute: (_request, _caller, signal) =>
        new Promise((_resolve, reject) => {
          state.begun += 1;
          signal?.addEventListener('abort', () => {
            state.ended += 1;
            reject(signal.reason as Error);
          });
        }),
    },
  ];
  return { state, link };
}

async function testIdentity() {
  const keys = [await signingKey('k1')];
  let keyReads = 0;
  const jwks: Route = {
    method: 'GET',
    path: '/.well-known/jwks.json',
    async handle(_request, response) {
      keyReads += 1;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
    },
  };
  const received: { body: Buffer; signature: unknown }[] = [];
  const webhook: Route = {
    method: 'POST',
    path: '/webhooks/resend',
    async handle(request, response) {
      received.push({ body: request.rawBody, signature: request.headers['svix-signature'] });
      response.statusCode = 202;
      response.end('taken');
    },
  };
  return {
    subgraph: testSubgraph('identity', 'type Query { me: String }', { Query: { me: () => null } } as never, [jwks, webhook]),
    received,
    keyReads: () => keyReads,
    async rotate() {
      keys.push(await signingKey(`k${keys.length + 1}`));
    },
    async token(userId: string, claims: { roles?: string[]; expiresInS?: number; kid?: string; issuer?: string } = {}): Promise<string> {
      const key = keys.at(-1) as (typeof keys)[number];
      return new SignJWT({ roles: claims.roles ?? ['CUSTOMER'], sid: '00000000-0000-4000-8000-00000000005d' })
        .setProtectedHeader({ alg: 'EdDSA', kid: claims.kid ?? (key.jwk.kid as string) })
        .setSubject(userId)
        .setIssuer(claims.issuer ?? 'waygraph')
        .setAudience('waygraph')
        .setExpirationTime(Math.floor(Date.now() / 1000) + (claims.expiresInS ?? 900))
        .sign(key.privateKey);
    },
  };
}

async function signingKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'EdDSA', use: 'sig' } };
}

export const ALICE = '00000000-0000-4000-8000-00000000000a';
export const BOB = '00000000-0000-4000-8000-00000000000b';
