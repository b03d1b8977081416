import { createHash } from 'node:crypto';
import { parsePhoneNumberFromString } from 'libphonenumber-js';
import { z } from 'zod';

/** Passwords that meet the rule and are guessed first all the same; compared in lower case. From the usual lists of leaked ones. */
const COMMON_PASSWORDS = new Set(
  `password1 password12 password123 passw0rd p@ssw0rd1 qwerty123 qwerty12 qwerty1234 abc12345 abcd1234 a1234567 a12345678 1q2w3e4r 1qaz2wsx 1q2w3e4r5t
  q1w2e3r4 q1w2e3r4t5 zaq12wsx asdf1234 zxcv1234 iloveyou1 welcome1 welcome123 admin123 admin1234 letmein1 monkey123 dragon123 football1 baseball1
  superman1 princess1 sunshine1 michael1 123456789a 12345678a 1234567a 123456aa aa123456 aa12345678 trustno1 changeme1 secret123 test1234 user1234 cairo2024
  cairo123 egypt123 ahmed123 mohamed1 mohamed123`.split(/\s+/),
);

const password = z
  .string()
  .min(8, 'must have at least 8 characters')
  .max(200, 'must not be longer than 200 characters')
  .refine((value) => /\p{L}/u.test(value) && /\d/.test(value), 'must have a letter and a digit')
  .refine((value) => !COMMON_PASSWORDS.has(value.toLowerCase()), 'is one of the passwords that are guessed first; choose another');

const email = z.string().trim().toLowerCase().max(254).pipe(z.email('must be an e-mail address'));

/** Phone numbers are read as Egyptian unless they begin with a country code, and kept in E.164. */
const phone = z
  .string()
  .max(40)
  .transform((value, context) => {
    const parsed = parsePhoneNumberFromString(value, 'EG');
    if (parsed?.isValid()) return parsed.number as string;
    context.addIssue({ code: 'custom', message: 'must be a phone number, such as +201001234567' });
    return z.NEVER;
  });

export const signUpSchema = z
  .object({
    email: email.nullish(),
    phone: phone.nullish(),
    password,
    name: z.string().trim().min(1, 'must not be empty').max(100),
    role: z.enum(['CUSTOMER', 'DRIVER'], 'must be CUSTOMER or DRIVER'),
  })
  .refine((input) => input.email || input.phone, { message: 'give an e-mail address or a phone number', path: ['email'] });

/** Sign-in is lenient about form: what cannot be an account is simply not found. */
export const signInSchema = z
  .object({ email: z.string().trim().toLowerCase().max(254).nullish(), phone: z.string().max(40).nullish(), password: z.string().max(200) })
  .refine((input) => Boolean(input.email) !== Boolean(input.phone), { message: 'give either `email` or `phone`', path: ['email'] });

/** E.164, or the text itself when it is no number: then nobody is found. */
export function normalisePhone(text: string): string {
  return parsePhoneNumberFromString(text, 'EG')?.number ?? text;
}

const FREE_FAILURES = 5;
const MAX_BLOCK_S = 900;

/** Seconds for which an account cannot be tried after so many failures in a row: none for the first five, then 1, 2, 4 … up to 15 min (ID-03). */
export function blockSeconds(failures: number): number {
  return failures < FREE_FAILURES ? 0 : Math.min(2 ** (failures - FREE_FAILURES), MAX_BLOCK_S);
}

/** SHA-256 in base64url: refresh tokens are random enough to need no slow hash. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
