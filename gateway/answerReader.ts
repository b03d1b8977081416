/** A whole answer, and what it says of its connection. */
export interface ReadAnswer {
  statusCode: number;
  text: string;
  /** Milliseconds for which the connection may be used again; 0 when it may not. */
  reusableMs: number;
}

/** The peer does not speak HTTP/1.1, or says more than it may. The connection is of no use any more. */
export class UnreadableAnswer extends Error {
  override name = 'UnreadableAnswer';
  readonly code: 'ANSWER_TOO_LARGE' | 'NOT_HTTP' | 'ANSWER_CUT_OFF';

  constructor(code: UnreadableAnswer['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Bytes of a status line and all headers, or of a chunk's size with its extensions. */
const MAX_HEAD_BYTES = 16 * 1024;
const MAX_LINE_BYTES = 1_024;
/** How long a connection stays open when the peer does not say, and at most; and how much sooner than the peer we take it for closed (RFC 9112, 9.3). */
const KEEP_ALIVE_MS = 4_000;
const MAX_KEEP_ALIVE_MS = 30_000;
const KEEP_ALIVE_MARGIN_MS = 1_000;

const NOTHING = Buffer.alloc(0);
const END_OF_HEAD = '\r\n\r\n';

type State = 'head' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer' | 'close';

/**
 * Reads answers of HTTP/1.1 (RFC 9112) from what a socket gives, in pieces of any size: bodies of known length, in chunks, or up to the end. What is
 * ambiguous is refused, not guessed: two lengths, or a length with chunks, may be two answers to somebody else.
 */
export class AnswerReader {
  private state: State = 'head';
  private statusCode = 0;
  private reusableMs = 0;
  /** What has come and is not read yet, but for a body's. */
  private rest: Buffer = NOTHING;
  private parts: Buffer[] = [];
  private bytes = 0;
  private missing = 0;

  constructor(private readonly maxBytes: number) {}

  /** @returns the answer once it is whole, else null. @throws UnreadableAnswer */
  push(chunk: Buffer): ReadAnswer | null {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    for (;;) {
      const before = this.rest.length;
      const state = this.state;
      const answer = this.step();
      if (answer) return answer;
      if (this.state === state && this.rest.length === before) return null;
    }
  }

  /** The peer has closed the connection. @throws UnreadableAnswer when that was not the end of the answer */
  end(): ReadAnswer {
    if (this.state === 'close') return this.whole();
    throw new UnreadableAnswer('ANSWER_CUT_OFF', 'The connection was closed before the answer was whole.');
  }

  private step(): ReadAnswer | null {
    switch (this.state) {
      case 'head':
        return this.readHead();
      case 'close':
        this.take(this.rest.length);
        return null;
      case 'length':
        this.missing -= this.take(Math.min(this.missing, this.rest.length));
        return this.missing === 0 ? this.whole() : null;
      case 'chunk-size': {
        const line = this.line();
        if (line === null) return null;
        const size = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line)?.[1];
        if (size === undefined) throw new UnreadableAnswer('NOT_HTTP', 'A chunk has no size.');
        this.missing = Number.parseInt(size, 16);
        this.state = this.missing === 0 ? 'trailer' : 'chunk';
        return null;
      }
      case 'chunk':
        this.missing -= this.take(Math.min(this.missing, this.rest.length));
        if (this.missing === 0) this.state = 'chunk-end';
        return null;
      case 'chunk-end': {
        const line = this.line();
        if (line === null) return null;
        if (line !== '') throw new UnreadableAnswer('NOT_HTTP', 'A chunk is longer than it says.');
        this.state = 'chunk-size';
        return null;
      }
      case 'trailer': {
        const line = this.line();
        return line === '' ? this.whole() : null;
      }
    }
  }

  private readHead(): ReadAnswer | null {
    const end = this.rest.indexOf(END_OF_HEAD);
    if (end > MAX_HEAD_BYTES || (end < 0 && this.rest.length > MAX_HEAD_BYTES)) throw new UnreadableAnswer('NOT_HTTP', 'The headers of an answer have no end.');
    if (end < 0) return null;
    const head = this.rest.toString('latin1', 0, end);
    this.rest = this.rest.subarray(end + END_OF_HEAD.length);
    const status = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [^\r\n]*)?(?:\r\n|$)/.exec(head);
    if (!status) throw new UnreadableAnswer('NOT_HTTP', 'An answer does not begin as one of HTTP/1.1 does.');
    this.statusCode = Number(status[2]);
    // Early hints and the like: the answer itself is still to come. Nobody asked for another protocol.
    if (this.statusCode === 101) throw new UnreadableAnswer('NOT_HTTP', 'The peer wants to speak another protocol.');
    if (this.statusCode < 200) return null;
    const { length, coding, connection, keepAlive } = readHeaders(head, status[0].length);
    if (coding !== null && (length !== null || coding.toLowerCase() !== 'chunked'))
      throw new UnreadableAnswer('NOT_HTTP', 'It is not clear how long an answer is.');
    this.reusableMs = reusableMs(connection, keepAlive, status[1] === '1');
    if (this.statusCode === 204 || this.statusCode === 304) return this.whole();
    if (coding !== null) this.state = 'chunk-size';
    else if (length === null) this.state = 'close';
    else {
      if (!/^\d{1,15}$/.test(length)) throw new UnreadableAnswer('NOT_HTTP', 'The length of an answer is no number.');
      this.missing = Number(length);
      this.room(this.missing);
      this.state = 'length';
      if (this.missing === 0) return this.whole();
    }
    return null;
  }

  /** The next line without its end, or null when it has not come whole. */
  private line(): string | null {
    const end = this.rest.indexOf('\r\n');
    if (end > MAX_LINE_BYTES || (end < 0 && this.rest.length > MAX_LINE_BYTES)) throw new UnreadableAnswer('NOT_HTTP', 'A line of an answer has no end.');
    if (end < 0) return null;
    const line = this.rest.toString('latin1', 0, end);
    this.rest = this.rest.subarray(end + 2);
    return line;
  }

  private take(count: number): number {
    if (count === 0) return 0;
    this.room(this.bytes + count);
    this.bytes += count;
    this.parts.push(this.rest.subarray(0, count));
    this.rest = this.rest.subarray(count);
    return count;
  }

  private room(bytes: number): void {
    if (bytes > this.maxBytes) throw new UnreadableAnswer('ANSWER_TOO_LARGE', `An answer has more than ${this.maxBytes} bytes.`);
  }

  private whole(): ReadAnswer {
    const [first = NOTHING] = this.parts;
    const text = (this.parts.length <= 1 ? first : Buffer.concat(this.parts, this.bytes)).toString();
    // Something that nobody has asked for has come as well, or the peer closes: the next answer could not be told from it.
    const reusable = this.rest.length === 0 && this.state !== 'close' ? this.reusableMs : 0;
    const answer = { statusCode: this.statusCode, text, reusableMs: reusable };
    this.state = 'head';
    this.parts = [];
    this.rest = NOTHING;
    this.bytes = 0;
    return answer;
  }
}

/** The headers that say where an answer ends, and what becomes of its connection. */
interface Headers {
  length: string | null;
  coding: string | null;
  connection: string | null;
  keepAlive: string | null;
}

/** In one pass: four searches by pattern were a thirtieth of all that a small query costs. @throws UnreadableAnswer when it is not clear how long the answer is */
function readHeaders(head: string, from: number): Headers {
  const found: Headers = { length: null, coding: null, connection: null, keepAlive: null };
  for (let start = from; start < head.length; ) {
    const lineBreak = head.indexOf('\n', start);
    const end = lineBreak < 0 ? head.length : lineBreak - 1;
    // A line that does not end as lines do may be two lines to somebody else.
    if (lineBreak >= 0 && head[end] !== '\r') throw new UnreadableAnswer('NOT_HTTP', 'A header of an answer has a line break in it.');
    if (MAY_MATTER.has(head[start])) note(found, head.slice(start, end));
    start = end + 2;
  }
  return found;
}

/** First letters of the headers that `note` knows. */
const MAY_MATTER: ReadonlySet<string | undefined> = new Set([...'cCtTkK']);

function note(found: Headers, line: string): void {
  const colon = line.indexOf(':');
  const value = () => line.slice(colon + 1).trim();
  switch (line.slice(0, Math.max(0, colon)).toLowerCase()) {
    case 'content-length':
      if (found.length !== null) throw new UnreadableAnswer('NOT_HTTP', 'It is not clear how long an answer is.');
      found.length = value();
      return;
    case 'transfer-encoding':
      if (found.coding !== null) throw new UnreadableAnswer('NOT_HTTP', 'It is not clear how long an answer is.');
      found.coding = value();
      return;
    case 'connection':
      found.connection = found.connection === null ? value() : `${found.connection},${value()}`;
      return;
    case 'keep-alive':
      found.keepAlive ??= value();
  }
}

const TIMEOUT = /timeout=(\d{1,6})/i;

function reusableMs(connection: string | null, keepAlive: string | null, isPersistent: boolean): number {
  const wish = connection?.toLowerCase();
  if (wish?.includes('close') || (!isPersistent && !wish?.includes('keep-alive'))) return 0;
  const told = keepAlive === null ? undefined : TIMEOUT.exec(keepAlive)?.[1];
  const ms = told === undefined ? KEEP_ALIVE_MS : Number(told) * 1_000 - KEEP_ALIVE_MARGIN_MS;
  return Math.max(0, Math.min(MAX_KEEP_ALIVE_MS, ms));
}
