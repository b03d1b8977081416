import { z } from 'zod';

/** What the sandbox does wrong, on purpose (PL-14). */
export interface SandboxFaults {
  /** Webhooks come so much later. */
  delayMs: number;
  /** Each webhook comes so many times, all at once. */
  copies: number;
  /** The first so many attempts to deliver a webhook are lost on the way. */
  drop: number;
  /** After "paid" comes the "declined" of an earlier attempt to pay. */
  reorder: boolean;
  /** The webhook tells of so many minor units less than were asked for. */
  amountOffMinor: bigint;
  /** Whoever pays is declined. */
  decline: boolean;
}

export const NO_FAULTS: SandboxFaults = { delayMs: 0, copies: 1, drop: 0, reorder: false, amountOffMinor: 0n, decline: false };

/** Amounts that ask for a fault, by their last two digits: 10.92 is paid, and told three times. */
const BY_ENDING: Readonly<Record<string, Partial<SandboxFaults>>> = {
  '91': { delayMs: 2_000 },
  '92': { copies: 3 },
  '93': { drop: 2 },
  '94': { reorder: true },
  '95': { amountOffMinor: 1n },
  '96': { decline: true },
};

/** The faults of one order: those of all orders, and those that its amount asks for. */
export function faultsOf(amountMinor: bigint, always: SandboxFaults): SandboxFaults {
  return { ...always, ...BY_ENDING[(amountMinor % 100n).toString()] };
}

const wordSchema = z.union([
  z.literal('reorder').transform((): Partial<SandboxFaults> => ({ reorder: true })),
  z.literal('decline').transform((): Partial<SandboxFaults> => ({ decline: true })),
  z
    .string()
    .regex(/^(delay|copies|drop|amount)=\d{1,5}$/, 'must be words such as delay=500 copies=3 drop=1 amount=5 reorder decline')
    .transform((word): Partial<SandboxFaults> => {
      const [name, digits = '0'] = word.split('=');
      if (name === 'amount') return { amountOffMinor: BigInt(digits) };
      return { [name === 'delay' ? 'delayMs' : (name ?? '')]: Number(digits) };
    }),
]);

/** PAYMENT_SANDBOX_FAULTS: words divided by spaces. */
export const sandboxFaultsSchema = z
  .string()
  .default('')
  .transform((text) => text.split(/\s+/).filter(Boolean))
  .pipe(z.array(wordSchema).max(10))
  .transform((words): SandboxFaults => Object.assign({}, NO_FAULTS, ...words));
