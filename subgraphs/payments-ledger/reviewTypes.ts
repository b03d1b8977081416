import { Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf, DateTime, Money } from '../../platform/graphqlTypes.js';
import { REVIEW_DECISIONS } from './reviewCommands.js';
import { enumOf } from './types.js';

export const ReviewDecisionEnum = enumOf(REVIEW_DECISIONS);
export const ReviewReasonEnum = enumOf(['FLAGGED', 'UNKNOWN_ORDER'] as const);
export const ReviewResolutionEnum = enumOf(['CREDITED', 'DISMISSED'] as const);
registerEnumType(ReviewDecisionEnum, {
  name: 'ReviewDecision',
  description: 'CREDIT: as much as was paid goes into the wallet. DISMISS: it is not ours to credit, such as money that was given back at the gateway.',
});
registerEnumType(ReviewReasonEnum, {
  name: 'ReviewReason',
  description: 'FLAGGED: paid with another amount or currency, or in contradiction to what we know. UNKNOWN_ORDER: paid, and not for an order of ours.',
});
registerEnumType(ReviewResolutionEnum, { name: 'ReviewResolution', description: 'CREDITED: it is in a wallet. DISMISSED: it was not ours to credit.' });

@ObjectType({ description: 'Money that a gateway told of and that was not credited by itself. For admins.' })
export class PaymentInReview {
  @Field(() => ID, { description: 'Id of it: `whk_…`.' })
  id!: string;

  @Field(() => ReviewReasonEnum, { description: 'Why it was not credited.' })
  reason!: keyof typeof ReviewReasonEnum;

  @Field({ description: 'Which gateway told of it, such as `kashier`.' })
  adapter!: string;

  @Field({ description: 'The order as the gateway names it: of a FLAGGED one the id of the deposit or withdrawal.' })
  orderId!: string;

  @Field(() => Money, { nullable: true, description: 'What was paid; null when the gateway told of no amount of a currency that we know.' })
  amount!: Money | null;

  @Field(() => DateTime, { description: 'When we were told.' })
  receivedAt!: Date;

  @Field(() => ReviewResolutionEnum, { nullable: true, description: 'What an admin made of it; null while it waits.' })
  resolution!: keyof typeof ReviewResolutionEnum | null;

  @Field(() => String, { nullable: true, description: 'Why; null while it waits.' })
  note!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was decided; null while it waits.' })
  resolvedAt!: Date | null;
}

export const PaymentInReviewConnection = connectionOf('PaymentInReview', () => PaymentInReview);

@InputType({ description: 'An admin’s word on money that was not credited by itself.' })
export class ResolvePaymentInReviewInput {
  @Field(() => ID, { description: 'Which one: `whk_…`.' })
  id!: string;

  @Field(() => ReviewDecisionEnum, { description: 'What becomes of it.' })
  decision!: keyof typeof ReviewDecisionEnum;

  @Field(() => ID, { nullable: true, description: 'Whose wallet it goes into, for an order that is not ours; of a known deposit it is its owner’s.' })
  userId?: string;

  @Field({ description: 'Why, for those who look later; up to 500 characters, without names.' })
  note!: string;

  @Field({ nullable: true, description: 'True: only say what would come of it, by the same rules. False when not given.' })
  dryRun?: boolean;
}
