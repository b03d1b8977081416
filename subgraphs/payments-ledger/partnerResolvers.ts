import { Arg, Ctx, Field, ID, InputType, Mutation, Resolver } from 'type-graphql';
import { parseInput } from '../../platform/errors.js';
import { MoneyInput, moneyType, positiveMoney } from '../../platform/graphqlTypes.js';
import { once, requireIdempotencyKey } from '../../platform/idempotency.js';
import { requireUuid } from '../../platform/ids.js';
import { DEFAULT_CURRENCY, money, parseAmount } from '../../platform/money.js';
import type { PaymentsContext } from './context.js';
import { assertWalletCurrency } from './depositCommands.js';
import { atDesk } from './desk.js';
import { fundPartnerWallet, openPartnerWallet } from './partnerCommands.js';
import { walletsByOwners } from './queries.js';
import { refundSchema } from './refundCommands.js';
import { runOrRehearse } from './rehearsal.js';
import { toWallet } from './shapes.js';
import { Wallet } from './types.js';

@InputType({ description: "A partner's wallet, and its credit." })
export class OpenPartnerWalletInput {
  @Field(() => ID, { description: 'Whose: the user that the partner signs in as, `usr_…`.' })
  partnerId!: string;

  @Field(() => MoneyInput, { nullable: true, description: 'How far it may go below zero, in EGP. None when not given: prepaid.' })
  creditLimit?: MoneyInput;

  @Field({ nullable: true, description: 'True: only say what would come of it, by the same rules. False when not given.' })
  dryRun?: boolean;
}

@InputType({ description: 'Money that a partner paid in outside of the gateway.' })
export class FundPartnerWalletInput {
  @Field(() => ID, { description: 'Whose wallet: the user that the partner signs in as, `usr_…`.' })
  partnerId!: string;

  @Field(() => MoneyInput, { description: 'How much came, in EGP.' })
  amount!: MoneyInput;

  @Field({ description: 'Where it came from, for other admins: such as the number of the bank transfer; at most 500 characters, without names.' })
  reason!: string;

  @Field({ nullable: true, description: 'True: only say what would come of it, by the same rules; needs no key. False when not given.' })
  dryRun?: boolean;

  @Field(() => ID, {
    nullable: true,
    description: 'Any text that is new for each intent; sent again, nothing more is put in. The `Idempotency-Key` header does as well.',
  })
  idempotencyKey?: string;
}

@Resolver(() => Wallet)
export class PartnerWalletResolver {
  @Mutation(() => Wallet, {
    description:
      'Opens the wallet that a partner pays its guests’ bookings and trips from, or changes how far it may go below zero. Money of the same person’s own wallet ' +
      'moves over. CREDIT_IN_USE for less credit than is used already, CONFLICT for a driver. With `dryRun` it shows the wallet as it would be. For admins.',
  })
  async openPartnerWallet(
    @Arg('input', () => OpenPartnerWalletInput, { description: 'Whose, and with how much credit.' }) input: OpenPartnerWalletInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<Wallet> {
    const partnerId = requireUuid('usr', input.partnerId, 'user', 'input.partnerId');
    const credit = input.creditLimit
      ? parseAmount(input.creditLimit.amount, input.creditLimit.currency, 'input.creditLimit.amount')
      : money(0n, DEFAULT_CURRENCY);
    assertWalletCurrency(credit.currency, 'input.creditLimit.currency');
    return runOrRehearse(ctx, input.dryRun, async (tx) => {
      await openPartnerWallet(atDesk(tx, ctx.loaders.desk), partnerId, credit.amountMinor);
      const [view] = await walletsByOwners(tx.orm, [partnerId]);
      if (!view) throw new Error('the wallet was not found');
      return toWallet(view);
    });
  }

  @Mutation(() => Wallet, {
    description:
      'Puts money that a partner paid outside of the gateway, such as a bank transfer, into its wallet. NO_PARTNER_WALLET when it has none. ' +
      'With `dryRun` it shows the wallet as it would be. For admins.',
  })
  async fundPartnerWallet(
    @Arg('input', () => FundPartnerWalletInput, { description: 'Whose, how much and from where.' }) input: FundPartnerWalletInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<Wallet> {
    const key = input.dryRun ? null : requireIdempotencyKey(input.idempotencyKey, ctx.caller.idempotencyKey);
    const partnerId = requireUuid('usr', input.partnerId, 'user', 'input.partnerId');
    const amount = positiveMoney(input.amount, 'input.amount.amount');
    assertWalletCurrency(amount.currency);
    const { reason } = parseInput(refundSchema, { reason: input.reason });
    return runOrRehearse(ctx, input.dryRun, async (tx) => {
      const fund = () => fundPartnerWallet(atDesk(tx, ctx.loaders.desk), { partnerId, amount, reason });
      if (key === null) await fund();
      else await once(tx, { mutation: 'fundPartnerWallet', key, input: { partnerId, amount: moneyType(amount), reason } }, fund);
      const [view] = await walletsByOwners(tx.orm, [partnerId]);
      if (!view) throw new Error('the wallet was not found');
      return toWallet(view);
    });
  }
}
