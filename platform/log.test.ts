import { expect, test } from 'vitest';
import { createLog } from './log.js';

test('PF-20: secrets and personal data do not reach the log, at the top and two levels down', () => {
  const lines: string[] = [];
  const log = createLog({ service: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } });
  const secret = 'do-not-show-this';
  const personal = { password: secret, email: secret, phone: secret, accessToken: secret, authorization: secret, accountNumber: secret };
  log.info({ ...personal, traceId: 'abc' }, 'top');
  log.info({ input: { ...personal, name: secret } }, 'one below');
  log.info({ call: { input: { ...personal, name: secret } } }, 'two below');
  expect(lines).toHaveLength(3);
  expect(lines.join('')).not.toContain(secret);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ service: 'test', traceId: 'abc', msg: 'top', password: '[redacted]' });
});
