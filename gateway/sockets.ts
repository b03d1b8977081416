import type { IncomingMessage, Server } from 'node:http';
import { type ExecutionArgs, type ExecutionResult, type FormattedExecutionResult, getOperationAST, GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { Refusal, refusalToGraphQLError } from '../platform/errors.js';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import type { Identified, ShownCredentials } from './auth.js';
import { type GatewayContext, traceIdOf } from './context.js';
import { REQUEST_TIMEOUT_MS, startDeadline } from './deadline.js';
import { OperationEnded } from './delivery.js';
import type { Engine } from './engine.js';
import { type ClientError, inClientForm, thrownToClientError, toClientError, toClientResult } from './errors.js';
import { pathOf } from './localLink.js';
import { MAX_BODY_BYTES } from './routes.js';
import type { SocketDocuments } from './socketDocuments.js';

/** What one connection, and one person over all theirs, may hold open (GW-12). */
export interface SocketLimits {
  operationsPerConnection: number;
  connectionsPerPrincipal: number;
  /** Milliseconds until a socket without operations is closed. */
  idleMs: number;
}

export const DEFAULT_SOCKET_LIMITS: SocketLimits = { operationsPerConnection: 50, connectionsPerPrincipal: 20, idleMs: 5 * 60_000 };

/** Milliseconds until a client has to have said `connection_init`, and between pings. */
const INIT_WAIT_MS = 10_000;
const KEEP_ALIVE_MS = 12_000;
/** Longest wait that a timer can hold; a token that lives longer is looked at again then. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface SocketOptions {
  server: Server;
  path: string;
  engine: Engine;
  documents: SocketDocuments;
  /** @throws Refusal UNAUTHENTICATED | DEPENDENCY_UNAVAILABLE */
  identify(shown: ShownCredentials): Promise<Identified>;
  callerOf(identified: Identified, request: IncomingMessage, traceId: string, idempotencyKey: string | null): Caller;
  /** Whose connections count together. */
  principalOf(identified: Identified, request: IncomingMessage): string;
  limits: SocketLimits | null;
  log: Log;
  exposeErrors?: boolean;
  sockets: { opened(): void; closed(): void };
  subscriptions: { started(): void; ended(): void };
}

/** What the gateway remembers of one connection. */
interface Connection {
  identified: Identified;
  principal: string;
  /** The operations that run, by operation id. */
  running: Map<string, { traceId: string; subscribes: boolean }>;
  expiry: NodeJS.Timeout | undefined;
  idle: NodeJS.Timeout | undefined;
}

interface SocketContext extends GatewayContext {
  /** The document as the client wrote it. */
  source: string;
}

/** Serves operations over graphql-transport-ws. Returns what closes all sockets with 1012, which tells clients to come back. */
export function serveSockets(options: SocketOptions): { close(): Promise<void> } {
  const { engine, log, limits } = options;
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: MAX_BODY_BYTES });
  const connections = new WeakMap<WebSocket, Connection>();
  const perPrincipal = new Map<string, number>();
  const { idleMs } = limits ?? DEFAULT_SOCKET_LIMITS;

  options.server.on('upgrade', (request, socket, head) => {
    if (pathOf(request.url) !== options.path) return void socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
    webSockets.handleUpgrade(request, socket, head, (client) => webSockets.emit('connection', client, request));
  });
  webSockets.on('connection', () => options.sockets.opened());

  const closeWhenIdle = (socket: WebSocket, connection: Connection) => {
    clearTimeout(connection.idle);
    if (socket.readyState !== socket.OPEN) return;
    connection.idle = setTimeout(() => socket.close(1000, 'Idle'), idleMs);
    connection.idle.unref();
  };
  const closeWhenExpired = (socket: WebSocket, connection: Connection) => {
    const { expiresAt } = connection.identified;
    if (expiresAt === null) return;
    const leftMs = expiresAt - Date.now();
    if (leftMs <= 0) return socket.close(4401, 'Token expired');
    connection.expiry = setTimeout(() => closeWhenExpired(socket, connection), Math.min(leftMs, LONGEST_TIMER_MS));
    connection.expiry.unref();
  };
  const finished = (socket: WebSocket, id: string) => {
    const connection = connections.get(socket);
    if (connection?.running.get(id)?.subscribes) options.subscriptions.ended();
    if (connection?.running.delete(id) && connection.running.size === 0) closeWhenIdle(socket, connection);
  };
  const scope = (traceId: string) => ({ traceId, log, expose: options.exposeErrors ?? false });

  const disposable = useServer(
    {
      connectionInitWaitTimeout: INIT_WAIT_MS,
      async onConnect({ connectionParams, extra: { socket, request } }) {
        let identified: Identified;
        try {
          identified = await options.identify(shownIn(connectionParams));
        } catch (error) {
          // 1013: the keys cannot be read just now, which says nothing about the client's token.
          if (error instanceof Refusal && error.code === 'UNAUTHENTICATED') return false;
          socket.close(1013, 'Try again later');
          return;
        }
        const principal = options.principalOf(identified, request);
        const count = (perPrincipal.get(principal) ?? 0) + 1;
        if (limits && count > limits.connectionsPerPrincipal) {
          socket.close(4429, 'Too many connections');
          return;
        }
        // The client may have gone while its token was being checked; then nobody would count it down again.
        if (socket.readyState !== socket.OPEN) return;
        perPrincipal.set(principal, count);
        const connection: Connection = { identified, principal, running: new Map(), expiry: undefined, idle: undefined };
        connections.set(socket, connection);
        closeWhenIdle(socket, connection);
        closeWhenExpired(socket, connection);
        return true;
      },
      onClose({ extra: { socket } }) {
        options.sockets.closed();
        const connection = connections.get(socket);
        if (!connection) return;
        clearTimeout(connection.idle);
        clearTimeout(connection.expiry);
        const left = (perPrincipal.get(connection.principal) ?? 1) - 1;
        if (left > 0) perPrincipal.set(connection.principal, left);
        else perPrincipal.delete(connection.principal);
      },
      onSubscribe({ extra: { socket, request }, subscriptions }, id, payload): ExecutionArgs | readonly GraphQLError[] {
        const connection = connections.get(socket);
        const traceId = traceIdOf(payload.extensions?.traceparent);
        try {
          if (!connection) throw new Refusal('UNAUTHENTICATED', 'The connection has not been initialised.');
          // graphql-ws counts this one in already, and counts one out as soon as the client says `complete`.
          if (limits && Object.keys(subscriptions).length > limits.operationsPerConnection) {
            throw new Refusal('RATE_LIMITED', `A connection may run ${limits.operationsPerConnection} operations at a time. End some first.`, {
              details: { limit: 'operationsPerConnection', max: limits.operationsPerConnection },
            });
          }
          const prepared = options.documents.prepare(payload);
          if ('errors' in prepared) return refusals(prepared.errors.map((error) => toClientError(error, scope(traceId))));
          const key = payload.extensions?.idempotencyKey;
          const caller = options.callerOf(connection.identified, request, traceId, typeof key === 'string' ? key : null);
          const contextValue: SocketContext = { caller, deadline: null, source: payload.query };
          clearTimeout(connection.idle);
          connection.running.set(id, { traceId, subscribes: prepared.subscribes });
          if (prepared.subscribes) options.subscriptions.started();
          return {
            schema: prepared.schema,
            document: prepared.document,
            operationName: payload.operationName,
            variableValues: payload.variables,
            contextValue,
          };
        } catch (error) {
          // Whatever is thrown here would close the socket, and with it all other operations.
          return refusals([thrownToClientError(error, scope(traceId))]);
        }
      },
      subscribe: (args) => subscribe(engine, args),
      execute: (args) => execute(engine, args),
      onNext(_context, _id, _payload, args, result): FormattedExecutionResult {
        const at = scope((args.contextValue as SocketContext).caller.traceId);
        const subscribes = getOperationAST(args.document, args.operationName)?.operation === 'subscription';
        // Errors of queries and mutations got their form on their way through Apollo Server.
        return subscribes ? toClientResult(result, at) : inClientForm(result as FormattedExecutionResult, at);
      },
      onError({ extra: { socket } }, id, _payload, errors) {
        const traceId = connections.get(socket)?.running.get(id)?.traceId ?? traceIdOf(undefined);
        finished(socket, id);
        return errors.flatMap((error) => {
          if (error.extensions.traceId !== undefined) return [error.toJSON()];
          const ended = error.originalError;
          if (ended instanceof OperationEnded) return ended.errors.map((part) => toClientError(part, scope(traceId)));
          return [thrownToClientError(ended ?? error, scope(traceId))];
        });
      },
      onComplete: ({ extra: { socket } }, id) => finished(socket, id),
    },
    webSockets,
    KEEP_ALIVE_MS,
  );
  webSockets.on('connection', (socket) => {
    // graphql-ws would print each as an internal error; that a client breaks the protocol or sends too much is none, and ws closes the socket.
    socket.removeAllListeners('error');
    socket.on('error', (err) => log.debug({ err }, 'socket failed'));
  });

  return {
    async close() {
      for (const client of webSockets.clients) client.close(1012, 'Service restart');
      // Those that do not answer the closing handshake are cut off, or stopping would wait for them.
      const cut = setTimeout(() => {
        for (const client of webSockets.clients) client.terminate();
      }, 2_000);
      await disposable.dispose();
      clearTimeout(cut);
    },
  };
}

function shownIn(params: Record<string, unknown> | undefined): ShownCredentials {
  const text = (value: unknown) => (value === undefined || value === null ? undefined : String(value));
  return { authorization: text(params?.authorization ?? params?.Authorization), apiKey: text(params?.apiKey) };
}

function refusals(errors: readonly ClientError[]): GraphQLError[] {
  return errors.map((error) => new GraphQLError(error.message, { extensions: { ...error.extensions } }));
}

/** Runs a query or mutation as HTTP would, with the same plugins, limits and caches. */
async function execute({ apollo }: Engine, { contextValue, variableValues, operationName }: ExecutionArgs): Promise<ExecutionResult> {
  const { source, caller } = contextValue as SocketContext;
  const deadline = startDeadline(REQUEST_TIMEOUT_MS);
  try {
    const request = { query: source, variables: variableValues as Record<string, unknown>, operationName: operationName ?? undefined };
    const { body } = await Promise.race([apollo.executeOperation(request, { contextValue: { caller, deadline } }), deadline.expired]);
    if (body.kind === 'single') return body.singleResult as ExecutionResult;
    throw new Error('Incremental delivery is not supported over WebSocket.');
  } catch (error) {
    return { errors: [thrownToGraphQLError(error)] };
  } finally {
    deadline.clear();
  }
}

function thrownToGraphQLError(error: unknown): GraphQLError {
  return error instanceof Refusal ? refusalToGraphQLError(error) : new GraphQLError('unexpected', { originalError: error as Error });
}

/** A subscription that cannot even be planned ends as one that is refused: an exception here would close the whole socket. */
function subscribe({ subscriptions }: Engine, args: ExecutionArgs): AsyncIterable<ExecutionResult> {
  try {
    return subscriptions.subscribe({
      document: args.document,
      operationName: args.operationName,
      variables: (args.variableValues ?? {}) as Record<string, unknown>,
      caller: (args.contextValue as SocketContext).caller,
    });
  } catch (error) {
    return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
  }
}
