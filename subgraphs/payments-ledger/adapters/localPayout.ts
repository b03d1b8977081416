import type { PayoutPort } from './payoutPort.js';

/** Account numbers that end so are refused, as a bank refuses one that it does not know: for tests and for trying it out. */
const REFUSED_ENDING = '0000';
const UNKNOWN_ACCOUNT = 'ACCOUNT_UNKNOWN';

/** A bank for laptops: pays everything at once, except to account numbers that end in 0000. */
export const localPayout: PayoutPort = {
  pay: async ({ key, accountNumber }) =>
    accountNumber.endsWith(REFUSED_ENDING) ? { accepted: false, code: UNKNOWN_ACCOUNT } : { accepted: true, reference: `local-${key}` },
};
