/** A person or machine that mail comes from or goes to. */
export interface MailAddress {
  /** Lower case: two spellings of one address are one participant and one suppression. */
  address: string;
  name: string | null;
}

const MAX_ADDRESS = 320;
const MAX_NAME = 200;

/** Reads `Mona <mona@example.com>` or a bare address; null when there is no address in it. */
export function parseAddress(text: string): MailAddress | null {
  const bracketed = /^(.*)<([^<>]*)>[^<>]*$/s.exec(text);
  const address = (bracketed ? (bracketed[2] ?? '') : text).trim().toLowerCase();
  if (address.length > MAX_ADDRESS || !/^[^\s@<>,;"]+@[^\s@<>,;"]+$/.test(address)) return null;
  const name = (bracketed?.[1] ?? '')
    .replace(/["\s]+/g, ' ')
    .trim()
    .slice(0, MAX_NAME);
  return { address, name: name === '' ? null : name };
}

/** The domain of `Waygraph <hello@example.com>`: message ids are made in it. */
export function domainOf(mailbox: string): string {
  return parseAddress(mailbox)?.address.split('@')[1] ?? 'localhost';
}

const MAX_REFERENCES = 50;
const MAX_MESSAGE_ID = 500;

/** The message ids in a header such as References, `<…>` each; the last ones when there are too many. */
export function messageIdsIn(header: string | null | undefined): string[] {
  const found = header?.match(/<[^<>\s]+>/g) ?? [];
  return [...new Set(found.filter((id) => id.length <= MAX_MESSAGE_ID))].slice(-MAX_REFERENCES);
}
