import type { IncomingMessage, Server } from 'node:http';
import { type ExecutionArgs, type ExecutionResult, type FormattedExecutionResult, GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { Refusal } from '../platform/errors.js';
import type { Log } from '../platform/log.js';
import { ANONYMOUS } from '../platform/actor.js';
import type { Caller } from '../platform/subgraph.js';
import type { Identified, ShownCredentials } from './auth.js';
import { traceIdOf } from './context.js';
import { OperationEnded } from './delivery.js';
import type { Engine } from './engine.js';
import { type ClientError, type ErrorScope, inClientForm, thrownToClientError, toClientError, toClientResult } from './errors.js';
import { pathOf } from './localLink.js';
import { MAX_BODY_BYTES } from './routes.js';
import type { SocketDocuments } from './socketDocuments.js';
import { type WrittenSocket, writtenTo } from './socketWriter.js';
import { executeAsStream, type StreamedOperation, subscribe } from './streamedOperations.js';

/** What one connection, and one person over all theirs, may hold open (GW-12). */
export interface SocketLimits {
  operationsPerConnection: number;
  connectionsPerPrincipal: number;
  /** Milliseconds until a socket without operations is closed. */
  idleMs: number;
  /** Milliseconds until a client has to have said `connection_init`. */
  initWaitMs: number;
  /** Milliseconds between pings; a client that has not answered one when the next is due is gone. */
  keepAliveMs: number;
}

export const DEFAULT_SOCKET_LIMITS: SocketLimits = {
  operationsPerConnection: 50,
  connectionsPerPrincipal: 20,
  idleMs: 5 * 60_000,
  initWaitMs: 10_000,
  keepAliveMs: 12_000,
};

/** Milliseconds that a client has for the closing handshake. */
const CLOSE_WITHIN_MS = 2_000;
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
  /** Counts an operation, or credentials that are no good. @throws RateRefusal */
  enter?(caller: Caller): Promise<unknown>;
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
  left: AbortController;
  expiry: NodeJS.Timeout | undefined;
  idle: NodeJS.Timeout | undefined;
}

interface SocketContext extends StreamedOperation, WrittenSocket {
  /** The client's name for the operation. */
  id: string;
}

export interface Sockets {
  /** Bytes that clients have not taken yet, over all sockets. */
  bufferedBytes(): number;
  /** Closes all of them with 1012, which tells clients to come back. */
  close(): Promise<void>;
}

/** Serves operations over graphql-transport-ws. */
export function serveSockets(options: SocketOptions): Sockets {
  const { engine, log, limits } = options;
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: MAX_BODY_BYTES, perMessageDeflate: false });
  const connections = new WeakMap<WebSocket, Connection>();
  const perPrincipal = new Map<string, number>();
  const { idleMs, initWaitMs, keepAliveMs } = limits ?? DEFAULT_SOCKET_LIMITS;

  options.server.on('upgrade', (request, socket, head) => {
    // Node leaves a socket that asks for an upgrade to us: without a listener a client that resets its connection would end the whole process.
    socket.on('error', (err) => {
      log.debug({ err }, 'socket failed');
      socket.destroy();
    });
    if (pathOf(request.url) !== options.path) {
      // A client that never closes its side would keep the connection for ever.
      socket.once('finish', () => socket.destroy());
      return void socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
    }
    webSockets.handleUpgrade(request, socket, head, (client) => webSockets.emit('connection', client, request));
  });
  webSockets.on('connection', () => options.sockets.opened());

  const closeWhenIdle = (socket: WebSocket, connection: Connection) => {
    clearTimeout(connection.idle);
    if (socket.readyState !== socket.OPEN) return;
    connection.idle = setTimeout(() => socket.close(1000, 'Idle'), idleMs);
    connection.idle.unref();
  };
  const closeExpired = (socket: WebSocket, connection: Connection) => {
    connection.left.abort();
    socket.close(4401, 'Token expired');
    // A client that does not answer the closing handshake would go on for half a minute.
    setTimeout(() => socket.terminate(), CLOSE_WITHIN_MS).unref();
  };
  const closeWhenExpired = (socket: WebSocket, connection: Connection) => {
    const { expiresAt } = connection.identified;
    if (expiresAt === null) return;
    const leftMs = expiresAt - Date.now();
    if (leftMs <= 0) return closeExpired(socket, connection);
    connection.expiry = setTimeout(() => closeWhenExpired(socket, connection), Math.min(leftMs, LONGEST_TIMER_MS));
    connection.expiry.unref();
  };
  const finished = (socket: WebSocket, id: string) => {
    const connection = connections.get(socket);
    if (connection?.running.get(id)?.subscribes) options.subscriptions.ended();
    if (connection?.running.delete(id) && connection.running.size === 0) closeWhenIdle(socket, connection);
  };
  const scope = (traceId: string) => ({ traceId, log, expose: options.exposeErrors ?? false });
  const written = new WeakMap<ExecutionResult, Buffer>();
  /** What an answer looks like to a client: written once for all who get the same one, unless it has errors, which name their reader's trace. */
  const bytesOf = (result: ExecutionResult, at: ErrorScope): Buffer => {
    if (result.errors?.length) return Buffer.from(JSON.stringify(toClientResult(result, at)));
    let bytes = written.get(result);
    if (bytes === undefined) written.set(result, (bytes = Buffer.from(JSON.stringify(toClientResult(result, at)))));
    return bytes;
  };

  const disposable = useServer(
    {
      connectionInitWaitTimeout: initWaitMs,
      async onConnect({ connectionParams, extra: { socket, request } }) {
        let identified: Identified;
        try {
          identified = await options.identify(shownIn(connectionParams));
        } catch (error) {
          // 1013: the keys cannot be read just now, which says nothing about the client's token.
          if (error instanceof Refusal && error.code === 'UNAUTHENTICATED') {
            const nobody = options.callerOf({ actor: ANONYMOUS, expiresAt: null }, request, traceIdOf(undefined), null);
            const isTooOften = await options.enter?.(nobody).then(
              () => false,
              () => true,
            );
            if (isTooOften) socket.close(4429, 'Too many requests');
            return isTooOften ? undefined : false;
          }
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
        const connection: Connection = { identified, principal, running: new Map(), left: new AbortController(), expiry: undefined, idle: undefined };
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
        connection.left.abort();
        const left = (perPrincipal.get(connection.principal) ?? 1) - 1;
        if (left > 0) perPrincipal.set(connection.principal, left);
        else perPrincipal.delete(connection.principal);
      },
      async onSubscribe({ extra: { socket, request }, subscriptions }, id, payload): Promise<ExecutionArgs | readonly GraphQLError[]> {
        const connection = connections.get(socket);
        const traceId = traceIdOf(payload.extensions?.traceparent);
        try {
          if (!connection) throw new Refusal('UNAUTHENTICATED', 'The connection has not been initialised.');
          // A socket that is being closed still brings what its client sends; timers may be late, and the client in no hurry to answer.
          if (hasExpired(connection)) {
            closeExpired(socket, connection);
            throw new Refusal('UNAUTHENTICATED', 'The access token has expired. Get a new one with refreshSession, and connect again.');
          }
          if (socket.readyState !== socket.OPEN) throw new Refusal('UNAUTHENTICATED', 'The connection is being closed. Connect again.');
          // graphql-ws counts this one in already, and counts one out as soon as the client says `complete`.
          if (limits && Object.keys(subscriptions).length > limits.operationsPerConnection) {
            throw new Refusal('RATE_LIMITED', `A connection may run ${limits.operationsPerConnection} operations at a time. End some first.`, {
              details: { limit: 'operationsPerConnection', max: limits.operationsPerConnection },
            });
          }
          const key = payload.extensions?.idempotencyKey;
          const caller = options.callerOf(connection.identified, request, traceId, typeof key === 'string' ? key : null);
          await options.enter?.(caller);
          const prepared = options.documents.prepare(payload);
          if ('errors' in prepared) return refusals(prepared.errors.map((error) => toClientError(error, scope(traceId))));
          const { operationName, variables } = payload;
          const left = connection.left.signal;
          const operation = { caller, source: payload.query, document: prepared.document, operationName, variables: variables ?? {}, left };
          const contextValue: SocketContext = { ...operation, socket, under: request.socket, id };
          clearTimeout(connection.idle);
          connection.running.set(id, { traceId, subscribes: prepared.subscribes });
          if (prepared.subscribes) options.subscriptions.started();
          return {
            schema: prepared.schema,
            document: prepared.document,
            operationName,
            variableValues: variables,
            contextValue,
          };
        } catch (error) {
          // Whatever is thrown here would close the socket, and with it all other operations.
          return refusals([thrownToClientError(error, scope(traceId))]);
        }
      },
      subscribe(args) {
        const { socket, under, id, ...operation } = args.contextValue as SocketContext;
        const at = scope(operation.caller.traceId);
        return writtenTo(
          { socket, under },
          id,
          (result) => bytesOf(result, at),
          (subscriber) => subscribe(engine, operation, subscriber),
        );
      },
      execute: (args) => executeAsStream(engine, args.contextValue as SocketContext),
      // Errors of queries and mutations got their form on their way through Apollo Server; what a subscription says does not come by here.
      onNext: (_context, _id, _payload, args, result): FormattedExecutionResult =>
        inClientForm(result as FormattedExecutionResult, scope((args.contextValue as SocketContext).caller.traceId)),
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
    keepAliveMs,
  );
  webSockets.on('connection', (socket) => {
    // graphql-ws would print each as an internal error; that a client breaks the protocol or sends too much is none, and ws closes the socket.
    socket.removeAllListeners('error');
    socket.on('error', (err) => log.debug({ err }, 'socket failed'));
  });

  return {
    bufferedBytes: () => [...webSockets.clients].reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0),
    async close() {
      for (const client of webSockets.clients) client.close(1012, 'Service restart');
      // Those that do not answer the closing handshake are cut off, or stopping would wait for them.
      const cut = setTimeout(() => {
        for (const client of webSockets.clients) client.terminate();
      }, CLOSE_WITHIN_MS);
      await disposable.dispose();
      clearTimeout(cut);
    },
  };
}

function hasExpired({ identified: { expiresAt } }: Connection): boolean {
  return expiresAt !== null && expiresAt <= Date.now();
}

function shownIn(params: Record<string, unknown> | undefined): ShownCredentials {
  const text = (value: unknown) => (value === undefined || value === null ? undefined : String(value));
  return { authorization: text(params?.authorization ?? params?.Authorization), apiKey: text(params?.apiKey) };
}

function refusals(errors: readonly ClientError[]): GraphQLError[] {
  return errors.map((error) => new GraphQLError(error.message, { extensions: { ...error.extensions } }));
}
