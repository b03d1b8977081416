import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { DocumentNode, ExecutionResult, FormattedExecutionResult, OperationDefinitionNode } from 'graphql';
import type { Caller } from '../platform/subgraph.js';
import { type GatewayContext, headerOf, type Keeping, traceIdOf } from './context.js';
import { Deadline } from './deadline.js';
import { AnswerText } from './executor/execute.js';
import type { Quota } from './rateLimiter.js';
import { MAX_BODY_BYTES } from './routes.js';
import type { SocketDocuments } from './socketDocuments.js';
import { TIMINGS_HEADER } from './timings.js';

/** Who asks, when they may. */
export interface Admission {
  caller: Caller;
  /** What is left of their limit; null when they have none. */
  quota: Quota | null;
}

/** A request that has been looked at before, for the handlers behind: what is known of it need not be found out, or counted, again. */
export interface SeenRequest extends IncomingMessage {
  readBody?: Buffer;
  admission?: Admission;
}

export interface PlainOperation {
  document: DocumentNode;
  operation: OperationDefinitionNode;
  operationName: string | undefined;
}

export interface LeanHttpOptions {
  path: string;
  documents: SocketDocuments;
  /** What runs this operation; null when that cannot be done here at all. */
  execution(operation: { document: DocumentNode; operationName: string | undefined; variables: Record<string, unknown> }): Execution | null;
  /** Who asks. Before their document is read: that costs something. @throws what `refuse` tells */
  admit(request: IncomingMessage, traceId: string): Admission | Promise<Admission>;
  /** What a limit of its own leaves of this operation; null when it has none. @throws what `refuse` tells */
  enter?(caller: Caller, operation: PlainOperation): Promise<Quota | null>;
  /** Headers of an answer or a refusal, as far as these things are known of it. */
  headers?(request: IncomingMessage, quota: Quota | null, keeping: Keeping | undefined): Record<string, string>;
  /** What caches and clients want of each other, where answers may be kept. */
  keepingFor?(request: IncomingMessage): Keeping;
  /** Gives a result the form in which clients are told, and takes note of it. */
  formed(result: ExecutionResult, operation: PlainOperation, caller: Caller, tookMs: number): FormattedExecutionResult;
  /** Tells why there is no answer. */
  refuse(response: ServerResponse, error: unknown, traceId: string): void;
  timeoutMs: number;
  /** Everything that is not plain, with its body read or not: whole protocols are its business. */
  others: RequestListener;
}

type Execution = (context: GatewayContext) => Promise<ExecutionResult>;

/**
 * A shorter way for the plain case: one operation, posted as JSON, that is valid and runs. It gives what the long way through Express and Apollo
 * Server gives, which tests compare; whatever is not plain goes that way, before anything has run.
 */
export function leanHttp(options: LeanHttpOptions): RequestListener {
  return (request: SeenRequest, response) => {
    if (!isPlain(request, options.path)) return void options.others(request, response);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      const asked = askedFor(body);
      if (asked) return receive(options, asked, body, request, response);
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

interface Asked {
  query: string;
  operationName: string | undefined;
  variables: Record<string, unknown>;
}

/** What a body asks for, when it is no more than that. */
function askedFor(body: Buffer): Asked | null {
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
  return { query, operationName, variables };
}

function receive(options: LeanHttpOptions, asked: Asked, body: Buffer, request: SeenRequest, response: ServerResponse): void {
  const startedAt = performance.now();
  const traceparent = headerOf(request, 'traceparent');
  const traceId = traceIdOf(traceparent);
  let admitted: Admission | null = null;
  const failed = (error: unknown) => {
    if (response.headersSent || response.destroyed) return;
    const headers = options.headers?.(request, admitted?.quota ?? null, undefined);
    for (const [name, value] of Object.entries({ ...headers, 'x-trace-id': traceId })) response.setHeader(name, value);
    options.refuse(response, error, traceId);
  };

  const proceed = (admission: Admission) => {
    if (response.destroyed) return;
    admitted = admission;
    const prepared = options.documents.prepare(asked);
    const runs = 'errors' in prepared || prepared.subscribes ? null : options.execution({ ...asked, document: prepared.document });
    if (!runs || 'errors' in prepared) {
      Object.assign(request, { readBody: body, admission } satisfies Partial<SeenRequest>);
      return void options.others(request, response);
    }
    const { caller } = admission;
    const operation = { document: prepared.document, operation: prepared.operation, operationName: asked.operationName };
    const keeping = options.keepingFor?.(request);
    const deadline = new Deadline(options.timeoutMs);
    response.on('close', () => {
      deadline.clear();
      // Nobody waits for the answer any more: stop what is being fetched for it (EN-06).
      if (!response.writableFinished) deadline.abandon();
    });
    // When time is up the client is told, whatever becomes of the operation; to a client that has left nothing is sent.
    deadline.signal.addEventListener('abort', () => failed(deadline.signal.reason));
    const run = (quota: Quota | null) =>
      runs({ caller, deadline, asText: true, traceparent, ...(keeping && { keeping }) }).then((result) => {
        const text = textOf(options.formed(result, operation, caller, performance.now() - startedAt));
        if (response.headersSent || response.destroyed) return;
        response.writeHead(200, {
          'x-trace-id': traceId,
          'content-type': 'application/json; charset=utf-8',
          'cache-control': 'no-store',
          'content-length': Buffer.byteLength(text),
          ...options.headers?.(request, quota ?? admission.quota, keeping),
        });
        response.end(text);
      });
    const running = options.enter ? options.enter(caller, operation).then(run) : run(null);
    running.catch(failed);
  };

  try {
    const admission = options.admit(request, traceId);
    if (admission instanceof Promise) admission.then(proceed).catch(failed);
    else proceed(admission);
  } catch (error) {
    failed(error);
  }
}

/** The result as Apollo Server writes it: errors first. */
function textOf({ data, errors, extensions }: FormattedExecutionResult): string {
  const written = data instanceof AnswerText ? data.text : JSON.stringify(data ?? null);
  const more = extensions === undefined ? '' : `,"extensions":${JSON.stringify(extensions)}`;
  return `{${errors ? `"errors":${JSON.stringify(errors)},` : ''}"data":${written}${more}}\n`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
