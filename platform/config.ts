import { z } from 'zod';

/** Thrown at start-up for an environment that cannot work; its message is one readable line per variable. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/**
 * Parses environment variables once, at start. An empty string counts as not set, as in `.env` files.
 * @throws ConfigError that names each variable and what it should hold; values are not repeated, they may be secrets
 */
export function parseEnvironment<S extends z.ZodType>(schema: S, env: NodeJS.ProcessEnv): z.output<S> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || 'environment'}: ${issue.message}`);
  throw new ConfigError(`The environment is not complete:\n${lines.join('\n')}\nSee .env.example for what each variable means.`);
}

export const port = (fallback: number) =>
  z.coerce.number('must be a port number').int('must be a whole number').min(0, 'must be 0 to 65535').max(65_535, 'must be 0 to 65535').default(fallback);

export const postgresUrl = z
  .string()
  .refine((value) => /^postgres(ql)?:\/\/[^/]+/.test(value) && URL.canParse(value), 'must be a URL such as postgres://user:password@host:5432/');

export const redisUrl = z.string().refine((value) => /^rediss?:\/\//.test(value) && URL.canParse(value), 'must be a URL such as redis://host:6379');

/** A key that signs things between our own processes. In production it has to be given, and long enough not to be guessed. */
export const secret = z.string().min(32, 'must be at least 32 characters');
