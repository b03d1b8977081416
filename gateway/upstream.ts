import type { ExecutionResult, GraphQLFormattedError } from 'graphql';
import type { Caller } from '../platform/subgraph.js';
import { isReplaceable, type UpstreamEvent } from './delivery.js';
import type { SubgraphLink } from './links.js';
import { AFTER_SEQUENCE_VARIABLE, type PrimaryOperation } from './primaryOperation.js';

/** What one upstream tells those who watch it. */
export interface Watcher {
  next(event: UpstreamEvent): void;
  /** The last call: with errors when the subgraph refused, null when the stream completed. */
  end(errors: readonly GraphQLFormattedError[] | null): void;
}

export interface UpstreamRequest {
  link: SubgraphLink;
  primary: PrimaryOperation;
  /** Without `afterSequence`, which travels apart. */
  variables: Record<string, unknown>;
  afterSequence: number | null;
  /** In whose name the subgraph is asked. */
  caller: Caller;
  /** The subgraph has served this before: that it refuses while it starts or stops is no verdict. */
  wasServed?: boolean;
}

export interface Upstream {
  /** Sequence of the last state that was seen, or the `afterSequence` it began with; null before either. */
  lastSequence(): number | null;
  close(): void;
}

/** Backoff between attempts to get a broken upstream back, in milliseconds: soon at first, then at most every 5 s. */
const RETRY_FIRST_MS = 100;
const RETRY_LIMIT_MS = 5_000;
/** Milliseconds for which a subgraph that never answered is asked again before the client is told. */
const FIRST_CONTACT_MS = 30_000;

/** Refusals that a subgraph gives while it starts or stops: no verdict on the subscription, once there was one. */
const TRANSIENT = new Set<unknown>(['DEPENDENCY_UNAVAILABLE', 'TIMEOUT', 'INTERNAL_ERROR', 'INTERNAL_SERVER_ERROR', undefined]);

/** Such refusals in a row after which it is one: about a minute and a half. */
const MAX_TRANSIENT_REFUSALS = 20;

/** Whether the subgraph has decided, and is not merely unable to. */
export function isVerdict(errors: readonly GraphQLFormattedError[]): boolean {
  return !TRANSIENT.has(errors[0]?.extensions?.code);
}

export const UNREACHABLE: GraphQLFormattedError = {
  message: 'What you want to watch is not available right now. Subscribe again in a few seconds.',
  extensions: { code: 'DEPENDENCY_UNAVAILABLE', retryAfter: 5 },
};

/**
 * Keeps one subscription to a subgraph alive for as long as it is wanted. When it breaks, because the subgraph restarts, it is made again
 * from the last sequence seen, so that the watcher notices nothing and misses no numbered state (GW-14). Fields without `afterSequence`
 * go on from the present.
 */
export function openUpstream(request: UpstreamRequest, watcher: Watcher): Upstream {
  const { link, primary, caller } = request;
  const openedAt = Date.now();
  let seen: number | null = null;
  let established = request.wasServed ?? false;
  let closed = false;
  let attempts = 0;
  let retry: NodeJS.Timeout | undefined;
  let leave = () => {};

  const finish = (errors: readonly GraphQLFormattedError[] | null) => {
    if (closed) return;
    closed = true;
    watcher.end(errors);
  };
  const again = () => {
    if (closed) return;
    // Jitter keeps a thousand upstreams from knocking at a restarted subgraph's door at the same moment.
    const waitMs = Math.min(RETRY_LIMIT_MS, RETRY_FIRST_MS * 2 ** Math.min(attempts, 6)) * (0.5 + Math.random() / 2);
    attempts += 1;
    retry = setTimeout(start, waitMs);
  };
  const start = () => {
    const after = seen ?? request.afterSequence;
    const variables = primary.resumable && after !== null ? { ...request.variables, [AFTER_SEQUENCE_VARIABLE]: after } : request.variables;
    leave = link.subscribe({ query: primary.query, operationName: primary.operationName, variables }, caller, {
      next(result) {
        if (closed) return;
        established = true;
        attempts = 0;
        const event = readEvent(primary, result);
        if (event.sequence !== null && !isReplaceable(primary.rootField, event.kind)) {
          // What was sent before the break comes again when a resumed stream begins with the present state.
          if (seen !== null && event.sequence <= seen) return;
          seen = event.sequence;
        }
        watcher.next(event);
      },
      refused(errors) {
        if (established && attempts < MAX_TRANSIENT_REFUSALS && !isVerdict(errors)) return again();
        finish(errors);
      },
      broken(reached) {
        established ||= reached;
        if (!established && Date.now() - openedAt > FIRST_CONTACT_MS) return finish([UNREACHABLE]);
        again();
      },
      complete: () => finish(null),
    });
    // A local subgraph may end the stream before `subscribe` returns.
    if (closed) leave();
  };
  start();

  return {
    lastSequence: () => seen ?? request.afterSequence,
    close() {
      closed = true;
      clearTimeout(retry);
      leave();
    },
  };
}

function readEvent(primary: PrimaryOperation, result: ExecutionResult): UpstreamEvent {
  const root = result.data?.[primary.responseName] as Record<string, unknown> | null | undefined;
  const sequence = primary.sequenceName === null ? null : root?.[primary.sequenceName];
  const kind = primary.kindName === null ? null : root?.[primary.kindName];
  return { result, sequence: typeof sequence === 'number' ? sequence : null, kind: typeof kind === 'string' ? kind : null };
}
