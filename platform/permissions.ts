import { allow, type IRules, rule } from 'graphql-shield';
import { type Actor, hasRole, type Role } from './actor.js';
import { Refusal, refusalToGraphQLError } from './errors.js';

/** What the rules of graphql-shield look at. */
interface WithActor {
  actor: Actor;
}

const signInFirst = () => refusalToGraphQLError(new Refusal('UNAUTHENTICATED', 'Sign in first: send `Authorization: Bearer <access token>`.'));

/** Anybody, signed in or not. */
export const anyone = allow;

/** Any signed-in person; jobs of ours too. */
export const signedIn = rule()((_parent, _args, { actor }: WithActor) => actor.kind === 'USER' || actor.kind === 'SYSTEM' || signInFirst());

/** Only people with one of the roles; jobs of ours too. */
export function only(...roles: Role[]) {
  return rule()((_parent, _args, { actor }: WithActor) => {
    if (actor.kind === 'SYSTEM' || hasRole(actor, ...roles)) return true;
    if (actor.kind === 'ANONYMOUS') return signInFirst();
    return refusalToGraphQLError(new Refusal('FORBIDDEN', `This needs the role ${roles.join(' or ')}.`, { details: { roles } }));
  });
}

/** Only service keys with the scope; jobs of ours too. */
export function onlyScope(scope: string) {
  return rule()((_parent, _args, { actor }: WithActor) => {
    if (actor.kind === 'SYSTEM' || (actor.kind === 'SERVICE' && actor.scopes.includes(scope))) return true;
    if (actor.kind === 'ANONYMOUS') return signInFirst();
    return refusalToGraphQLError(new Refusal('FORBIDDEN', `This needs an API key with the scope ${scope}.`, { details: { scope } }));
  });
}

/**
 * For a field that shows personal data (ID-07b): the parent says whose it is, and the field is for that person, admins and jobs.
 * `ownerOf` gives the owner's UUID. `disclosed` says that the parent was handed to its owner already, as a new session's user is.
 */
export function onlyOwner<P>(ownerOf: (parent: P) => string | null, disclosed: (parent: P) => boolean = () => false) {
  return rule()((parent: P, _args, { actor }: WithActor) => {
    if (actor.kind === 'SYSTEM' || hasRole(actor, 'ADMIN') || disclosed(parent)) return true;
    const owner = ownerOf(parent);
    if (owner !== null && actor.kind === 'USER' && actor.id === owner) return true;
    return refusalToGraphQLError(new Refusal('FORBIDDEN', 'This is visible to the person it is about, and to admins.'));
  });
}

/** One rule per root field, and per field that reaches personal data. */
export type Permissions = IRules & object;
