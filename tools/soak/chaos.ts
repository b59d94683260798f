/** @file What happens to the processes: by a seed, one thing after the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Easel } from '../../cli/up.ts';
import { drawUniform, pickOne } from '../../data/random.ts';

export const LEASE_SECONDS = 5;
const MIN_PAUSE_MS = 2000;
const MAX_PAUSE_MS = 9000;
/** How long a store that was killed is away. */
const MAX_AWAY_MS = 12_000;

/** A store that is a process of its own. */
export interface MortalStore {
  /** SIGKILL, and a start after so long. */
  kill(awayMs: number): Promise<void>;
  readonly pid: number | undefined;
}

export interface ChaosOptions {
  readonly seed: number;
  readonly hosts: readonly Easel[];
  readonly store?: MortalStore;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

type Deed = (host: Easel, share: number, options: ChaosOptions) => Promise<boolean>;

const pidsOf = {
  server: (host: Easel) => [host.serverPid],
  runner: (host: Easel) => [host.runnerPid],
  both: (host: Easel) => [host.serverPid, host.runnerPid],
} as const;
type Victim = keyof typeof pidsOf;

/** False: it was just being started anyway. */
function send(pids: readonly (number | undefined)[], signal: NodeJS.Signals): boolean {
  const there = pids.filter(pid => pid !== undefined);
  for (const pid of there) {
    try {
      process.kill(pid, signal);
    } catch {
      return false;
    }
  }
  return there.length > 0;
}

const end =
  (victim: Victim, signal: 'SIGKILL' | 'SIGTERM'): Deed =>
  async host =>
    send(pidsOf[victim](host), signal);

/** @param minMs Shortest time asleep; @param maxMs longest. */
const stop =
  (victim: Victim, minMs: number, maxMs: number): Deed =>
  async (host, share) => {
    const pids = pidsOf[victim](host);
    if (!send(pids, 'SIGSTOP')) return false;
    await sleep(minMs + share * (maxMs - minMs));
    return send(pids, 'SIGCONT');
  };

const DEEDS: Readonly<Record<string, Deed>> = {
  'server killed': end('server', 'SIGKILL'),
  'runner killed': end('runner', 'SIGKILL'),
  'server and runner killed': end('both', 'SIGKILL'),
  'server told to stop (SIGTERM)': end('server', 'SIGTERM'),
  'runner told to stop (SIGTERM)': end('runner', 'SIGTERM'),
  'server asleep (SIGSTOP)': stop('server', 500, 4000),
  'runner asleep (SIGSTOP)': stop('runner', 500, 4000),
  'server and runner asleep past the lease': stop('both', (LEASE_SECONDS + 1) * 1000, (LEASE_SECONDS + 4) * 1000),
};

const STORE_DEEDS: Readonly<Record<string, Deed>> = {
  'store killed': async (_, share, { store }) => {
    await store?.kill(share * MAX_AWAY_MS);
    return true;
  },
  'store asleep (SIGSTOP)': async (_, share, { store }) => {
    const pids = [store?.pid];
    if (!send(pids, 'SIGSTOP')) return false;
    await sleep(500 + share * 3500);
    return send(pids, 'SIGCONT');
  },
};

/** Goes on until the signal aborts. @returns How often each thing was done. */
export async function makeChaos(options: ChaosOptions): Promise<ReadonlyMap<string, number>> {
  const { seed, hosts, signal, log } = options;
  const deeds = { ...DEEDS, ...(options.store && STORE_DEEDS) };
  const counts = new Map(Object.keys(deeds).map(name => [name, 0]));
  for (let turn = 0; ; turn++) {
    const pause = MIN_PAUSE_MS + drawUniform(seed, turn, 'pause') * (MAX_PAUSE_MS - MIN_PAUSE_MS);
    await sleep(pause, undefined, { signal }).catch(() => {});
    if (signal.aborted) return counts;
    const [name, deed] = pickOne(Object.entries(deeds), seed, turn, 'deed');
    const host = pickOne(hosts, seed, turn, 'host');
    if (!(await deed(host, drawUniform(seed, turn, 'share'), options))) continue;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    log(`${name} (host ${hosts.indexOf(host)})`);
  }
}
