/** @file Starts a real server and a real gpu-runner over a store, for tests and the soak. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Easel, type EaselOptions, startEasel } from '../../cli/up.ts';
import { openStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { createSend, type ExpectJson, type Send } from './send.ts';

/** Where sites keep their objects. */
export interface Place {
  /** EASEL_STORE */
  readonly url: string;
  /** What a process needs in its environment to open the store. */
  readonly env: Readonly<Record<string, string>>;
}

/** A place in a temporary folder. */
export interface Folder extends Place {
  /** Has room for other files beside the store. */
  readonly folder: string;
  /** The store's own folder. */
  readonly store: string;
  remove(): Promise<void>;
}

export interface SiteOptions extends Pick<EaselOptions, 'env' | 'log'> {
  /** A place that several sites share, or that outlives the site. Default: a folder that goes with the site. */
  readonly place?: Place;
  /** Headers of each request that `send` makes. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Processes may end by other hands than `kill`. Default: then `close` fails. */
  readonly mortal?: boolean;
}

export type Program = 'server' | 'runner';

export interface Site {
  readonly easel: Easel;
  readonly place: Place;
  readonly send: Send;
  readonly expectJson: ExpectJson;
  /** Asks for the experiment until it is as wanted. @throws Error with the last answer after a minute. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the wire
  waitForExperiment(name: string, isWanted: (experiment: any) => boolean): Promise<void>;
  /** Sends a signal to processes of the site. @throws Error when one is just being started. */
  kill(programs: readonly Program[], signal?: NodeJS.Signals): void;
  /** Opens the store in this process and closes it again. */
  withStore<T>(use: (store: ObjectStore) => Promise<T>): Promise<T>;
  /** Stops both processes and starts new ones over the same place, at other addresses. */
  restart(): Promise<void>;
  /** Stops both processes. @throws Error when one had ended by itself. */
  close(): Promise<void>;
}

const WAIT_MS = 60_000;
const PAUSE_MS = 25;

export async function openFolder(): Promise<Folder> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-site-'));
  const store = join(folder, 'store');
  const remove = () => rm(folder, { recursive: true, force: true });
  return { folder, store, url: `file:${store}`, env: {}, remove };
}

/** Listens on free ports of loopback. Returns when the runner has tried its engines. */
export async function openSite(options: SiteOptions = {}): Promise<Site> {
  if (options.place !== undefined) return startSite(options, options.place, async () => {});
  const own = await openFolder();
  return startSite(options, own, own.remove);
}

async function startSite(options: SiteOptions, place: Place, remove: () => Promise<void>): Promise<Site> {
  let easel = await start(options, place).catch(async error => {
    await remove();
    throw error;
  });
  let kills = 0;
  const send = createSend(() => easel.url, options.headers);

  /** Stops, and tells how often processes ended by themselves. */
  async function stop(): Promise<void> {
    const restarts = easel.restarts.server + easel.restarts.runner;
    await easel.stop();
    if (restarts > kills && options.mortal !== true) {
      throw new Error(`processes of the site ended ${restarts - kills} times by themselves`);
    }
    kills = 0;
  }

  return {
    get easel() {
      return easel;
    },
    place,
    send,
    async expectJson(status, method, path, body, headers) {
      const answer = await send(method, path, body, headers);
      if (answer.status === status) return answer.body;
      throw new Error(`${method} ${path}: ${answer.status} instead of ${status}: ${answer.bytes}`);
    },
    waitForExperiment: (name, isWanted) => askUntil(send, `/experiments/${name}`, isWanted),
    kill(programs, signal = 'SIGKILL') {
      const pids = { server: easel.serverPid, runner: easel.runnerPid };
      for (const program of programs) {
        const pid = pids[program];
        if (pid === undefined) throw new Error(`the ${program} is just being started`);
        process.kill(pid, signal);
        if (signal === 'SIGKILL') kills++;
      }
    },
    async withStore(use) {
      const store = await openStore(place.url);
      try {
        return await use(store);
      } finally {
        await store.close();
      }
    },
    async restart() {
      await stop();
      easel = await start(options, place);
    },
    async close() {
      await stop().finally(remove);
    },
  };
}

async function start({ env, log, headers }: SiteOptions, place: Place): Promise<Easel> {
  const easel = await startEasel({
    store: place.url,
    port: 0,
    // No two sites of a machine exclude each other.
    device: `site-${randomUUID()}`,
    env: { ...place.env, ...env },
    ...(log && { log }),
  });
  try {
    await waitUntilReady(createSend(() => easel.url, headers));
    return easel;
  } catch (error) {
    await easel.stop();
    throw error;
  }
}

/** The server refuses experiments and samples until the runner has tried its engines. */
function waitUntilReady(send: Send): Promise<void> {
  return askUntil(send, '/health', ({ runner }) => runner?.engines.length > 0);
}

// biome-ignore lint/suspicious/noExplicitAny: JSON of the wire
async function askUntil(send: Send, path: string, isWanted: (body: any) => boolean): Promise<void> {
  for (const deadline = performance.now() + WAIT_MS; ; ) {
    const { body } = await send('GET', path);
    if (isWanted(body)) return;
    if (performance.now() > deadline) throw new Error(`GET ${path}: still ${JSON.stringify(body)}`);
    await sleep(PAUSE_MS);
  }
}
