import { type Logger, pino } from 'pino';

export type Log = Logger;

/**
 * Names whose values never reach a log: secrets, and personal data (PF-20). Matched at the top and one and two levels down, which is as
 * deep as our own log calls go; pass ids, not entities.
 */
const SECRET_NAMES = [
  'password',
  'accessToken',
  'refreshToken',
  'token',
  'secret',
  'authorization',
  'cookie',
  'apiKey',
  'email',
  'phone',
  'name',
  'accountNumber',
  'paymentToken',
  'text',
  'html',
];
const redact = SECRET_NAMES.flatMap((name) => [`*.${name}`, `*.*.${name}`, ...(name === 'name' ? [] : [name])]);

/** JSON lines on stdout in production; `level: 'silent'` in tests that do not look at them. */
export function createLog(options: { service: string; level: string; destination?: { write(line: string): void } }): Log {
  const settings = {
    level: options.level,
    base: { service: options.service },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: redact, censor: '[redacted]' },
  };
  return options.destination ? pino(settings, options.destination) : pino(settings);
}
