import type { ExecutionResult, GraphQLError, GraphQLFormattedError } from 'graphql';

/**
 * The errors of a subgraph's answer in the form that GraphQL promises, whatever they came as: a list of objects, each with a message and, where
 * they are of the right kind, a path and extensions. What is none of that says nothing of use, but that something went wrong.
 */
export function soundErrors(errors: unknown): GraphQLFormattedError[] {
  if (errors === undefined || errors === null) return [];
  return (Array.isArray(errors) ? (errors as unknown[]) : [errors]).map(soundError);
}

/** The same answer, with errors that are sound. */
export function soundAnswer(result: ExecutionResult): ExecutionResult {
  if (result.errors === undefined) return result;
  const { errors: given, ...rest } = result;
  const errors = soundErrors(given) as unknown as GraphQLError[];
  return errors.length > 0 ? { ...rest, errors } : rest;
}

function soundError(error: unknown): GraphQLFormattedError {
  if (typeof error !== 'object' || error === null) return { message: typeof error === 'string' ? error : '' };
  const { message, path, extensions } = error as Record<string, unknown>;
  const isSound = typeof message === 'string' && (path === undefined || isPath(path)) && (extensions === undefined || isObject(extensions));
  // An error of graphql-js knows its cause, which the log wants.
  if (isSound) return error as GraphQLFormattedError;
  return {
    message: typeof message === 'string' ? message : '',
    ...(isPath(path) && { path }),
    ...(isObject(extensions) && { extensions }),
  };
}

function isPath(path: unknown): path is readonly (string | number)[] {
  return Array.isArray(path) && path.every((part) => typeof part === 'string' || (Number.isInteger(part) && part >= 0));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
