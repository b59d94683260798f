/**
 * @file The server's side of the runner protocol: finds a runner, submits and follows a job, and goes on after a
 * runner's death.
 */
import { randomUUID } from 'node:crypto';
import { defaultCacheFolder } from '../../configs/cache-folder.ts';
import { gibibytes } from '../../configs/gibibytes.ts';
import { AppError, Busy, Cancelled, Internal, OutOfMemory } from '../../errors.ts';
import { rebuildError } from '../../errors-wire.ts';
import { type Clock, SYSTEM_CLOCK } from '../../storage/clock.ts';
import type { Job, JobEvent, JobResult, RunnerClient, RunnerStatus } from '../protocol.ts';
import { readRunnerFiles } from './runner-file.ts';
import { createRunnerLink, LinkLost, type RunnerLink } from './runner-link.ts';

/** Submissions of one job whose runner dies. */
const ATTEMPTS = 3;
const FIRST_CONTACT_MS = 2000;
const RETURN_MS = 20_000;
/** Shorter than the wait of callers that show the status. */
const STATUS_MS = 1500;
const POLL_MS = 200;
const RETRY_AFTER_SECONDS = 10;

export interface RunnerClientOptions {
  /** Such as `http://127.0.0.1:8789`; default: every runner of this user that was started alone. */
  readonly addresses?: readonly string[];
  /** Default: from the file that a runner started alone leaves in the cache folder. */
  readonly secret?: string;
  readonly cacheFolder?: string;
  readonly fetch?: typeof fetch;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Longest absence of a runner that was seen before (a supervised restart); default 20 s. */
  readonly returnMs?: number;
  /** Longest search for a runner that was never seen; default 2 s. */
  readonly firstContactMs?: number;
}

interface Endpoint {
  readonly address: string;
  readonly secret: string;
}

/**
 * Runs jobs on the runner with the shortest queue. A job is idempotent by its action, so it is submitted again when its
 * runner dies.
 */
export function createRunnerClient(options: RunnerClientOptions = {}): RunnerClient {
  const { fetch: doFetch = fetch, clock = SYSTEM_CLOCK } = options;
  let seen = false;

  async function listEndpoints(): Promise<readonly Endpoint[]> {
    const { addresses = [], secret } = options;
    if (secret !== undefined) return addresses.map(address => ({ address, secret }));
    const files = await readRunnerFiles(options.cacheFolder ?? defaultCacheFolder());
    return files.filter(({ address }) => addresses.length === 0 || addresses.includes(address));
  }

  /** All runners that answer, and for each other runner the reason. */
  async function survey(signal: AbortSignal) {
    const links = (await listEndpoints()).map(endpoint => createRunnerLink(endpoint, doFetch, clock));
    const answers = await Promise.allSettled(links.map(async link => ({ link, status: await link.status(signal) })));
    const answering = answers.flatMap(answer => (answer.status === 'fulfilled' ? answer.value : []));
    const reachable = answering.filter(({ status }) => !status.stopping);
    const reasons = [
      ...answering.flatMap(({ link, status }) => (status.stopping ? `${link.address}: it is shutting down` : [])),
      ...answers.flatMap((answer, index) =>
        answer.status === 'rejected' ? `${links[index]?.address}: ${messageOf(answer.reason)}` : [],
      ),
    ];
    if (answering.length > 0) seen = true;
    return { answering, reachable, reasons };
  }

  /** Waits for a runner. @throws Busy with the addresses and advice. */
  async function findRunners(signal: AbortSignal) {
    let since = clock.monotonic();
    for (;;) {
      const { answering, reachable, reasons } = await survey(signal);
      signal.throwIfAborted();
      if (reachable.length > 0) return reachable;
      // A runner may need a long step to shut down. The wait for its return begins after that.
      if (answering.length > 0) since = clock.monotonic();
      const patience = seen ? (options.returnMs ?? RETURN_MS) : (options.firstContactMs ?? FIRST_CONTACT_MS);
      if (clock.monotonic() + POLL_MS > since + patience) throw unreachable(reasons);
      await clock.sleep(POLL_MS, signal);
    }
  }

  function unreachable(reasons: readonly string[]): Busy {
    const asked = options.addresses?.join(', ');
    const message =
      reasons.length > 0
        ? `no gpu-runner is reachable (${reasons.join('; ')})`
        : `no gpu-runner is known${asked === undefined || asked === '' ? '' : ` at ${asked}`}`;
    return new Busy(message, {
      expected: 'a running gpu-runner with the same secret',
      hint: 'run `easel up`, or `node gpu-runner/process/main.ts` and name its address in EASEL_RUNNERS',
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }

  /**
   * Runners that know the job come first, then by load; runners without the job's engine come last.
   * @param before Pids of the runners at the last attempt.
   * @throws OutOfMemory if one of them was killed because memory ran out.
   */
  async function rank(action: string, job: Job, before: Set<number>, signal: AbortSignal) {
    const reachable = await findRunners(signal);
    const heir = reachable.find(({ status }) => status.killed_for_memory && before.size > 0 && !before.has(status.pid));
    if (heir) throw killedForMemory(job, heir.status);
    for (const { status } of reachable) before.add(status.pid);
    const known = await Promise.all(
      reachable.map(({ link }) => (reachable.length === 1 ? false : link.knows(action, signal))),
    );
    const cost = ({ status }: { status: RunnerStatus }, index: number) => {
      const wanted = 'engine' in job ? job.engine.name : undefined;
      const engine = status.engines.find(({ name }) => name === wanted);
      const unfit = wanted !== undefined && status.engines.length > 0 && engine?.available !== true;
      return (known[index] === true ? 0 : 1e6) + (unfit ? 1e3 : 0) + status.queued + (status.running === null ? 0 : 1);
    };
    return reachable
      .map((candidate, index) => ({ link: candidate.link, cost: cost(candidate, index) }))
      .sort((a, b) => a.cost - b.cost)
      .map(({ link }) => link);
  }

  async function runOnce(
    action: string,
    job: Job,
    client: string,
    before: Set<number>,
    signal: AbortSignal,
    onEvent: (event: JobEvent) => void,
  ) {
    let full: Busy | undefined;
    for (const link of await rank(action, job, before, signal)) {
      try {
        const document = await link.submit(action, job);
        if (document.result !== undefined) return document.result;
        return await followToEnd(link, action, client, signal, onEvent);
      } catch (error) {
        // Waits for the answer, while the runner still knows that this client follows.
        if (signal.aborted) await link.cancel(action, client).catch(() => {});
        if (!(error instanceof Busy)) throw error;
        if (error.details.stopping === true) throw new LinkLost(error.message, { cause: error });
        full = error;
      }
    }
    throw full ?? unreachable([]);
  }

  return {
    async run(action, job, { signal, onEvent = () => {} }) {
      const client = randomUUID();
      const before = new Set<number>();
      try {
        for (let attempt = 1; ; attempt++) {
          try {
            return await runOnce(action, job, client, before, signal, onEvent);
          } catch (error) {
            signal.throwIfAborted();
            if (!(error instanceof LinkLost)) throw error;
            if (attempt === ATTEMPTS) {
              throw new Busy(
                `the gpu-runner went away ${ATTEMPTS} times during this ${job.kind} job (${error.message})`,
                {
                  hint: "look at the runner's log; the same call goes on from the last result",
                  retryAfterSeconds: RETRY_AFTER_SECONDS,
                  cause: error,
                },
              );
            }
            onEvent({
              type: 'progress',
              phase: 'waiting',
              message: 'the gpu-runner went away, waiting for its return',
            });
          }
        }
      } catch (error) {
        if (signal.aborted) throw new Cancelled(`the ${job.kind} job was cancelled`, { cause: error });
        throw error;
      }
    },

    async status() {
      const { answering, reasons } = await survey(AbortSignal.timeout(STATUS_MS));
      const first = answering[0];
      if (first === undefined) throw unreachable(reasons);
      return first.status;
    },
  };
}

function killedForMemory({ kind }: Job, { memory }: RunnerStatus): OutOfMemory {
  const limit = memory && gibibytes(memory.limit_bytes);
  return new OutOfMemory(`the gpu-runner was killed because memory ran out during this ${kind} job`, {
    expected: `a job that fits into the memory of the gpu-runner${limit === undefined ? '' : `, ${limit}`}`,
    hint:
      'take a smaller model, smaller pictures or a smaller engine.micro_batch, or engine.gradient_checkpointing; ' +
      'end other programs, or give the gpu-runner more memory',
  });
}

async function followToEnd(
  link: RunnerLink,
  action: string,
  client: string,
  signal: AbortSignal,
  onEvent: (event: JobEvent) => void,
): Promise<JobResult> {
  for await (const event of link.follow(action, client, signal)) {
    onEvent(event);
    if (event.type === 'done') return event.result;
    if (event.type === 'failed') throw rebuildError(event.error);
  }
  throw new Internal('a followed job ended without an event');
}

function messageOf(reason: unknown): string {
  if (reason instanceof AppError) return reason.message;
  return reason instanceof Error ? reason.message : String(reason);
}
