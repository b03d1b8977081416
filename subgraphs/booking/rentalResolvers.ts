import { Arg, Ctx, Field, ID, InputType, Int, Mutation, Resolver } from 'type-graphql';
import { z } from 'zod';
import type { Context } from '../../platform/context.js';
import { parseInput, Refusal } from '../../platform/errors.js';
import { anyMoney, DateTime, MoneyInput } from '../../platform/graphqlTypes.js';
import { requireUuid } from '../../platform/ids.js';
import { toBooking } from './bookingShapes.js';
import { expectLateReturn } from './lateCommands.js';
import type { BookingLoaders } from './loaders.js';
import { returnRental, startRental } from './rentalCommands.js';
import { Booking } from './types.js';

@InputType({ description: 'A car that is handed over.' })
export class StartRentalInput {
  @Field(() => ID, { description: 'Which booking.' })
  bookingId!: string;

  @Field(() => Int, { description: 'Odometer, in kilometres.' })
  odometerKm!: number;

  @Field(() => Int, { description: 'Fuel or charge, 0 to 100 percent.' })
  fuelPercent!: number;

  @Field(() => Int, {
    nullable: true,
    description: 'Age of the driver, as on the licence. Under 25, the fee that the price left out is charged at return; under 18 the car is not handed over.',
  })
  driverAge?: number | null;
}

@InputType({ description: 'What is broken, and what that costs.' })
export class DamageInput {
  @Field(() => MoneyInput, { description: "What it costs, in the booking's currency." })
  fee!: MoneyInput;

  @Field({ description: 'What is broken, in at most 1000 characters.' })
  note!: string;
}

@InputType({ description: 'A car that is brought back.' })
export class ReturnRentalInput {
  @Field(() => ID, { description: 'Which booking.' })
  bookingId!: string;

  @Field(() => Int, { description: 'Odometer, in kilometres; not below that of the pick-up.' })
  odometerKm!: number;

  @Field(() => Int, { description: 'Fuel or charge, 0 to 100 percent; what is missing is charged.' })
  fuelPercent!: number;

  @Field(() => DamageInput, { nullable: true, description: 'Damage to be charged.' })
  damage?: DamageInput | null;
}

@InputType({ description: 'A rental that will end later than agreed.' })
export class ExpectLateReturnInput {
  @Field(() => ID, { description: 'Which booking.' })
  bookingId!: string;

  @Field(() => DateTime, { description: 'When the car is expected back.' })
  expectedAt!: Date;
}

const readingsSchema = z.object({ odometerKm: z.int().min(0).max(5_000_000), fuelPercent: z.int().min(0).max(100) });
const damageSchema = z.object({ damage: z.object({ note: z.string().trim().min(1).max(1000) }).nullish() });

@Resolver()
export class RentalResolver {
  @Mutation(() => Booking, {
    description:
      'Hands the car of a CONFIRMED booking over: it becomes ACTIVE, and `deposit` is asked for. Not before the pick-up time. Repeating it answers with the ' +
      'booking. For admins.',
  })
  async startRental(
    @Arg('input', () => StartRentalInput, { description: 'Which booking, and what is read off the car.' }) input: StartRentalInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<Booking> {
    const readings = parseInput(readingsSchema, input);
    const bookingId = requireUuid('bkg', input.bookingId, 'booking', 'input.bookingId');
    return toBooking(await ctx.run((tx) => startRental(tx, ctx.feed, { bookingId, ...readings, driverAge: input.driverAge })));
  }

  @Mutation(() => Booking, {
    description:
      'Takes the car of an ACTIVE booking back: it becomes COMPLETED, `rental` says what lateness, fuel and damage cost, `deposit` pays for that and is released, and the car is free at once. ' +
      'Repeating it answers with the booking. For admins.',
  })
  async returnRental(
    @Arg('input', () => ReturnRentalInput, { description: 'Which booking, and what is read off the car.' }) input: ReturnRentalInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<Booking> {
    const readings = parseInput(readingsSchema, input);
    const note = parseInput(damageSchema, input).damage?.note;
    const bookingId = requireUuid('bkg', input.bookingId, 'booking', 'input.bookingId');
    const fee = input.damage ? anyMoney(input.damage.fee, 'input.damage.fee.amount') : null;
    if (fee && fee.amountMinor < 0n) {
      throw new Refusal('VALIDATION_ERROR', 'input.damage.fee.amount: must not be below zero.', {
        details: { field: 'input.damage.fee.amount', rule: 'not_negative' },
      });
    }
    const damage = fee && note ? { fee, note } : null;
    return toBooking(await ctx.run((tx) => returnRental(tx, ctx.feed, { bookingId, ...readings, damage })));
  }

  @Mutation(() => Booking, {
    description:
      'Says when a running rental will be back: customers whose pick-ups that endangers are told now, and offered `replacements`; a time that is no later than ' +
      'agreed takes it back. For admins.',
  })
  async expectLateReturn(
    @Arg('input', () => ExpectLateReturnInput, { description: 'Which booking, and when it is expected.' }) input: ExpectLateReturnInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<Booking> {
    const bookingId = requireUuid('bkg', input.bookingId, 'booking', 'input.bookingId');
    return toBooking(await ctx.run((tx) => expectLateReturn(tx, ctx.feed, { bookingId, expectedAt: input.expectedAt })));
  }
}
