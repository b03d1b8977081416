import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { type DocumentNode, type ExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { Caller } from '../platform/subgraph.js';
import { type GatewayContext, headerOf, traceIdOf } from './context.js';
import { startDeadline } from './deadline.js';
import { AnswerText } from './executor/execute.js';
import { MAX_BODY_BYTES } from './routes.js';
import type { SocketDocuments } from './socketDocuments.js';
import { TIMINGS_HEADER } from './timings.js';

/** A request whose body has been read already, for the handlers behind. */
export interface ReadRequest extends IncomingMessage {
  readBody?: Buffer;
}

export interface LeanHttpOptions {
  path: string;
  documents: SocketDocuments;
  /** What runs this operation; null when that cannot be done here at all. */
  execution(operation: { document: DocumentNode; operationName: string | undefined; variables: Record<string, unknown> }): Execution | null;
  callerOf(request: IncomingMessage, traceId: string): Caller;
  timeoutMs: number;
  /** Everything that is not plain, with its body read or not: whole protocols are its business. */
  others: RequestListener;
}

type Execution = (context: GatewayContext) => Promise<ExecutionResult>;

/**
 * A shorter way for the plain case: one operation, posted as JSON, that is valid and runs. It gives what the long way through Express and Apollo
 * Server gives, which a test compares; whatever is not plain goes that way, before anything has run.
 */
export function leanHttp(options: LeanHttpOptions): RequestListener {
  return (request: ReadRequest, response) => {
    if (!isPlain(request, options.path)) return void options.others(request, response);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      const execution = executionOf(options, body);
      if (execution) return answer(options, execution, request, response);
      request.readBody = body;
      options.others(request, response);
    });
    request.on('error', () => response.destroy());
  };
}

/** A POST of JSON in UTF-8 of known length, to a client that takes JSON. */
function isPlain({ method, url, headers }: IncomingMessage, path: string): boolean {
  const { accept = '*/*' } = headers;
  return (
    method === 'POST' &&
    url === path &&
    (headers['content-type'] === 'application/json' || headers['content-type'] === 'application/json; charset=utf-8') &&
    (accept === '*/*' || accept === 'application/json') &&
    headers['content-encoding'] === undefined &&
    headers[TIMINGS_HEADER] === undefined &&
    headers.expect === undefined &&
    Number(headers['content-length']) <= MAX_BODY_BYTES
  );
}

function executionOf({ documents, execution }: LeanHttpOptions, body: Buffer): Execution | null {
  let given: unknown;
  try {
    given = JSON.parse(body.toString());
  } catch {
    return null;
  }
  if (!isRecord(given)) return null;
  const { query, operationName = undefined, variables = {}, extensions } = given;
  if (typeof query !== 'string' || extensions !== undefined || !isRecord(variables) || (operationName !== undefined && typeof operationName !== 'string'))
    return null;
  const prepared = documents.prepare({ query, operationName, variables });
  if ('errors' in prepared || prepared.subscribes) return null;
  return execution({ document: prepared.document, operationName, variables });
}

function answer({ callerOf, timeoutMs }: LeanHttpOptions, execution: Execution, request: IncomingMessage, response: ServerResponse): void {
  const traceparent = headerOf(request, 'traceparent');
  const traceId = traceIdOf(traceparent);
  const deadline = startDeadline(timeoutMs);
  response.on('close', () => {
    deadline.clear();
    if (!response.writableFinished) deadline.abandon();
  });
  const failed = (error: unknown) => {
    const { message, extensions } = error as Error & { extensions?: Record<string, unknown>; code?: string };
    const code = (error as { code?: string }).code ?? 'INTERNAL_SERVER_ERROR';
    send(response, code === 'TIMEOUT' ? 504 : 500, traceId, JSON.stringify({ errors: [{ message, extensions: { code, ...extensions } }] }));
  };
  // When time is up the client is told, whatever becomes of the operation; to a client that has left nothing is sent.
  deadline.signal.addEventListener('abort', () => failed(deadline.signal.reason));
  execution({ caller: callerOf(request, traceId), deadline, asText: true, traceparent })
    .then((result) => send(response, 200, traceId, textOf(result)))
    .catch(failed);
}

function send(response: ServerResponse, status: number, traceId: string, text: string): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'x-trace-id': traceId,
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** The result as Apollo Server writes it: errors first, each with a code and without a stack. */
function textOf({ data, errors, extensions }: ExecutionResult): string {
  const written = data instanceof AnswerText ? data.text : JSON.stringify(data ?? null);
  const more = extensions === undefined ? '' : `,"extensions":${JSON.stringify(extensions)}`;
  return `{${errors ? `"errors":${JSON.stringify(errors.map(formatted))},` : ''}"data":${written}${more}}\n`;
}

function formatted(error: GraphQLError | GraphQLFormattedError): GraphQLFormattedError {
  const { message, locations, path, extensions } = error instanceof GraphQLError ? error.toJSON() : error;
  const { stacktrace: _hidden, ...shown } = (extensions ?? {}) as Record<string, unknown>;
  return { message, ...(locations && { locations }), ...(path && { path }), extensions: { code: 'INTERNAL_SERVER_ERROR', ...shown } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
