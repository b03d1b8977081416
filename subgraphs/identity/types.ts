import { Directive, Field, ID, InputType, InterfaceType, ObjectType, registerEnumType } from 'type-graphql';
import { ROLES } from '../../platform/actor.js';
import { DateTime, Violation } from '../../platform/graphqlTypes.js';

const enumOf = <T extends string>(values: readonly T[]) => Object.fromEntries(values.map((value) => [value, value])) as { [K in T]: K };
export const Role = enumOf(ROLES);
export const SignUpRole = enumOf(['CUSTOMER', 'DRIVER'] as const);
registerEnumType(Role, { name: 'Role', description: 'What a person may do.' });
registerEnumType(SignUpRole, { name: 'SignUpRole', description: 'Roles that one can give oneself; the others are granted.' });

@InterfaceType({ description: 'Anything with an id that `node` finds.', autoRegisterImplementations: false })
export abstract class Node {
  @Field(() => ID, { description: 'The id; its prefix says what it is of.' })
  id!: string;
}

@ObjectType({ implements: Node, description: 'A person: customer, driver or staff.' })
@Directive('@key(fields: "id")')
export class User extends Node {
  @Field({ description: 'What they are called. Visible to people on the same trip or booking.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'E-mail address. For oneself and admins.' })
  email!: string | null;

  @Field(() => String, { nullable: true, description: 'Phone number in E.164. For oneself and admins.' })
  phone!: string | null;

  @Field(() => [Role], { nullable: true, description: 'What they may do. For oneself and admins.' })
  roles!: (keyof typeof Role)[] | null;

  /** Set when this person has just proved who they are; not part of the schema. */
  profile?: { email: string | null; phone: string | null; roles: string[] };
}

/**
 * Things of other subgraphs that `node` finds. Their key is `ref`, not `id`: so that `id` itself has to come from the owner, who answers null for
 * what does not exist or is not the asker's.
 */
export function pointerTo(name: string) {
  @ObjectType(name, { implements: Node })
  @Directive('@key(fields: "ref", resolvable: false)')
  class Pointer {
    @Directive('@external')
    @Field(() => ID)
    id!: string;

    @Directive('@inaccessible')
    @Field(() => ID)
    ref!: string;

    constructor(id: string) {
      this.ref = id;
    }
  }
  return Pointer;
}

@ObjectType({ description: 'The driver of a shared trip, as far as those who wait at the kerb have to know.' })
@Directive('@key(fields: "ref")')
export class SharedDriver {
  @Directive('@inaccessible')
  @Field(() => ID, { description: 'Whom it is about.' })
  ref!: string;

  @Field({ description: "The driver's first name." })
  firstName!: string;
}

@ObjectType({ description: 'A device on which somebody is signed in.' })
export class SignedInDevice {
  @Field(() => ID, { description: 'Id of the session: `ses_…`.' })
  id!: string;

  @Field({ description: 'Whether it is the one that asks.' })
  current!: boolean;

  @Field(() => DateTime, { description: 'When it signed in.' })
  signedInAt!: Date;

  @Field(() => DateTime, { description: 'When it is signed out unless it is used before.' })
  expiresAt!: Date;
}

@ObjectType({ description: 'A sign-in on one device.' })
export class Session {
  @Field({ description: 'Send it as `Authorization: Bearer …`; good for 15 minutes.' })
  accessToken!: string;

  @Field({ description: 'Good once, for `refreshSession`, within 30 days. Using an old one again ends the session.' })
  refreshToken!: string;

  @Field(() => DateTime, { description: 'When the access token expires.' })
  expiresAt!: Date;

  @Field(() => User, { description: 'Who is signed in.' })
  user!: User;
}

@InputType({ description: 'A new account: e-mail or phone or both.' })
export class SignUpInput {
  @Field({ nullable: true, description: 'E-mail address.' })
  email?: string;

  @Field({ nullable: true, description: 'Phone number; Egyptian unless it begins with a country code.' })
  phone?: string;

  @Field({ description: 'At least 8 characters with a letter and a digit, and not one of the common ones.' })
  password!: string;

  @Field({ description: 'What others on a trip or booking see.' })
  name!: string;

  @Field(() => SignUpRole, { description: 'To rent and ride, or to drive.' })
  role!: keyof typeof SignUpRole;
}

@InputType({ description: 'Either e-mail or phone, and the password.' })
export class SignInInput {
  @Field({ nullable: true, description: 'E-mail address.' })
  email?: string;

  @Field({ nullable: true, description: 'Phone number.' })
  phone?: string;

  @Field({ description: 'The password.' })
  password!: string;
}

const PARTS = ['fleetViolations', 'bookingViolations', 'paymentsViolations', 'dispatchViolations', 'inboxViolations'] as const;
const REQUIRED = PARTS.map((part) => `${part} { kind reference since }`).join(' ');

@ObjectType({ description: 'What is wrong in the whole system. For admins.' })
@Directive('@key(fields: "id")')
export class SystemHealth {
  @Field(() => ID, { description: 'Always `system`.' })
  id!: string;

  @Directive(`@requires(fields: "${REQUIRED}")`)
  @Field(() => [Violation], { description: 'Invariants that do not hold at present. Empty when all is well.' })
  violations!: Violation[];

  @Directive('@external')
  @Field(() => [Violation])
  fleetViolations!: Violation[];

  @Directive('@external')
  @Field(() => [Violation])
  bookingViolations!: Violation[];

  @Directive('@external')
  @Field(() => [Violation])
  paymentsViolations!: Violation[];

  @Directive('@external')
  @Field(() => [Violation])
  dispatchViolations!: Violation[];

  @Directive('@external')
  @Field(() => [Violation])
  inboxViolations!: Violation[];
}
