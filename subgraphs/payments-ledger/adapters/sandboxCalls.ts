import { request } from 'undici';
import type { z } from 'zod';
import { GatewayUnanswered } from './gatewayPort.js';
import { signMessage } from './sandboxSignature.js';

/** What it takes to call the sandbox's signed API. */
export interface SandboxCalls {
  /** Scheme, host and port under which the sandbox answers: `http://127.0.0.1:4000`. */
  origin: () => string;
  secret: string;
  timeoutMs: number;
  clock: () => Date;
}

type SandboxCall = <S extends z.ZodType>(
  schema: S,
  method: 'GET' | 'POST',
  path: string,
  body: string,
  headers?: Record<string, string>,
) => Promise<z.output<S>>;

/** Calls of the sandbox, over HTTP as to any other company's. An answer that makes no sense is none: the call is made again. */
export function sandboxCaller({ origin, secret, timeoutMs, clock }: SandboxCalls): SandboxCall {
  return async (schema, method, path, body, headers = {}) => {
    try {
      const response = await request(origin() + path, {
        method,
        headers: { 'content-type': 'application/json', ...headers, ...signMessage(secret, clock(), `${method} ${path}\n${body}`) },
        ...(method === 'POST' && { body }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.body.text();
      if (response.statusCode >= 200 && response.statusCode < 300) return schema.parse(JSON.parse(text));
    } catch (error) {
      if (isTimeout(error)) throw new GatewayUnanswered('TIMEOUT');
    }
    throw new GatewayUnanswered('UNAVAILABLE');
  };
}

function isTimeout(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string };
  return name === 'TimeoutError' || name === 'AbortError' || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
}
