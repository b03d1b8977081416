import type { ExecutionResult } from 'graphql';
import { request } from 'undici';
import { signInternalToken, systemActor } from './actor.js';

const TIMEOUT_MS = 5_000;

/**
 * Reads the whole graph as a job of ours (EV-02), over HTTP like any client, with an internal token. Jobs only: a request of a user never waits for
 * another subgraph (EV-01).
 * @throws Error when the graph does not answer in five seconds or answers with errors; the job is tried again
 */
export async function askGraph<T>(
  options: { graphUrl: () => string; internalSecret: string; clock: () => Date },
  job: string,
  query: string,
  variables: Record<string, unknown>,
): Promise<T> {
  const response = await request(options.graphUrl(), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Internal ${signInternalToken(systemActor(job), options.internalSecret, options.clock())}`,
    },
    body: JSON.stringify({ query, variables }),
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const result = (await response.body.json()) as ExecutionResult;
  if (result.errors?.length || !result.data) {
    throw new Error(`the graph answered ${response.statusCode}: ${result.errors?.map((error) => error.extensions?.code ?? error.message).join(', ')}`);
  }
  return result.data as T;
}
