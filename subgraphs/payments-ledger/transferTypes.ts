import { Directive, Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { CalendarDate, connectionOf, DateTime, Money, MoneyInput } from '../../platform/graphqlTypes.js';
import { DEPOSIT_STATUSES } from './deposit.js';
import { DISCREPANCY_KINDS, DISCREPANCY_STATUSES } from './reconciliation.js';
import { enumOf, User } from './types.js';
import { WITHDRAWAL_METHODS, WITHDRAWAL_STATUSES } from './withdrawal.js';

export const DepositStatus = enumOf(DEPOSIT_STATUSES);
export const WithdrawalStatusEnum = enumOf(WITHDRAWAL_STATUSES);
export const WithdrawalMethod = enumOf(WITHDRAWAL_METHODS);
export const DiscrepancyKindEnum = enumOf(DISCREPANCY_KINDS);

registerEnumType(DepositStatus, {
  name: 'DepositStatus',
  description:
    'PENDING: not paid yet. COMPLETED: in the wallet. DECLINED: not paid. FLAGGED: paid with another amount; it is credited when the right word comes after all, or when an admin has decided. REVERSED: an admin has taken it back out of the wallet.',
});
registerEnumType(WithdrawalStatusEnum, {
  name: 'WithdrawalStatus',
  description:
    'REQUESTED: the money is held. APPROVED: on its way. PAID: sent. REJECTED: refused with a reason; the money is back in the wallet. ' +
    'FAILED: the bank refused it; the money is back in the wallet.',
});
registerEnumType(WithdrawalMethod, { name: 'WithdrawalMethod', description: 'Where the money goes: a bank account, or a mobile wallet.' });
registerEnumType(DiscrepancyKindEnum, {
  name: 'DiscrepancyKind',
  description:
    'LEDGER_UNBALANCED: accounts do not add up to zero. BALANCE_MISMATCH: a balance is not the sum of its entries. HOLDS_MISMATCH: what is set aside is not what holds say. CHAIN_BROKEN: an entry was changed. ' +
    'TRIP_NOT_SETTLED, BOOKING_NOT_PAID: done or confirmed without its money. ' +
    'CANCELLED_WITH_MONEY: more than the fee is left. HOLD_OVERDUE: set aside for too long. GATEWAY_CALL_OVERDUE: no answer for an hour. REFUND_REFUSED: the gateway will not give money back to a card. SETTLEMENT_AMOUNT: a trip or booking is on the books with another amount than it costs. RECEIVABLE_MISMATCH: what a person owes is not what the payments say. WEBHOOK_UNKNOWN_ORDER: paid, and not for an order of ours. ' +
    'DEPOSIT_NOT_POSTED, PAYOUT_NOT_POSTED: done, and not on the books. Other DEPOSIT_…: ours and the gateway’s word differ. ' +
    'SETTLEMENT_UNAVAILABLE: the gateway gave no report.',
});

@ObjectType({ description: 'Money on its way into a wallet. Visible to who pays it in, and to admins.' })
@Directive('@key(fields: "id")')
@Directive('@key(fields: "ref")')
export class Deposit {
  @Field(() => ID, { description: 'Id of the deposit: `dep_…`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => ID, { description: 'The id, as `node` hands it over.' })
  ref!: string;

  @Field(() => DepositStatus, { description: 'How far it is.' })
  status!: keyof typeof DepositStatus;

  @Field(() => Money, { description: 'How much.' })
  amount!: Money;

  @Field({ description: 'Where it is paid: a page of the payment gateway, to be opened in a browser. The wallet changes when the gateway confirms.' })
  paymentUrl!: string;

  @Field(() => DateTime, { description: 'When it was begun.' })
  createdAt!: Date;
}

@ObjectType({ description: "Money on its way out of a driver's wallet. Visible to that driver, and to admins." })
@Directive('@key(fields: "id")')
@Directive('@key(fields: "ref")')
export class Withdrawal {
  @Field(() => ID, { description: 'Id of the withdrawal: `wdr_…`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => ID, { description: 'The id, as `node` hands it over.' })
  ref!: string;

  @Field(() => WithdrawalStatusEnum, { description: 'How far it is.' })
  status!: keyof typeof WithdrawalStatusEnum;

  @Field(() => Money, { description: 'How much.' })
  amount!: Money;

  @Field(() => WithdrawalMethod, { description: 'Where it goes.' })
  method!: keyof typeof WithdrawalMethod;

  @Field({ description: 'The last four characters of the account or phone number.' })
  accountEnding!: string;

  @Field(() => User, { description: 'Whose money it is.' })
  user!: User;

  @Field(() => String, { nullable: true, description: 'Why it was rejected, or could not be sent by hand; null when neither was.' })
  reason!: string | null;

  @Field(() => String, { nullable: true, description: 'The bank’s own reference of the transfer; null until it is PAID.' })
  payoutReference!: string | null;

  @Field(() => DateTime, { description: 'When it was asked for.' })
  requestedAt!: Date;
}

export const WithdrawalConnection = connectionOf('Withdrawal', () => Withdrawal);

export const DiscrepancyStatusEnum = enumOf(DISCREPANCY_STATUSES);
registerEnumType(DiscrepancyStatusEnum, {
  name: 'DiscrepancyStatus',
  description: 'OPEN: somebody has to look. RESOLVED: an admin has explained it, or it is no longer found.',
});

@ObjectType({ description: 'Something that does not add up. The same thing found again is the same discrepancy. For admins.' })
export class Discrepancy {
  @Field(() => ID, { description: 'Id of the discrepancy: `dsc_…`.' })
  id!: string;

  @Field(() => DiscrepancyStatusEnum, { description: 'Whether somebody still has to look, by now.' })
  status!: keyof typeof DiscrepancyStatusEnum;

  @Field(() => String, { nullable: true, description: 'Why it was resolved; null while it is open.' })
  note!: string | null;

  @Field(() => DateTime, { description: 'When it was first found.' })
  foundAt!: Date;

  @Field(() => DiscrepancyKindEnum, { description: 'What kind of thing is wrong.' })
  kind!: keyof typeof DiscrepancyKindEnum;

  @Field({ description: 'What it should be.' })
  expected!: string;

  @Field({ description: 'What it is.' })
  actual!: string;

  @Field({ description: 'What it is about: an id where there is one.' })
  reference!: string;
}

@ObjectType({ description: 'Result of checking the books of a day. What was younger than a minute was left out. For admins.' })
@Directive('@key(fields: "id")')
@Directive('@key(fields: "ref")')
export class Reconciliation {
  @Field(() => ID, { description: 'Id of the reconciliation: `rec_…`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => ID, { description: 'The id, as `node` hands it over.' })
  ref!: string;

  @Field(() => CalendarDate, { description: 'The day, by the clock of Cairo.' })
  date!: string;

  @Field({ description: 'Whether everything adds up, but for what an admin has explained.' })
  ok!: boolean;

  /** For the resolver of `discrepancies`; not part of the schema. */
  found!: readonly { id?: string; kind: string; expected: string; actual: string; reference: string }[];

  @Field(() => DateTime, { description: 'When it was checked.' })
  createdAt!: Date;
}

@InputType({ description: 'Money to put into the own wallet.' })
export class InitiateDepositInput {
  @Field(() => MoneyInput, { description: 'How much, in EGP.' })
  amount!: MoneyInput;

  @Field(() => ID, {
    nullable: true,
    description: 'Any text that is new for each intent; sent again, it gets the same deposit. The `Idempotency-Key` header does as well.',
  })
  idempotencyKey?: string;
}

@InputType({ description: 'What to give back of a payment.' })
export class RefundPaymentInput {
  @Field(() => ID, { description: 'Which payment: `payment { id }` of the booking or trip.' })
  paymentId!: string;

  @Field(() => MoneyInput, { nullable: true, description: 'How much of it, in EGP; all that was taken and not given back yet when not given.' })
  amount?: MoneyInput;

  @Field({ description: 'Why, in words for other admins; at most 500 characters, without names.' })
  reason!: string;

  @Field({ nullable: true, description: 'True: only say what would come of it, by the same rules; needs no key. False when not given.' })
  dryRun?: boolean;

  @Field(() => ID, {
    nullable: true,
    description: 'Any text that is new for each intent; sent again, nothing more is given back. The `Idempotency-Key` header does as well.',
  })
  idempotencyKey?: string;
}

@InputType({ description: 'A payout that an admin has made by hand.' })
export class ConfirmPayoutInput {
  @Field(() => ID, { description: 'Which withdrawal.' })
  id!: string;

  @Field({ description: 'The bank’s own reference of the transfer, to find it by; up to 100 characters, without names.' })
  reference!: string;

  @Field({ nullable: true, description: 'True: only say what would come of it, by the same rules. False when not given.' })
  dryRun?: boolean;
}

@InputType({ description: 'A payout that could not be made by hand.' })
export class FailPayoutInput {
  @Field(() => ID, { description: 'Which withdrawal.' })
  id!: string;

  @Field({ description: 'Why, for the driver to read; up to 500 characters.' })
  reason!: string;

  @Field({ nullable: true, description: 'True: only say what would come of it, by the same rules. False when not given.' })
  dryRun?: boolean;
}

@InputType({ description: 'A debt that nobody will collect.' })
export class WaiveDebtInput {
  @Field(() => ID, { description: 'Of which payment: one that is FAILED and has something `owed`.' })
  paymentId!: string;

  @Field({ description: 'Why, in words for other admins; at most 500 characters, without names.' })
  reason!: string;

  @Field({ nullable: true, description: 'True: only say what would come of it, by the same rules. False when not given.' })
  dryRun?: boolean;
}

@InputType({ description: 'Money to take out of the own wallet.' })
export class RequestWithdrawalInput {
  @Field(() => MoneyInput, { description: 'How much, in EGP; no more than is available.' })
  amount!: MoneyInput;

  @Field(() => WithdrawalMethod, { description: 'Where it goes.' })
  method!: keyof typeof WithdrawalMethod;

  @Field({ description: 'Account number, IBAN or phone number, 4 to 34 letters and digits.' })
  accountNumber!: string;

  @Field({ nullable: true, description: 'True: only say what would come of it, by the same rules; needs no key. False when not given.' })
  dryRun?: boolean;

  @Field(() => ID, {
    nullable: true,
    description: 'Any text that is new for each intent; sent again, it gets the same withdrawal. The `Idempotency-Key` header does as well.',
  })
  idempotencyKey?: string;
}
