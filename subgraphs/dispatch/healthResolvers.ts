import { Arg, Ctx, Field, Int, ObjectType, Query, registerEnumType, Resolver } from 'type-graphql';
import { parseInput } from '../../platform/errors.js';
import { DateTime } from '../../platform/graphqlTypes.js';
import { z } from 'zod';
import type { DispatchContext } from './context.js';
import { MATCHING_MODES, type MatchingMode, modeStates, modeSwitches, searchLoad } from './matchingModes.js';
import { enumOf } from './types.js';

const MatchingModeName = enumOf(MATCHING_MODES);
registerEnumType(MatchingModeName, {
  name: 'MatchingMode',
  description:
    'A way in which matching goes on when something is wrong. POSITIONS_FROM_POSTGRES: positions in memory do not answer, drivers are found by the last ' +
    'that was written down. OVERLOAD: too many search; rounds are longer and riders see their place in the queue.',
});

@ObjectType({ description: 'Whether matching runs in a degraded mode.' })
export class MatchingModeState {
  @Field(() => MatchingModeName, { description: 'Which mode.' })
  mode!: MatchingMode;

  @Field({ description: 'Whether it is on.' })
  isOn!: boolean;

  @Field(() => DateTime, { description: 'Since when.' })
  since!: Date;
}

@ObjectType({ description: 'A degraded mode that went on or off.' })
export class MatchingModeSwitch {
  @Field(() => MatchingModeName, { description: 'Which mode.' })
  mode!: MatchingMode;

  @Field({ description: 'Whether it went on.' })
  isOn!: boolean;

  @Field({ description: 'Why.' })
  reason!: string;

  @Field(() => DateTime, { description: 'When.' })
  at!: Date;
}

@ObjectType({ description: 'How matching is.' })
export class MatchingHealth {
  @Field(() => Int, { description: 'Searches that run, counted up to 10,000.' })
  searching!: number;

  @Field(() => [MatchingModeState], { description: 'All degraded modes.' })
  modes!: MatchingModeState[];

  @Field(() => [MatchingModeSwitch], { description: 'When they went on or off, the newest first.' })
  switches!: MatchingModeSwitch[];
}

const MAX_SEARCHING = 10_000;
const firstSchema = z.int().min(1, 'must be 1 to 100').max(100, 'must be 1 to 100');

@Resolver()
export class MatchingHealthResolver {
  @Query(() => MatchingHealth, { description: 'Whether matching runs as it should, and when it did not. For admins.' })
  async matchingHealth(
    @Ctx() ctx: DispatchContext,
    @Arg('switches', () => Int, { nullable: true, description: 'How many switches: 20 when not given, at most 100.' }) switches?: number,
  ): Promise<MatchingHealth> {
    const first = parseInput(firstSchema, switches ?? 20, 'switches');
    return ctx.run(async (tx) =>
      Object.assign(new MatchingHealth(), {
        searching: (await searchLoad(tx.orm, MAX_SEARCHING)).searching,
        modes: await modeStates(tx.orm),
        switches: await modeSwitches(tx.orm, first),
      }),
    );
  }
}
