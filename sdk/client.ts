import { type Client as SocketClient, createClient } from 'graphql-ws';
import { type ErrorCode, ERROR_CODES } from './generated/errorCodes.js';
import { getSdk, type Sdk } from './generated/operations.js';
import { resumingSubscription } from './subscriptions.js';

/** An error of the graph: `code` is one of the catalogue, `details` holds facts for your code, `traceId` is what to quote to support. */
export class WaygraphError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;
  readonly traceId: string | undefined;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter: number | undefined;
  readonly path: readonly (string | number)[] | undefined;

  constructor(error: GraphError) {
    super(error.message);
    this.name = 'WaygraphError';
    const { code, details, traceId, retryAfter } = error.extensions ?? {};
    this.code = ERROR_CODES.find((known) => known === code) ?? 'INTERNAL_ERROR';
    this.details = details;
    this.traceId = traceId;
    this.retryAfter = retryAfter;
    this.path = error.path;
  }
}

interface GraphError {
  message: string;
  path?: readonly (string | number)[];
  extensions?: { code?: string; details?: Record<string, unknown>; traceId?: string; retryAfter?: number };
}

export interface ClientOptions {
  /** Address of the graph, such as `https://api.example.com/graphql`. */
  url: string;
  /** An API key, for machines; people sign in. */
  apiKey?: string;
  /** Milliseconds after which a request is given up; 30,000 when not set. */
  timeoutMs?: number;
  /** Node before version 22 has no WebSocket of its own: pass the class of the `ws` package. */
  webSocket?: unknown;
}

export interface Tokens {
  accessToken: string;
  refreshToken: string;
  /** RFC 3339. */
  expiresAt: string;
}

export interface WaygraphClient extends Sdk {
  /** Makes the client act as this session from now on; null makes it anonymous. Access tokens are renewed on the way. */
  use(session: Tokens | null): void;
  /** Ends the socket and every subscription on it. */
  close(): Promise<void>;
}

const TIMEOUT_MS = 30_000;
/** An access token is renewed this long before it expires, so that it does not expire on the way. */
const RENEW_BEFORE_MS = 30_000;

const REFRESH = 'mutation RefreshSession($refreshToken: String!) { refreshSession(refreshToken: $refreshToken) { accessToken refreshToken expiresAt } }';

/** What the socket gives: a list of GraphQL errors, a close event, or an Error of the network. */
function toWaygraphError(cause: unknown): WaygraphError | Error {
  const [first] = Array.isArray(cause) ? (cause as (GraphError | undefined)[]) : [];
  if (first) return new WaygraphError(first);
  if (cause instanceof Error) return cause;
  const { code, reason } = (cause ?? {}) as { code?: number; reason?: string };
  return new Error(`The socket to the graph was closed: ${code ?? 'unknown'} ${reason ?? ''}`.trim());
}

/**
 * A typed client: every saved operation is a method, subscriptions are async iterables. Errors are `WaygraphError`s.
 *
 * @example
 * const graph = createWaygraphClient({ url: 'http://localhost:4000/graphql' });
 * graph.use((await graph.SignIn({ input: { email: 'customer@demo.test', password: 'Waygraph1' } })).signIn);
 * for await (const { tripUpdates } of graph.TripUpdates({ tripId })) console.log(tripUpdates.status);
 */
export function createWaygraphClient(options: ClientOptions): WaygraphClient {
  let session: Tokens | null = null;
  let renewal: Promise<void> | null = null;
  let socket: SocketClient | null = null;

  const post = async <R>(query: string, variables: unknown, headers: Record<string, string>): Promise<R> => {
    const response = await fetch(options.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
    });
    const result = (await response.json()) as { data?: R | null; errors?: GraphError[] };
    const [first] = result.errors ?? [];
    if (first) throw new WaygraphError(first);
    if (result.data == null) throw new WaygraphError({ message: `The graph answered ${response.status} without data.` });
    return result.data;
  };

  const renew = async () => {
    if (!session || Date.parse(session.expiresAt) - Date.now() > RENEW_BEFORE_MS) return;
    const { refreshToken } = session;
    // A refresh token is good once: callers at the same time share one renewal.
    renewal ??= post<{ refreshSession: Tokens }>(REFRESH, { refreshToken }, {})
      .then((data) => {
        session = data.refreshSession;
      })
      .finally(() => {
        renewal = null;
      });
    await renewal;
  };

  const credentials = async (): Promise<Record<string, string>> => {
    if (options.apiKey) return { 'x-api-key': options.apiKey };
    await renew();
    return session ? { authorization: `Bearer ${session.accessToken}` } : {};
  };

  const openSocket = () =>
    createClient({
      url: options.url.replace(/^http/, 'ws'),
      webSocketImpl: options.webSocket ?? globalThis.WebSocket,
      lazy: true,
      retryAttempts: 10,
      shouldRetry: () => true,
      connectionParams: async () => (options.apiKey ? { apiKey: options.apiKey } : credentials()),
    });

  const request = async <R>(query: string, variables: unknown): Promise<R> => post<R>(query, variables, await credentials());

  const listen = <R>(query: string, variables: Record<string, unknown>): AsyncIterableIterator<R> =>
    resumingSubscription<R>(() => (socket ??= openSocket()), query, variables, toWaygraphError);

  const sdk = getSdk(<R, V>(document: unknown, variables?: V) => {
    const query = String(document);
    const isSubscription = /^\s*subscription\b/m.test(query);
    return isSubscription ? (listen<R>(query, (variables ?? {}) as Record<string, unknown>) as AsyncIterable<R>) : request<R>(query, variables);
  });

  return {
    ...sdk,
    use: (next) => {
      session = next;
      void socket?.dispose();
      socket = null;
    },
    close: async () => {
      await socket?.dispose();
      socket = null;
    },
  };
}
