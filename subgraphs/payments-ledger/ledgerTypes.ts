import { Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf, DateTime, Money } from '../../platform/graphqlTypes.js';
import { TIME_AXES } from './balanceQueries.js';
import { AccountTypeEnum } from './controlTypes.js';
import { enumOf, User, WalletEntryConnection, WalletEntryKind } from './types.js';

export const TimeAxisEnum = enumOf(TIME_AXES);
registerEnumType(TimeAxisEnum, {
  name: 'TimeAxis',
  description: 'Which time of an entry counts. EFFECTIVE: when it took effect, as we know now. RECORDED: when it was written down, so what we said then.',
});

@ObjectType({ description: 'One line of a transaction of the books: a credit, or with a minus a debit.' })
export class LedgerEntry {
  @Field(() => AccountTypeEnum, { description: 'What kind of account it is on.' })
  accountType!: keyof typeof AccountTypeEnum;

  @Field(() => User, { nullable: true, description: 'Whose account it is; null for the company’s own.' })
  owner!: User | null;

  @Field(() => Money, { description: 'Credits are positive, debits negative; all entries of a transaction add up to zero.' })
  amount!: Money;

  @Field(() => Money, { description: 'What the account, or the part of it that was posted to, held right after.' })
  balanceAfter!: Money;
}

@ObjectType({ description: 'A balanced set of entries. Never changed: a correction is another transaction. For admins.' })
export class LedgerTransaction {
  @Field(() => ID, { description: 'Id of the transaction: `txn_…`.' })
  id!: string;

  @Field(() => WalletEntryKind, { description: 'Why money moved.' })
  kind!: keyof typeof WalletEntryKind;

  @Field(() => ID, { description: 'Id of the booking, trip, deposit, withdrawal or user that it is about.' })
  reference!: string;

  @Field(() => DateTime, { description: 'When it took effect.' })
  effectiveAt!: Date;

  @Field(() => DateTime, { description: 'When it was written down.' })
  recordedAt!: Date;

  @Field(() => ID, { nullable: true, description: 'The transaction that it takes back; null for all but reversals.' })
  reverts!: string | null;

  @Field(() => ID, { nullable: true, description: 'The transaction that has taken it back; null when none has.' })
  revertedBy!: string | null;

  @Field(() => String, { nullable: true, description: 'Why a transaction was taken back; null for all but reversals.' })
  reason!: string | null;

  @Field(() => [LedgerEntry], { description: 'Its entries.' })
  entries!: LedgerEntry[];
}

@ObjectType({ description: 'What taking a transaction back did, or with `dryRun` would do.' })
export class Reversal {
  @Field({ description: 'Whether nothing was done.' })
  dryRun!: boolean;

  @Field(() => LedgerTransaction, { nullable: true, description: 'The new transaction; null after a dry run.' })
  transaction!: LedgerTransaction | null;

  @Field(() => [LedgerEntry], { description: 'The entries that were made, or would be.' })
  entries!: LedgerEntry[];
}

@ObjectType({ description: 'The movements of a wallet in a period, oldest first, each with the balance after it.' })
export class WalletStatement {
  @Field(() => DateTime, { description: 'Beginning of the period.' })
  from!: Date;

  @Field(() => DateTime, { description: 'End of the period; not in it itself.' })
  to!: Date;

  @Field(() => Money, { description: 'What could be spent at the beginning.' })
  openingBalance!: Money;

  @Field(() => Money, { description: 'What could be spent at the end.' })
  closingBalance!: Money;

  @Field(() => WalletEntryConnection, { description: 'The movements of the period, a page of them.' })
  entries!: object;
}

@InputType({ description: 'A transaction to be taken back.' })
export class RevertTransactionInput {
  @Field(() => ID, { description: 'Which one: `txn_…`.' })
  transactionId!: string;

  @Field({ description: 'Why, for those who look later; up to 500 characters.' })
  reason!: string;

  @Field({ nullable: true, description: 'True: only say what it would do, by the same rules. False when not given.' })
  dryRun?: boolean;

  @Field(() => ID, {
    nullable: true,
    description: 'Any text that is new for each intent; sent again, it gets the same reversal. The `Idempotency-Key` header does as well. Not for dry runs.',
  })
  idempotencyKey?: string;
}

export const LedgerTransactionConnection = connectionOf('LedgerTransaction', () => LedgerTransaction);
