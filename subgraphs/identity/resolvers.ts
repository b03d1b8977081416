import DataLoader from 'dataloader';
import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { isSelfOrPrivileged, systemActor, userIdOf } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import { Refusal } from '../../platform/errors.js';
import { Violation } from '../../platform/graphqlTypes.js';
import { publicId, uuidOf } from '../../platform/ids.js';
import { inTransaction, type Tx } from '../../platform/postgres.js';
import { undeliveredEvents } from '../../platform/violations.js';
import {
  audit,
  findForSignIn,
  type OpenedSession,
  passwordFits,
  prepareSignUp,
  readSignIn,
  recordFailure,
  refreshSession,
  revokeAllSessions,
  revokeSession,
  signIn,
  signUp,
} from './commands.js';
import { liveSessions, namesByIds, type Profile, profilesByIds } from './queries.js';
import { ACCESS_TOKEN_LIFETIME_S, type TokenIssuer } from './tokens.js';
import { Node, pointerTo, Session, SignedInDevice, SignInInput, SignUpInput, SystemHealth, User } from './types.js';

export interface IdentityLoaders {
  /** Names, for references whose edge has checked that the asker may know them. */
  name: DataLoader<string, string | null>;
  /** Everything else, as row-level security lets the asker see it. */
  profile: DataLoader<string, Profile | null>;
  tokens: TokenIssuer;
}

export function identityLoaders(tokens: TokenIssuer) {
  return (run: Context['run']): IdentityLoaders => ({
    tokens,
    name: new DataLoader(async (ids) => {
      const names = new Map((await run((tx) => namesByIds(tx.orm, ids))).map((row) => [row.id, row.name]));
      return ids.map((id) => names.get(id) ?? null);
    }),
    profile: new DataLoader(async (ids) => {
      const profiles = new Map((await run((tx) => profilesByIds(tx.orm, ids))).map((row) => [row.id, row]));
      return ids.map((id) => profiles.get(id) ?? null);
    }),
  });
}

/** What `node` finds in other subgraphs, by the prefix of its id. */
export const POINTERS = {
  veh: pointerTo('Vehicle'),
  stn: pointerTo('Station'),
  bkg: pointerTo('Booking'),
  dep: pointerTo('Deposit'),
  wdr: pointerTo('Withdrawal'),
  trp: pointerTo('Trip'),
  drv: pointerTo('Driver'),
  thr: pointerTo('Thread'),
} as const;

export function toUser(person: { id: string; name: string }): User {
  return Object.assign(new User(), { id: publicId('usr', person.id), name: person.name });
}

type Ctxt = Context<IdentityLoaders>;

@Resolver(() => User)
export class UserResolver {
  @Query(() => User, { nullable: true, description: 'The person who is signed in.' })
  async me(@Ctx() ctx: Ctxt): Promise<User | null> {
    const id = userIdOf(ctx.actor);
    const profile = id ? await ctx.loaders.profile.load(id) : null;
    return profile ? toUser(profile) : null;
  }

  @FieldResolver(() => String, { nullable: true })
  async email(@Root() user: User, @Ctx() ctx: Ctxt): Promise<string | null> {
    return (await profileOf(user, ctx))?.email ?? null;
  }

  @FieldResolver(() => String, { nullable: true })
  async phone(@Root() user: User, @Ctx() ctx: Ctxt): Promise<string | null> {
    return (await profileOf(user, ctx))?.phone ?? null;
  }

  @FieldResolver()
  async roles(@Root() user: User, @Ctx() ctx: Ctxt): Promise<User['roles']> {
    return ((await profileOf(user, ctx))?.roles as User['roles']) ?? null;
  }

  @FieldResolver(() => [SignedInDevice], { nullable: true, description: 'Devices on which they are signed in, the newest first. For oneself and admins.' })
  async devices(@Root() user: User, @Ctx() ctx: Ctxt): Promise<SignedInDevice[]> {
    const own = ctx.actor.kind === 'USER' ? ctx.actor.sessionId : null;
    const rows = await ctx.run((tx) => liveSessions(tx.orm, uuidOf('usr', user.id) ?? '', tx.now));
    return rows.map((row) => ({ id: publicId('ses', row.id), current: row.id === own, signedInAt: row.createdAt, expiresAt: row.expiresAt }));
  }

  @Query(() => Node, { nullable: true, description: 'Anything by its id, whatever it is; null when there is none or when it is not yours.' })
  async node(@Arg('id', () => ID, { description: 'Any id of this graph.' }) id: string, @Ctx() ctx: Ctxt): Promise<Node | null> {
    const userId = uuidOf('usr', id);
    if (userId) {
      if (!isSelfOrPrivileged(ctx.actor, userId)) return null;
      const profile = await ctx.loaders.profile.load(userId);
      return profile ? toUser(profile) : null;
    }
    const prefix = id.split('_')[0] as keyof typeof POINTERS;
    const Pointer = POINTERS[prefix];
    return Pointer && uuidOf(prefix, id) ? (new Pointer(id) as Node) : null;
  }
}

const profileOf = async (user: User, ctx: Ctxt) => user.profile ?? ctx.loaders.profile.load(uuidOf('usr', user.id) ?? '');

@Resolver()
export class SessionResolver {
  @Mutation(() => Session, { description: 'Makes an account and signs in. CONFLICT when the address or number is taken.' })
  async signUp(@Arg('input', () => SignUpInput, { description: 'The account.' }) input: SignUpInput, @Ctx() ctx: Ctxt): Promise<Session> {
    const person = await prepareSignUp(input);
    return toSession(await asSystem(ctx, 'signUp', (tx) => signUp(tx, person)), ctx);
  }

  @Mutation(() => Session, { description: 'Signs in. UNAUTHENTICATED when account and password do not belong together; RATE_LIMITED after many failures.' })
  async signIn(@Arg('input', () => SignInInput, { description: 'Account and password.' }) input: SignInInput, @Ctx() ctx: Ctxt): Promise<Session> {
    const attempt = readSignIn(input);
    const user = await asSystem(ctx, 'signIn', (tx) => findForSignIn(tx, attempt));
    if (!(await passwordFits(user, attempt.password)) || !user) throw await asSystem(ctx, 'signIn', (tx) => recordFailure(tx, attempt, user));
    return toSession(await asSystem(ctx, 'signIn', (tx) => signIn(tx, attempt, user)), ctx);
  }

  @Mutation(() => Session, { description: 'Trades a refresh token for new tokens. Each is good once.' })
  async refreshSession(@Arg('refreshToken', () => String, { description: 'The newest one.' }) refreshToken: string, @Ctx() ctx: Ctxt): Promise<Session> {
    const outcome = await asSystem(ctx, 'refreshSession', (tx) => refreshSession(tx, refreshToken));
    if (outcome instanceof Refusal) throw outcome;
    return toSession(outcome, ctx);
  }

  @Mutation(() => Boolean, { description: 'Ends this session: its refresh token is good no more, its access token until it expires.' })
  async signOut(@Ctx() ctx: Ctxt): Promise<boolean> {
    const { actor } = ctx;
    if (actor.kind !== 'USER' || !actor.sessionId) return true;
    const { id, sessionId } = actor;
    await ctx.run(async (tx) => {
      await revokeSession(tx, sessionId, 'SIGNED_OUT');
      await audit(tx, id, 'SIGNED_OUT');
    });
    return true;
  }

  @Mutation(() => Boolean, { description: 'Ends all your sessions, on every device. Access tokens stay good until they expire.' })
  async signOutEverywhere(@Ctx() ctx: Ctxt): Promise<boolean> {
    const id = userIdOf(ctx.actor);
    if (!id) return true;
    await ctx.run(async (tx) => {
      await revokeAllSessions(tx, id);
      await audit(tx, id, 'SIGNED_OUT_EVERYWHERE');
    });
    return true;
  }
}

/** Who signs in is nobody yet: accounts are looked up as a job of ours, which row-level security lets through. */
function asSystem<T>(ctx: Ctxt, command: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  return inTransaction(systemActor(`identity.${command}`), ctx.db, { traceId: ctx.caller.traceId, causationId: ctx.caller.traceId }, work);
}

async function toSession(opened: OpenedSession, ctx: Ctxt): Promise<Session> {
  const { user, sessionId, refreshToken } = opened;
  const now = ctx.db.clock();
  const accessToken = await ctx.loaders.tokens.sign({ userId: user.id, roles: user.roles, sessionId }, now);
  return Object.assign(new Session(), {
    accessToken,
    refreshToken,
    expiresAt: new Date(now.getTime() + ACCESS_TOKEN_LIFETIME_S * 1000),
    user: Object.assign(toUser(user), { profile: { email: user.email, phone: user.phone, roles: user.roles } }),
  });
}

@Resolver(() => SystemHealth)
export class SystemHealthResolver {
  @Query(() => SystemHealth, { description: 'What is wrong in the whole system. For admins.' })
  systemHealth(): SystemHealth {
    return Object.assign(new SystemHealth(), { id: 'system' });
  }

  @FieldResolver(() => [Violation])
  async violations(@Root() health: SystemHealth, @Ctx() ctx: Ctxt): Promise<Violation[]> {
    const own = await ctx.run(undeliveredEvents);
    const parts = [health.fleetViolations, health.bookingViolations, health.paymentsViolations, health.dispatchViolations, health.inboxViolations];
    return [...own, ...parts.flatMap((part) => part ?? [])].map((violation) => ({ ...violation, since: new Date(violation.since) }));
  }
}
