import { uuidOf } from '../../platform/ids.js';
import { anyone, only, onlyOwner, type Permissions, signedIn } from '../../platform/permissions.js';
import type { SameForAll } from '../../platform/sameForAll.js';
import type { User } from './types.js';

const self = onlyOwner(
  (user: User) => uuidOf('usr', user.id),
  (user) => user.profile !== undefined,
);

export const identityPermissions: Permissions = {
  Query: {
    me: signedIn,
    node: anyone,
    systemHealth: only('ADMIN'),
  },
  Mutation: {
    signUp: anyone,
    signIn: anyone,
    refreshSession: anyone,
    signOut: signedIn,
    signOutEverywhere: signedIn,
  },
  User: {
    email: self,
    phone: self,
    roles: self,
    devices: self,
  },
};

/** Whoever reaches a person over a checked edge may know the name; all else depends on who asks (ID-07b). */
export const identitySameForAll: SameForAll = { User: ['id', 'name'] };
