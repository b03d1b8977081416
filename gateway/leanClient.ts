import { connect, type Socket } from 'node:net';
import { AnswerReader, type ReadAnswer, UnreadableAnswer } from './answerReader.js';
import type { StopSignal } from './stopSignal.js';

export interface PostedText {
  path: string;
  /** The same object for posts that carry the same, where there is one: it is read once. */
  headers: Readonly<Record<string, string>>;
  body: string;
  /** Ends the request when nobody waits for it any more. */
  signal: StopSignal | undefined;
  /** Milliseconds for all of it, the wait for a connection too, after which it is ended with `onLate()`. */
  timeoutMs: number;
  onLate: () => Error;
}

export interface TextClient {
  /** @throws UnreadableAnswer, the system's errors of sockets, the signal's reason, or what `onLate` gives */
  post(request: PostedText): Promise<{ statusCode: number; text: string }>;
  close(): void;
}

export interface LeanClientOptions {
  origin: URL;
  /** Connections at most; what does not get one waits. */
  maxSockets: number;
  connectTimeoutMs: number;
  maxAnswerBytes: number;
}

/** Requests that may wait for a connection; more are refused at once, for each of them keeps its body in memory. */
const MAX_WAITING = 10_000;

interface Job {
  head: string;
  body: string;
  /** All of it is ASCII, as nearly always: then it can be written as one text, byte by byte, which costs less than to encode it. */
  isAscii: boolean;
  done(error: Error | null, answer: ReadAnswer | null): void;
}

interface Line {
  socket: Socket;
  reader: AnswerReader;
  job: Job | null;
  /** `performance.now()` up to which the peer keeps it open. */
  usableUntil: number;
}

/**
 * Posts small texts to a server that speaks plain HTTP/1.1, such as a subgraph next to the gateway, over connections that are kept: one write and mostly one
 * read for each. This is what a federation gateway does all day, and general clients pay with pools, streams and parsers for what it never needs: undici's
 * leanest way takes 0.075 ms of processor time for each fetch, this one 0.02 (four fetches behind one request, one core; docs/decisions.md). What it does
 * not know it refuses: no redirects, no compression, no TLS, no pipelining (an answer that hangs would hold up those behind it).
 */
export function leanClient({ origin, maxSockets, connectTimeoutMs, maxAnswerBytes }: LeanClientOptions): TextClient {
  const host = origin.hostname.replace(/^\[|\]$/g, '');
  const port = Number(origin.port || 80);
  const lines = new Set<Line>();
  /** The one used last is taken first: those that are not needed any more grow old together. */
  const idle: Line[] = [];
  const waiting: Job[] = [];
  const begin = (path: string) => `POST ${path} HTTP/1.1\r\nhost: ${origin.host}\r\n`;
  let isClosed = false;

  const open = (): Line => {
    const socket = connect({ host, port, noDelay: true });
    const line: Line = { socket, reader: new AnswerReader(maxAnswerBytes), job: null, usableUntil: 0 };
    lines.add(line);
    const connecting = setTimeout(() => socket.destroy(Object.assign(new Error('The host does not answer.'), { code: 'ETIMEDOUT' })), connectTimeoutMs);
    socket.once('connect', () => clearTimeout(connecting));
    let failure: Error | null = null;
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('data', (chunk) => received(line, chunk));
    socket.on('end', () => ended(line));
    socket.on('close', () => {
      clearTimeout(connecting);
      gone(line, failure ?? new UnreadableAnswer('ANSWER_CUT_OFF', 'The connection was closed before the answer came.'));
    });
    return line;
  };

  const received = (line: Line, chunk: Buffer) => {
    const { job } = line;
    // What comes unasked, or after its request was given up, is nobody's.
    if (!job) return void line.socket.destroy();
    try {
      const answer = line.reader.push(chunk);
      if (!answer) return;
      line.job = null;
      if (answer.reusableMs > 0 && !isClosed) {
        line.usableUntil = performance.now() + answer.reusableMs;
        release(line);
      } else line.socket.destroy();
      job.done(null, answer);
    } catch (error) {
      line.socket.destroy(error as Error);
    }
  };

  const ended = (line: Line) => {
    const { job } = line;
    if (job) {
      try {
        const answer = line.reader.end();
        line.job = null;
        job.done(null, answer);
      } catch {
        // Told when the socket is closed.
      }
    }
    line.socket.destroy();
  };

  const gone = (line: Line, error: Error) => {
    lines.delete(line);
    const at = idle.indexOf(line);
    if (at >= 0) idle.splice(at, 1);
    const { job } = line;
    line.job = null;
    job?.done(error, null);
    const next = waiting.shift();
    if (next) assign(next);
  };

  const release = (line: Line) => {
    const next = waiting.shift();
    if (next) return send(line, next);
    idle.push(line);
    // One of those that nobody has needed for long goes with each that comes back.
    const [oldest] = idle;
    if (oldest && oldest.usableUntil < performance.now()) oldest.socket.destroy();
  };

  const send = (line: Line, job: Job) => {
    line.job = job;
    if (job.isAscii) line.socket.write(job.head + job.body, 'latin1');
    else {
      line.socket.cork();
      line.socket.write(job.head, 'latin1');
      line.socket.write(job.body);
      line.socket.uncork();
    }
  };

  /** @returns false when there is no room for it any more */
  const assign = (job: Job): boolean => {
    for (let line = idle.pop(); line; line = idle.pop()) {
      if (line.usableUntil > performance.now() && !line.socket.destroyed) {
        send(line, job);
        return true;
      }
      line.socket.destroy();
    }
    if (lines.size < maxSockets) send(open(), job);
    else if (waiting.length < MAX_WAITING) waiting.push(job);
    else return false;
    return true;
  };

  return {
    post: ({ path, headers, body, signal, timeoutMs, onLate }) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(new Error('The client is closed.'));
        if (signal?.aborted) return reject(reasonOf(signal));
        const written = linesOf(headers);
        const bytes = Buffer.byteLength(body);
        const job: Job = {
          head: `${begin(path)}${written.text}content-length: ${bytes}\r\n\r\n`,
          body,
          // Whatever is not ASCII has more bytes than characters.
          isAscii: written.isAscii && bytes === body.length,
          done(error, answer) {
            clearTimeout(timer);
            signal?.removeEventListener('abort', leave);
            if (answer) resolve(answer);
            else reject(error as Error);
          },
        };
        const giveUp = (reason: Error) => {
          const queued = waiting.indexOf(job);
          if (queued >= 0) waiting.splice(queued, 1);
          job.done(reason, null);
          // Its answer would be taken for that of the next.
          for (const line of lines) {
            if (line.job !== job) continue;
            line.job = null;
            line.socket.destroy();
          }
        };
        const leave = () => giveUp(reasonOf(signal as StopSignal));
        const timer = setTimeout(() => giveUp(onLate()), timeoutMs);
        signal?.addEventListener('abort', leave, { once: true });
        if (!assign(job)) job.done(new Error(`More than ${MAX_WAITING} requests wait for ${origin.host}.`), null);
      }),
    close() {
      isClosed = true;
      for (const job of waiting.splice(0)) job.done(new Error('The client is closed.'), null);
      for (const line of lines) line.socket.destroy();
    },
  };
}

const reasonOf = (signal: StopSignal): Error => (signal.reason instanceof Error ? signal.reason : new Error('Nobody waits for this any more.'));

const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;
const UPPER_HALF = /[\x80-\xff]/;

interface HeaderLines {
  text: string;
  isAscii: boolean;
}

/** By the object that holds them. */
const known = new WeakMap<object, HeaderLines>();

/** @throws TypeError for a value that would be headers of its own, or a request: line breaks and other control characters */
function linesOf(headers: Readonly<Record<string, string>>): HeaderLines {
  const before = known.get(headers);
  if (before) return before;
  const lines: HeaderLines = { text: '', isAscii: true };
  for (const name in headers) {
    const value = headers[name] as string;
    if (FORBIDDEN.test(value)) throw new TypeError(`The header ${name} has a character that no header may have.`);
    if (UPPER_HALF.test(value)) lines.isAscii = false;
    lines.text += `${name}: ${value}\r\n`;
  }
  known.set(headers, lines);
  return lines;
}
