import { Directive, Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf, DateTime, Violation } from '../../platform/graphqlTypes.js';
import { DELIVERY_STATUSES } from './delivery.js';
import { KINDS } from './templates.js';
import { THREAD_STATUSES } from './thread.js';

const enumOf = <T extends string>(values: readonly T[]) => Object.fromEntries(values.map((value) => [value, value])) as { [K in T]: K };

export const ThreadStatus = enumOf(THREAD_STATUSES);
export const MessageDirection = enumOf(['INBOUND', 'OUTBOUND'] as const);
export const NotificationKind = enumOf(KINDS);
export const DeliveryStatus = enumOf(DELIVERY_STATUSES);

registerEnumType(ThreadStatus, {
  name: 'ThreadStatus',
  description: 'OPEN waits for us, PENDING for the customer, CLOSED for nobody; a new mail of a person opens it again.',
});
registerEnumType(MessageDirection, { name: 'MessageDirection', description: 'INBOUND came to us, OUTBOUND went from us.' });
registerEnumType(NotificationKind, {
  name: 'NotificationKind',
  description: 'What a notification is about. More kinds may be added: show `title` and `body` of those that you do not know.',
});
registerEnumType(DeliveryStatus, {
  name: 'DeliveryStatus',
  description:
    'PENDING is to be sent (again), SENT was taken by the provider, DELIVERED reached the mailbox, BOUNCED came back, COMPLAINED was called spam, ' +
    'DEAD failed for good until somebody retries it, SKIPPED was not sent because the person has no address or the address gets no mail, ' +
    'DISCARDED was given up by an admin.',
});

@ObjectType({ description: 'A person. Owned by identity.' })
@Directive('@key(fields: "id")')
export class User {
  @Field(() => ID, { description: 'Id of the person: `usr_…`.' })
  id!: string;
}

@ObjectType({ description: 'A rental. Owned by booking.' })
@Directive('@key(fields: "id")')
export class Booking {
  @Field(() => ID, { description: 'Id of the booking: `bkg_…`.' })
  id!: string;
}

@ObjectType({ description: 'A ride. Owned by dispatch.' })
@Directive('@key(fields: "id")')
export class Trip {
  @Field(() => ID, { description: 'Id of the trip: `trp_…`.' })
  id!: string;
}

@ObjectType({ description: 'Whom a thread is with.' })
export class ThreadParticipant {
  @Field({ description: 'Their e-mail address.' })
  address!: string;

  @Field(() => String, { nullable: true, description: 'The name that they write with; anybody can write any name.' })
  name!: string | null;
}

@ObjectType({ description: 'One mail of a thread.' })
export class Message {
  @Field(() => ID, { description: 'Id of the message: `msg_…`.' })
  id!: string;

  @Field(() => MessageDirection, { description: 'To us or from us.' })
  direction!: keyof typeof MessageDirection;

  @Field({ description: 'Written by a machine, such as an out-of-office note or one of our own notices.' })
  automatic!: boolean;

  @Field({ description: 'Its subject.' })
  subject!: string;

  @Field({ description: 'The mail as plain text.' })
  text!: string;

  @Field(() => DateTime, { description: 'When we got it, or when it was written.' })
  sentAt!: Date;

  /** For the field resolvers; not part of the schema. */
  source!: { html: string | null; deliveryId: string | null; authorId: string | null };
}

@ObjectType({ description: 'A conversation by mail with one person. For staff.' })
@Directive('@key(fields: "id")')
@Directive('@key(fields: "ref")')
export class Thread {
  @Field(() => ID, { description: 'Id of the thread: `thr_…`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => ID, { description: 'The id, as `node` hands it over.' })
  ref!: string;

  @Field({ description: 'Subject of its first mail.' })
  subject!: string;

  @Field(() => ThreadStatus, { description: 'Who has to do something.' })
  status!: keyof typeof ThreadStatus;

  @Field({ description: 'Whether something came in that nobody has answered or marked as read.' })
  unread!: boolean;

  @Field(() => ThreadParticipant, { description: 'Whom it is with.' })
  participant!: ThreadParticipant;

  @Field(() => DateTime, { description: 'When the last mail came or went.' })
  lastMessageAt!: Date;

  @Field(() => User, { nullable: true, description: 'Whose address it is, as far as we know from mails that we sent there. Senders of mail can be forged.' })
  user!: User | null;

  @Field(() => Booking, { nullable: true, description: 'The rental that it is about.' })
  booking!: Booking | null;

  @Field(() => Trip, { nullable: true, description: 'The ride that it is about.' })
  trip!: Trip | null;

  /** For the field resolvers; not part of the schema. */
  uuid!: string;
}

@ObjectType({ description: 'Something that a person is told inside the app.' })
export class Notification {
  @Field(() => ID, { description: 'Id of the notification: `ntf_…`.' })
  id!: string;

  @Field(() => NotificationKind, { description: 'What kind of news it is.' })
  kind!: keyof typeof NotificationKind;

  @Field({ description: 'One line.' })
  title!: string;

  @Field({ description: 'One or two sentences.' })
  body!: string;

  @Field(() => ID, { nullable: true, description: 'Id of the booking, trip, withdrawal or deposit that it is about; `node` finds it.' })
  about!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was marked as read; null while it is not.' })
  readAt!: Date | null;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;
}

@ObjectType({ description: 'One call of the provider that went wrong.' })
export class DeliveryFailure {
  @Field(() => Int, { description: 'Which attempt, from 1; counted anew after a retry by hand.' })
  attempt!: number;

  @Field(() => DateTime, { description: 'When.' })
  at!: Date;

  @Field({ description: 'What the provider answered, or that it did not.' })
  reason!: string;
}

@ObjectType({ description: 'A mail of ours on its way. For admins.' })
export class MailDelivery {
  @Field(() => ID, { description: 'Id of the delivery: `dlv_…`.' })
  id!: string;

  @Field({ description: 'What mail it is: a notification kind, or `REPLY`.' })
  kind!: string;

  @Field(() => DeliveryStatus, { description: 'How far it is.' })
  status!: keyof typeof DeliveryStatus;

  @Field(() => String, { nullable: true, description: 'Where it goes; null before the first attempt.' })
  toAddress!: string | null;

  @Field(() => User, { nullable: true, description: 'Whom it is for; null for answers to an address.' })
  toUser!: User | null;

  @Field(() => String, { nullable: true, description: 'Why it was skipped: `NO_ADDRESS` or `SUPPRESSED`.' })
  skipReason!: string | null;

  @Field(() => Int, { description: 'Attempts so far, since it was made or last retried by hand.' })
  attempts!: number;

  @Field(() => DateTime, { nullable: true, description: 'When the next attempt is due, or the running one counts as lost; null when there is none to come.' })
  nextAttemptAt!: Date | null;

  @Field(() => String, { nullable: true, description: 'What went wrong the last time.' })
  lastError!: string | null;

  @Field(() => [DeliveryFailure], { description: 'What went wrong so far, the last twenty times.' })
  failures!: DeliveryFailure[];

  @Field(() => String, { nullable: true, description: "The provider's id of the mail." })
  providerId!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When the provider took it.' })
  sentAt!: Date | null;

  @Field(() => DateTime, { description: 'When it was put down to be sent.' })
  createdAt!: Date;
}

export const ThreadConnection = connectionOf('Thread', () => Thread);
export const NotificationConnection = connectionOf('Notification', () => Notification);
export const MailDeliveryConnection = connectionOf('MailDelivery', () => MailDelivery);

@InputType({ description: 'What threads have to be like; everything that is given must hold.' })
export class ThreadFilter {
  @Field(() => ThreadStatus, { nullable: true, description: 'Of this status.' })
  status?: keyof typeof ThreadStatus;

  @Field(() => Boolean, { nullable: true, description: 'Only those with something unread, or only those without.' })
  unread?: boolean;

  @Field(() => String, {
    nullable: true,
    description: "Words, or parts of them, that all occur in the subject, the participant's name or address, or a message.",
  })
  text?: string;
}

@InputType({ description: 'An answer to the participant of a thread.' })
export class ReplyInput {
  @Field(() => ID, { description: 'Which thread.' })
  threadId!: string;

  @Field({ description: 'The answer, plain text of at most 20,000 characters.' })
  text!: string;

  @Field(() => ID, { nullable: true, description: 'New for each intent: the same key again does not send the answer twice.' })
  idempotencyKey?: string;
}

@ObjectType({ description: 'What is wrong in the whole system.' })
@Directive('@key(fields: "id")')
export class SystemHealth {
  @Field(() => ID, { description: 'Always `system`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => [Violation], { description: "Inbox's part of `violations`." })
  inboxViolations!: Violation[];
}
