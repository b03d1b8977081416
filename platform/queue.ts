import { Queue, type QueueOptions, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Log } from './log.js';

/** BullMQ runs lower numbers first (PF-03). */
export const PRIORITY = { CRITICAL: 1, HIGH: 2, NORMAL: 3, LOW: 4 } as const;
export type Priority = keyof typeof PRIORITY;

/** Hash-tagged, so that all keys of the queues live on one node of a Redis Cluster, as their scripts need. */
const PREFIX = '{waygraph}';
const ATTEMPTS = 3;
const FIRST_RETRY_MS = 2_000;
const DAY_S = 86_400;

/** A connection for commands. BullMQ's workers need `maxRetriesPerRequest: null`: they wait for Redis to come back rather than fail. */
export function connectRedis(url: string, log: Log, options: { subscriber?: boolean; waits?: boolean } = {}): Redis {
  const redis = new Redis(url, {
    maxRetriesPerRequest: options.waits ? null : 2,
    // A subscriber's ready check can lose messages that arrive between it and the subscription.
    enableReadyCheck: !options.subscriber,
    connectTimeout: 5_000,
    ...(options.waits ? {} : { commandTimeout: 5_000 }),
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 2_000),
  });
  redis.on('error', (error: Error) => log.debug({ reason: error.message }, 'redis connection'));
  return redis;
}

function queueOptions(connection: Redis): QueueOptions {
  return {
    connection,
    prefix: PREFIX,
    defaultJobOptions: {
      attempts: ATTEMPTS,
      backoff: { type: 'exponential', delay: FIRST_RETRY_MS, jitter: 0.3 },
      removeOnComplete: { age: DAY_S, count: 100 },
      removeOnFail: { age: 7 * DAY_S },
    },
  };
}

export interface JobSender<Data> {
  /** `id` makes equal jobs one: a job with an id that is still kept is not added again. */
  send(name: string, data: Data, options?: { id?: string; priority?: Priority; delayMs?: number; attempts?: number }): Promise<void>;
  sendAll(jobs: readonly { name: string; data: Data; id: string }[]): Promise<void>;
  depth(): Promise<number>;
  close(): Promise<void>;
}

/** A queue that does not answer in this time is down: its caller has the work in Postgres, and tries again. */
const ANSWER_WITHIN_MS = 5_000;
/** Running jobs may finish for this long when the process stops; what does not is delivered again. */
const FINISH_WITHIN_MS = 8_000;

/** BullMQ waits for Redis without end, also while it closes; nothing of ours may. @throws Error when the time is over */
async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  // The loser of the race may still fail later; nobody listens then.
  work.catch(() => {});
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

export function openQueue<Data>(name: string, redisUrl: string, log: Log): JobSender<Data> {
  const connection = connectRedis(redisUrl, log);
  const queue = new Queue<Data, void, string, Data, void, string>(name, queueOptions(connection));
  queue.on('error', (error) => log.debug({ queue: name, reason: error.message }, 'queue'));
  return {
    send: async (jobName, data, options = {}) => {
      const settings = {
        priority: PRIORITY[options.priority ?? 'NORMAL'],
        ...(options.id && { jobId: options.id }),
        ...(options.delayMs && { delay: options.delayMs }),
        ...(options.attempts && { attempts: options.attempts }),
      };
      await within(ANSWER_WITHIN_MS, `adding to ${name}`, queue.add(jobName, data, settings));
    },
    sendAll: async (jobs) => {
      const bulk = jobs.map((job) => ({ name: job.name, data: job.data, opts: { jobId: job.id } }));
      await within(ANSWER_WITHIN_MS, `adding to ${name}`, queue.addBulk(bulk));
    },
    depth: () => queue.getJobCountByTypes('waiting', 'active', 'delayed', 'prioritized'),
    close: async () => {
      await within(ANSWER_WITHIN_MS, `closing ${name}`, queue.close()).catch((error: Error) => log.debug({ reason: error.message }, 'queue'));
      connection.disconnect();
    },
  };
}

export interface JobWorker {
  stop(): Promise<void>;
}

/**
 * Runs jobs of one queue. A job that failed for the last time goes, with its whole context, to the dead-letter queue `<name>-dead` (PF-03);
 * what it stood for is in Postgres as well, so the dead letter is for people to look at.
 */
export function startWorker<Data>(
  name: string,
  redisUrl: string,
  log: Log,
  run: (job: { name: string; data: Data; attempt: number }) => Promise<void>,
  concurrency = 10,
): JobWorker {
  const connection = connectRedis(redisUrl, log, { waits: true });
  const dead = openQueue<unknown>(`${name}-dead`, redisUrl, log);
  const worker = new Worker<Data, void, string>(name, (job) => run({ name: job.name, data: job.data, attempt: job.attemptsMade + 1 }), {
    connection,
    prefix: PREFIX,
    concurrency,
    maxStalledCount: 3,
  });
  worker.on('error', (error) => log.debug({ queue: name, reason: error.message }, 'worker'));
  worker.on('failed', (job, error) => {
    const last = !job || job.attemptsMade >= (job.opts.attempts ?? 1);
    log[last ? 'error' : 'warn']({ queue: name, job: job?.name, jobId: job?.id, attempt: job?.attemptsMade, err: error }, 'job failed');
    if (job && last) {
      dead
        .send(job.name, { data: job.data, error: error.message, attempts: job.attemptsMade })
        .catch((cause) => log.error({ err: cause }, 'dead letter not kept'));
    }
  });
  return {
    stop: async () => {
      await within(FINISH_WITHIN_MS, `closing the worker of ${name}`, worker.close()).catch((error: Error) => {
        log.warn({ reason: error.message }, 'jobs left unfinished; they are delivered again');
        worker.close(true).catch(() => {});
      });
      connection.disconnect();
      await dead.close();
    },
  };
}
