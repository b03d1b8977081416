import { Field, Float, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { DateTime, Money, MoneyInput } from '../../platform/graphqlTypes.js';
import { OFFER_TERMS, STRATEGY_NAMES } from './strategy.js';
import { enumOf, VehicleType } from './types.js';

export const MatchingStrategyName = enumOf(STRATEGY_NAMES);
export const OfferTermsName = enumOf(OFFER_TERMS);

registerEnumType(MatchingStrategyName, {
  name: 'MatchingStrategy',
  description:
    'How a trip finds its driver. FIRST_ACCEPT: the best five are asked, the first who accepts has it. SEQUENTIAL: one after the other, then ten at once. ' +
    'BROADCAST_BID: ten name their price and the rider chooses. SCHEDULED: for later, with a second driver who stands by.',
});
registerEnumType(OfferTermsName, {
  name: 'OfferTerms',
  description:
    'TAKE: `acceptOffer` gets you the trip at the quoted price. BID: name your price with `bidOnOffer`. STAND_BY: `acceptOffer` makes you the one who ' +
    'has the trip if its driver cancels; you go on getting offers.',
});

@ObjectType({ description: 'Between which amounts a bid has to be.' })
export class BidBounds {
  @Field(() => Money, { description: 'Not less than this.' })
  least!: Money;

  @Field(() => Money, { description: 'Not more than this: the quoted fare.' })
  most!: Money;
}

@ObjectType({ description: 'The price for which a driver would take a trip. Visible to the rider of the trip and to admins.' })
export class Bid {
  @Field(() => ID, { description: 'Id of the bid, for `chooseBid`: `bid_…`.' })
  id!: string;

  @Field(() => Money, { description: 'What the trip costs if you choose this bid.' })
  amount!: Money;

  @Field(() => DateTime, { description: 'Until when it can be chosen.' })
  expiresAt!: Date;

  @Field(() => Int, { description: 'How far the driver is from the pickup, in metres as the crow flies.' })
  pickupDistanceM!: number;

  @Field(() => Float, { nullable: true, description: "Mean of the driver's stars, 1 to 5; null while nobody has rated." })
  rating!: number | null;

  @Field(() => Int, { description: 'How many trips the driver has completed.' })
  completedTrips!: number;

  @Field(() => VehicleType, { description: 'Class of the car.' })
  vehicleType!: keyof typeof VehicleType;
}

@ObjectType('MatchingSettings', { description: 'How the city matches.' })
export class MatchingSettingsType {
  @Field(() => MatchingStrategyName, { description: 'For trips that begin now.' })
  strategy!: keyof typeof MatchingStrategyName;

  @Field({ description: 'Whether a ride begins only with the PIN that its rider has.' })
  boardingPin!: boolean;
}

@InputType({ description: 'What is to be different from now on. What is not given stays.' })
export class SetMatchingStrategyInput {
  @Field(() => MatchingStrategyName, { nullable: true, description: 'For trips that begin now; not SCHEDULED.' })
  strategy?: keyof typeof MatchingStrategyName;

  @Field({ nullable: true, description: 'Whether a ride begins only with the PIN that its rider has.' })
  boardingPin?: boolean;
}

@InputType({ description: 'Your price for a trip.' })
export class BidOnOfferInput {
  @Field(() => ID, { description: 'Which offer.' })
  offerId!: string;

  @Field(() => MoneyInput, { description: 'For how much you would drive: a multiple of 0.50 within `Offer.bidBounds`.' })
  amount!: MoneyInput;
}
