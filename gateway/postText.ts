import type { Dispatcher } from 'undici';
import type { PostedText } from './leanClient.js';

/**
 * Posts a body and gives the answer as text, where a lean client does not reach: over TLS. By undici's `dispatch`, not by its `request`: that makes a stream of each answer, and wants an AbortSignal
 * of its own for each fetch to be ended by, which together cost as much as all the rest of a small fetch.
 * @throws undici's errors, the signal's reason, or what `onLate` gives
 */
export function postText(pool: Dispatcher, { path, headers, body, signal, timeoutMs, onLate }: PostedText): Promise<{ statusCode: number; text: string }> {
  return new Promise((resolve, reject) => {
    let running: Dispatcher.DispatchController | null = null;
    let ended: Error | null = null;
    let statusCode = 0;
    let text = '';
    let chunks: Buffer[] | null = null;
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', leave);
    };
    const end = (reason: Error) => {
      if (ended) return;
      ended = reason;
      finish();
      running?.abort(reason);
      reject(reason);
    };
    const leave = () => end(signal?.reason instanceof Error ? signal.reason : new Error('Nobody waits for this any more.'));
    const timer = setTimeout(() => end(onLate()), timeoutMs);
    if (signal?.aborted) return leave();
    signal?.addEventListener('abort', leave, { once: true });
    pool.dispatch(
      { method: 'POST', path, headers, body },
      {
        onRequestStart(controller) {
          running = controller;
          if (ended) controller.abort(ended);
        },
        onResponseStart(_controller, status) {
          statusCode = status;
        },
        onResponseData(_controller, chunk) {
          (chunks ??= []).push(chunk);
        },
        onResponseEnd() {
          finish();
          if (chunks) text = (chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)).toString();
          resolve({ statusCode, text });
        },
        onResponseError(_controller, error) {
          finish();
          reject(ended ?? error);
        },
      },
    );
  });
}
