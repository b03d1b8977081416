import { type ExecutionResult, type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import { Refusal, refusalToGraphQLError } from '../platform/errors.js';
import type { Log } from '../platform/log.js';
import { UNEXPLAINED_NULL } from './executor/complete.js';

/** Codes that say no more than "something broke": Apollo's and its gateway's own, and none at all. */
const UNKNOWN_CODES = new Set(['INTERNAL_SERVER_ERROR', 'INTERNAL_ERROR', 'DOWNSTREAM_SERVICE_ERROR', UNEXPLAINED_NULL]);
const CODE = /^[A-Z][A-Z0-9_]*$/;
const TOO_MANY_TOKENS = /Document contains more tha[tn] (\d+) tokens/;
/** graphql-js compares fields of equal names in pairs, and stops when there are too many. */
const GIVEN_UP = 'Validation aborted.';
/** What the parser says of literals in literals in literals. */
const STACK_USED_UP = 'Maximum call stack size exceeded';
/** Characters of one message; some repeat what was sent, however long. */
const MAX_MESSAGE = 2_000;
const BAD_VARIABLE = /^Variable "\$(\w+)" (?:got invalid value|of (?:required|non-null) type)/;
const VARIABLE_PATH = /^Variable "\$\w+" got invalid value .* at "([\w.[\]]+)"/s;
const BAD_LITERAL = /^Expected value of type "/;

export interface ErrorScope {
  traceId: string;
  log: Log;
  /** Leaves unforeseen errors readable: for the bare gateway, which does not know what the graph behind it calls an error. */
  expose?: boolean;
}

/** A formatted error as a client may see it, in the one form that all errors have (GW-40). */
export interface ClientError extends GraphQLFormattedError {
  extensions: { code: string; traceId: string; timestamp: string; details?: Record<string, unknown>; retryAfter?: number };
}

/**
 * Gives an error the form that clients rely on, and takes from it all that is not theirs to see: the subgraph's name, stack traces, SQL,
 * addresses (GW-41). What nobody foresaw is logged whole and answered with the trace id alone.
 */
export function toClientError(error: GraphQLFormattedError | GraphQLError, { traceId, log, expose = false }: ErrorScope): ClientError {
  const given = (error.extensions ?? {}) as Record<string, unknown>;
  const { code, details } = classify(error.message, given);
  const masked = code === 'INTERNAL_ERROR' && !expose;
  if (masked) log.error({ traceId, err: causeOf(error), subgraph: given.serviceName, path: error.path }, 'unexpected error');
  return {
    message: masked ? `Something went wrong on our side. Try again; if it stays, quote this trace id: ${traceId}` : messageFor(code, error.message),
    ...(error.locations && { locations: error.locations }),
    ...(error.path && { path: error.path }),
    extensions: {
      code,
      traceId,
      timestamp: new Date().toISOString(),
      ...(!masked && details && { details }),
      ...(!masked && typeof given.retryAfter === 'number' && { retryAfter: given.retryAfter }),
    },
  };
}

/** The same for what was thrown on the way: a Refusal keeps its code, anything else is a bug and is masked. */
export function thrownToClientError(thrown: unknown, scope: ErrorScope): ClientError {
  if (thrown instanceof Refusal) return toClientError(refusalToGraphQLError(thrown), scope);
  if (thrown instanceof GraphQLError) return toClientError(thrown, scope);
  return toClientError(new GraphQLError('unexpected', { originalError: thrown instanceof Error ? thrown : new Error(String(thrown)) }), scope);
}

/**
 * A result as a client may see it. A null where none may be is an error like any other; but for lookups, whose null is an answer.
 */
export function toClientResult(
  result: ExecutionResult | FormattedExecutionResult,
  scope: ErrorScope,
  lookups: () => ReadonlySet<string> = () => new Set(),
): FormattedExecutionResult {
  const { extensions } = result;
  const errors = withoutAnswers(result.errors ?? [], lookups);
  return {
    ...(errors.length > 0 && { errors: errors.map((error) => toClientError(error, scope)) }),
    ...('data' in result && { data: result.data }),
    ...(extensions && Object.keys(extensions).length > 0 && { extensions }),
  };
}

function withoutAnswers(errors: readonly (GraphQLError | GraphQLFormattedError)[], lookups: () => ReadonlySet<string>) {
  const isNull = ({ extensions }: GraphQLFormattedError) => extensions?.code === UNEXPLAINED_NULL;
  if (!errors.some(isNull)) return errors;
  const names = lookups();
  return errors.filter((error) => !isNull(error) || !names.has(String(error.path?.[0])));
}

/** The same, for a result whose errors may have got their form already; not for one that comes straight from a subgraph. */
export function inClientForm(result: FormattedExecutionResult, scope: ErrorScope): FormattedExecutionResult {
  return result.errors?.every((error) => error.extensions?.traceId !== undefined) ? result : toClientResult(result, scope);
}

function classify(message: string, given: Record<string, unknown>): { code: string; details?: Record<string, unknown> } {
  const details = isRecord(given.details) ? given.details : undefined;
  const code = typeof given.code === 'string' ? given.code : '';
  const tokens = TOO_MANY_TOKENS.exec(message);
  if (tokens) return { code: 'QUERY_TOO_COMPLEX', details: { limit: 'tokens', max: Number(tokens[1]) } };
  if (message === GIVEN_UP) return { code: 'QUERY_TOO_COMPLEX', details: { limit: 'comparisons' } };
  if (code === 'GRAPHQL_PARSE_FAILED' && message === STACK_USED_UP) return { code: 'QUERY_TOO_COMPLEX', details: { limit: 'nesting' } };
  // Apollo overwrites the code of a validation rule; the limits' own is told by their details.
  if (code === 'GRAPHQL_VALIDATION_FAILED' && details && 'limit' in details) return { code: 'QUERY_TOO_COMPLEX', details };
  if (code === 'BAD_USER_INPUT' || BAD_VARIABLE.test(message)) return { code: 'VALIDATION_ERROR', details: details ?? inputDetails(message) };
  if (BAD_LITERAL.test(message) && (code === 'GRAPHQL_VALIDATION_FAILED' || code === '') && given.serviceName !== undefined) {
    return { code: 'VALIDATION_ERROR', details: details ?? { rule: 'type' } };
  }
  if (!CODE.test(code) || UNKNOWN_CODES.has(code)) return { code: 'INTERNAL_ERROR' };
  return { code, details };
}

/** Which variable, and which field in it, as far as graphql-js says. */
function inputDetails(message: string): Record<string, unknown> | undefined {
  const field = VARIABLE_PATH.exec(message)?.[1] ?? BAD_VARIABLE.exec(message)?.[1];
  return field === undefined ? undefined : { field, rule: 'type' };
}

function messageFor(code: string, message: string): string {
  if (message === STACK_USED_UP) return 'The operation is nested too deeply. Use variables for large values.';
  if (message === GIVEN_UP) return 'The same fields stand too often in the operation. Write each once.';
  return code === 'QUERY_TOO_COMPLEX' && TOO_MANY_TOKENS.test(message) ? 'The operation is too long. Split it into several smaller ones.' : shortened(message);
}

function shortened(message: string): string {
  return message.length <= MAX_MESSAGE ? message : `${message.slice(0, MAX_MESSAGE)}…`;
}

/** The error that started it, below the wrappers of graphql-js and of the gateway. */
function causeOf(error: GraphQLFormattedError | GraphQLError): unknown {
  let at: unknown = error;
  for (let depth = 0; depth < 5; depth += 1) {
    const below = (at as { originalError?: unknown }).originalError ?? (at as { cause?: unknown }).cause;
    if (!below) break;
    at = below;
  }
  return at instanceof Error ? at : { message: error.message, extensions: error.extensions };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
