import { Directive, Field, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf, DateTime, Money, Violation } from '../../platform/graphqlTypes.js';
import { TRANSACTION_KINDS } from './ledger.js';
import { FAILURE_CODES, PAYMENT_METHODS, PAYMENT_STATUSES } from './payment.js';

export const enumOf = <T extends string>(values: readonly T[]) => Object.fromEntries(values.map((value) => [value, value])) as { [K in T]: K };

export const WalletEntryKind = enumOf(TRANSACTION_KINDS);
export const PaymentStatusEnum = enumOf(PAYMENT_STATUSES);
export const ChargeMethod = enumOf(PAYMENT_METHODS);
export const PaymentFailureCode = enumOf(FAILURE_CODES);

/** Of a refund that a card company was asked for. */
export const CardRefundStatusEnum = enumOf(['PENDING', 'DONE', 'REFUSED'] as const);
registerEnumType(CardRefundStatusEnum, {
  name: 'CardRefundStatus',
  description: 'PENDING: the card company has not answered. DONE: on its way to the card. REFUSED: it will not; somebody has to look.',
});

registerEnumType(WalletEntryKind, {
  name: 'WalletEntryKind',
  description: 'Why money moved: HOLD sets it aside for a booking, trip or withdrawal, HOLD_RELEASE gives it back; the others name what was paid.',
});
registerEnumType(PaymentStatusEnum, {
  name: 'PaymentStatus',
  description:
    'PENDING: asked for. AUTHORISED: promised. CAPTURED: taken. DECLINED: not promised. ' +
    'FAILED: could not be taken in the end; a rider owes it. VOIDED: the promise was given back. REFUNDED: given back after it was taken, less a fee.',
});
registerEnumType(ChargeMethod, { name: 'ChargeMethod', description: 'Where the money comes from. CASH is for trips only, and goes to the driver.' });
registerEnumType(PaymentFailureCode, {
  name: 'PaymentFailureCode',
  description:
    'Why a payment did not work. PAYMENT_TIMEOUT: the card company did not answer; nothing stays reserved. HOLD_EXPIRED: nobody asked for the promised money in time, and it is free again.',
});

@ObjectType({ description: 'One movement of a wallet. Entries are never changed; a correction is another entry.' })
export class WalletEntry {
  @Field(() => ID, { description: 'Id of the entry: `ent_…`.' })
  id!: string;

  @Field(() => Int, { description: 'Counts the entries of this wallet from 1, without gaps.' })
  number!: number;

  @Field(() => WalletEntryKind, { description: 'Why it was made.' })
  kind!: keyof typeof WalletEntryKind;

  @Field(() => Money, { description: 'What came in, or with a minus what went out.' })
  amount!: Money;

  @Field(() => Money, { description: 'What could be spent right after it.' })
  balanceAfter!: Money;

  @Field(() => ID, { description: 'Id of the booking, trip, deposit, withdrawal or user that it is about.' })
  reference!: string;

  @Field(() => DateTime, { description: 'When it was recorded.' })
  createdAt!: Date;
}

export const WalletEntryConnection = connectionOf('WalletEntry', () => WalletEntry);

@ObjectType({ description: "A person's money with us. Visible to that person and to admins." })
@Directive('@key(fields: "id")')
@Directive('@key(fields: "ref")')
export class Wallet {
  @Field(() => ID, { description: 'Id of the wallet: `wal_…`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => ID, { description: 'The id, as `node` hands it over.' })
  ref!: string;

  @Field(() => Money, {
    description: 'All of it, with what is held for bookings, trips and withdrawals. Below zero when a driver owes commission, or a partner uses its credit.',
  })
  balance!: Money;

  @Field(() => Money, { description: 'What can be spent now: the balance without what is held.' })
  available!: Money;

  @Field(() => Money, {
    description: 'How far below zero it may go: a partner’s credit; for drivers only by commission on cash trips. Zero for everybody else.',
  })
  creditLimit!: Money;

  @Field(() => Money, {
    description: 'Commission on cash trips that the wallet could not bear: taken out of what its driver earns next. Zero for everybody else.',
  })
  commissionOwed!: Money;

  /** For the entries resolver; not part of the schema. */
  accountId!: string;
  entryCount!: bigint;
}

@ObjectType({ description: 'What is paid for one booking or trip. Visible to who pays, to the driver of the trip, and to admins.' })
@Directive('@key(fields: "id")')
@Directive('@key(fields: "ref")')
export class Payment {
  @Field(() => ID, { description: 'Id of the payment: `pay_…`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => ID, { description: 'The id, as `node` hands it over.' })
  ref!: string;

  @Field(() => PaymentStatusEnum, { description: 'How far it is.' })
  status!: keyof typeof PaymentStatusEnum;

  @Field(() => ChargeMethod, { description: 'Where the money comes from.' })
  method!: keyof typeof ChargeMethod;

  @Field(() => Money, { description: 'The price of the booking or trip, with changes of the booking and charges of its return.' })
  amount!: Money;

  @Field(() => Money, { description: 'What was taken: the price, or after a cancellation the fee, if it was taken at all.' })
  captured!: Money;

  @Field(() => Money, { description: 'What of it was given back.' })
  refunded!: Money;

  @Field(() => Money, { description: 'What who pays still owes: above zero when a trip, or what a booking came to cost more, FAILED; until `settleDebt`.' })
  owed!: Money;

  @Field(() => PaymentFailureCode, { nullable: true, description: 'Why it was declined or failed; null when it was not.' })
  failureCode!: keyof typeof PaymentFailureCode | null;
}

@ObjectType({ description: 'Money on its way back to a card, as its company has answered. For admins.' })
export class CardRefund {
  @Field(() => CardRefundStatusEnum, { description: 'How far it is.' })
  status!: keyof typeof CardRefundStatusEnum;

  @Field(() => Money, { description: 'How much.' })
  amount!: Money;

  @Field(() => String, { nullable: true, description: 'The company’s own code for why it was REFUSED; null when it was not.' })
  problem!: string | null;

  @Field(() => DateTime, { description: 'When it was asked for.' })
  requestedAt!: Date;
}

@ObjectType({ description: 'A person.' })
@Directive('@key(fields: "id")')
export class User {
  @Field(() => ID, { description: 'Id of the person: `usr_…`.' })
  id!: string;
}

@ObjectType({ description: 'A rental of one vehicle for a time range.' })
@Directive('@key(fields: "id")')
export class Booking {
  @Field(() => ID, { description: 'Id of the booking: `bkg_…`.' })
  id!: string;
}

@ObjectType({ description: 'A ride from pickup to destination with a driver.' })
@Directive('@key(fields: "id")')
export class Trip {
  @Field(() => ID, { description: 'Id of the trip: `trp_…`.' })
  id!: string;
}

@ObjectType({ description: 'What is wrong in the whole system.' })
@Directive('@key(fields: "id")')
export class SystemHealth {
  @Field(() => ID, { description: 'Always `system`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => [Violation], { description: "Payments-ledger's part of `violations`." })
  paymentsViolations!: Violation[];
}
