import { sql } from 'drizzle-orm';
import { index, integer, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** People. E-mail is kept in lower case, phone in E.164; at least one of them is there. */
export const users = pgTable(
  'users',
  {
    id: uuid('id').primaryKey(),
    email: text('email'),
    phone: text('phone'),
    name: text('name').notNull(),
    passwordHash: text('password_hash').notNull(),
    roles: text('roles').array().notNull(),
    createdAt: at('created_at').notNull(),
  },
  (t) => [uniqueIndex('users_email').on(t.email).where(sql`email is not null`), uniqueIndex('users_phone').on(t.phone).where(sql`phone is not null`)],
);

/** One sign-in on one device: the family of its refresh tokens. */
export const sessions = pgTable(
  'sessions',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    createdAt: at('created_at').notNull(),
    expiresAt: at('expires_at').notNull(),
    revokedAt: at('revoked_at'),
    revokedBecause: text('revoked_because'),
  },
  (t) => [index('sessions_user').on(t.userId)],
);

/** Refresh tokens by their SHA-256; a used one stays, so that its reuse can be told from nonsense (ID-02). */
export const refreshTokens = pgTable(
  'refresh_tokens',
  {
    hash: text('hash').primaryKey(),
    sessionId: uuid('session_id')
      .notNull()
      .references(() => sessions.id),
    createdAt: at('created_at').notNull(),
    usedAt: at('used_at'),
  },
  (t) => [index('refresh_tokens_session').on(t.sessionId)],
);

/** Failed sign-ins per account name (hashed: the name may be a typing error of a password). */
export const signInFailures = pgTable('sign_in_failures', {
  account: text('account').primaryKey(),
  failures: integer('failures').notNull(),
  blockedUntil: at('blocked_until').notNull(),
});

/** Keys that sign access tokens; the private half is encrypted. The newest signs, the others still verify until they are retired (ID-06). */
export const signingKeys = pgTable('signing_keys', {
  kid: text('kid').primaryKey(),
  publicJwk: text('public_jwk').notNull(),
  privateJwkSealed: text('private_jwk_sealed').notNull(),
  createdAt: at('created_at').notNull(),
  retiresAt: at('retires_at'),
});

/** Who did what (ID-09); append-only. */
export const auditEvents = pgTable(
  'audit_events',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id'),
    kind: text('kind').notNull(),
    actor: text('actor').notNull(),
    traceId: text('trace_id').notNull(),
    at: at('at').notNull(),
  },
  (t) => [index('audit_events_user').on(t.userId, t.at)],
);
