import { Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf, DateTime, Money, Violation } from '../../platform/graphqlTypes.js';
import { FRAUD_KINDS, FRAUD_STATUSES } from './fraud.js';
import { ACCOUNT_TYPES } from './ledger.js';
import { Discrepancy, Reconciliation } from './transferTypes.js';
import { enumOf, User } from './types.js';

export const FraudKindEnum = enumOf(FRAUD_KINDS);
export const FraudStatusEnum = enumOf(FRAUD_STATUSES);
export const AccountTypeEnum = enumOf(ACCOUNT_TYPES);

registerEnumType(FraudKindEnum, {
  name: 'FraudKind',
  description:
    'HIGH_VELOCITY: more than 10 transactions in an hour. UNUSUAL_AMOUNT: more than ten times what is usual for the person. ' +
    'RAPID_WITHDRAWAL: more than 90 % of what was put in within a day is taken out. REPEATED_FAILURES: payments that failed again and again. ' +
    'CIRCULAR_TRIPS: two people who drive each other.',
});
registerEnumType(FraudStatusEnum, {
  name: 'FraudStatus',
  description: 'OPEN: nobody has looked yet; withdrawals wait. CLEARED: nothing was wrong. CONFIRMED: something was; withdrawals are not approved.',
});
registerEnumType(AccountTypeEnum, {
  name: 'AccountType',
  description:
    'What an account of the books is for. Wallets, HELD_FUNDS, PLATFORM_REVENUE, TAX and PAYOUT_CLEARING grow by credits; CASH_FLOAT, GATEWAY_CLEARING, ' +
    'REFUND_EXPENSE, RECEIVABLE and OPENING by debits.',
});

export const DiscrepancyConnection = connectionOf('Discrepancy', () => Discrepancy);

@ObjectType({ description: "Something out of the ordinary about a person's money. It proves nothing; withdrawals wait until an admin has looked. For admins." })
export class FraudFlag {
  @Field(() => ID, { description: 'Id of the flag: `flg_…`.' })
  id!: string;

  @Field(() => FraudKindEnum, { description: 'What was seen.' })
  kind!: keyof typeof FraudKindEnum;

  @Field(() => FraudStatusEnum, { description: 'What became of it.' })
  status!: keyof typeof FraudStatusEnum;

  @Field(() => User, { description: 'Whom it is about.' })
  user!: User;

  @Field({ description: 'What was seen, in numbers.' })
  evidence!: string;

  @Field(() => String, { nullable: true, description: 'Why it was cleared or confirmed; null while it is open.' })
  note!: string | null;

  @Field(() => DateTime, { description: 'When it was raised.' })
  raisedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When it was cleared or confirmed; null while it is open.' })
  decidedAt!: Date | null;
}

export const FraudFlagConnection = connectionOf('FraudFlag', () => FraudFlag);

@ObjectType({ description: 'What all accounts of one type and currency hold together.' })
export class AccountTotal {
  @Field(() => AccountTypeEnum, { description: 'Which accounts.' })
  type!: keyof typeof AccountTypeEnum;

  @Field(() => Int, { description: 'How many there are. A system account that everybody posts to is kept as several.' })
  accounts!: number;

  @Field(() => Money, { description: 'The sum as an accountant reads it: positive on the side on which such accounts grow.' })
  balance!: Money;

  @Field(() => Money, { description: 'The sum with credits positive and debits negative: over all types it is zero.' })
  signed!: Money;
}

@ObjectType({ description: 'Whether the books are in order. For admins.' })
export class LedgerHealth {
  @Field(() => [AccountTotal], { description: 'Totals per account type and currency.' })
  totals!: AccountTotal[];

  @Field({ description: 'Whether the totals of each currency add up to zero.' })
  balanced!: boolean;

  @Field(() => Reconciliation, { nullable: true, description: 'The latest reconciliation; null before the first.' })
  lastReconciliation!: Reconciliation | null;

  @Field(() => Int, { description: 'Discrepancies that nobody has resolved; no further than 10,000.' })
  openDiscrepancies!: number;

  @Field(() => Int, { description: 'Fraud flags that nobody has looked at; no further than 10,000.' })
  openFraudFlags!: number;

  @Field(() => [Violation], { description: 'Rules of the ledger that are broken at this moment.' })
  violations!: Violation[];
}

@InputType({ description: 'An admin’s word on something that was found.' })
export class DecisionInput {
  @Field(() => ID, { description: 'Which one.' })
  id!: string;

  @Field({ description: 'Why, for those who look later; up to 500 characters.' })
  note!: string;
}
