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

export function openQueue<Data>(name: string, redisUrl: string, log: Log): JobSender<Data> {
  const connection = connectRedis(redisUrl, log);
  const queue = new Queue<Data, void, string, Data, void, string>(name, queueOptions(connection));
  queue.on('error', (error) => log.debug({ queue: name, reason: error.message }, 'queue'));
  return {
    send: async (jobName, data, options = {}) => {
      await queue.add(jobName, data, {
        priority: PRIORITY[options.priority ?? 'NORMAL'],
        ...(options.id && { jobId: options.id }),
        ...(options.delayMs && { delay: options.delayMs }),
        ...(options.attempts && { attempts: options.attempts }),
      });
    },
    sendAll: async (jobs) => {
      await queue.addBulk(jobs.map((job) => ({ name: job.name, data: job.data, opts: { jobId: job.id } })));
    },
    depth: () => queue.getJobCountByTypes('waiting', 'active', 'delayed', 'prioritized'),
    close: async () => {
      await queue.close();
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
      await worker.close();
      connection.disconnect();
      await dead.close();
    },
  };
}
