/** @file Installs a faster engine than npm brings while the portraits are prepared, if the demo names no engine. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type EngineRow, healthSchema } from '../../cli/health.ts';
import type { ApiClient } from '../../cli/http.ts';
import { type InstallOptions, installEngine } from '../../cli/install-engine.ts';
import { ENGINE_PACKAGES, type EnginePackage, enginePackageFolder } from '../../configs/engine-packages.ts';
import { NotFound } from '../../errors.ts';
import { experimentAnswer } from './answers.ts';
import type { DemoPlan } from './options.ts';
import { showPath, type Terminal } from './terminal.ts';

/** Larger packages are installed only when somebody asks for them. */
const LARGEST_MB = 500;
/** The demo waits no longer for a download. */
const LIMIT_MS = 180_000;
/** A gpu-runner that has just started tries its engines for a second or two. */
const PROBING_MS = 30_000;
const POLL_MS = 100;

/** By engine. */
type EnginePackages = Readonly<Record<string, EnginePackage | undefined>>;

export interface EngineFetch {
  readonly api: ApiClient;
  readonly terminal: Terminal;
  readonly plan: DemoPlan;
  readonly signal: AbortSignal;
  readonly cacheFolder: string;
  readonly limitMs?: number;
  readonly packages?: EnginePackages;
  /** Environment of pip. */
  readonly env?: InstallOptions['env'];
}

/**
 * Installs the engine that the gpu-runner advises. Does nothing if the plan names an engine, or if the experiment
 * exists, since an experiment keeps its engine. Never rejects: without the engine the demo only takes longer.
 * @returns Whether the gpu-runner must be restarted to find the engine.
 */
export async function fetchEngine(fetch: EngineFetch): Promise<boolean> {
  const { api, terminal, plan, signal, limitMs = LIMIT_MS } = fetch;
  const packages: EnginePackages = fetch.packages ?? ENGINE_PACKAGES;
  if (plan.engine !== undefined) return false;
  let name = 'a faster engine';
  try {
    const advised = (await waitForEngines(api)).find(
      each => !each.available && each.advice !== undefined && (packages[each.name]?.size ?? 0) <= LARGEST_MB,
    );
    const pinned = advised && packages[advised.name];
    if (pinned === undefined || (await hasExperiment(api, plan.experiment))) return false;
    name = advised?.name ?? name;
    terminal.line(
      `This CPU trains faster on ${name}: installing it meanwhile (${pinned.size} MB, by pip or uv; ` +
        '`--engine onnxruntime/cpu` goes without).',
    );
    await installEngine(pinned, {
      cacheFolder: fetch.cacheFolder,
      log: () => {},
      signal: AbortSignal.any([signal, AbortSignal.timeout(limitMs)]),
      ...(fetch.env && { env: fetch.env }),
    });
    terminal.line(`${name} is installed: ${showPath(enginePackageFolder(fetch.cacheFolder, pinned))}`);
    return true;
  } catch (error) {
    if (!signal.aborted) terminal.line(`Training without ${name}: ${describeReason(error, limitMs)}`);
    return false;
  }
}

/** Resolves when the gpu-runner has tried its engines, with what it found; empty if it takes too long. */
export async function waitForEngines(api: Pick<ApiClient, 'get'>): Promise<readonly EngineRow[]> {
  const deadline = performance.now() + PROBING_MS;
  for (;;) {
    const { runner } = await api.get('/health', healthSchema);
    if ((runner && runner.engines.length > 0) || performance.now() > deadline) return runner?.engines ?? [];
    await sleep(POLL_MS);
  }
}

function describeReason(error: unknown, limitMs: number): string {
  if (!(error instanceof Error)) return String(error);
  return error.name === 'TimeoutError' ? `the download took longer than ${limitMs / 1000} s` : error.message;
}

async function hasExperiment(api: ApiClient, name: string): Promise<boolean> {
  try {
    await api.get(`/experiments/${name}`, experimentAnswer);
    return true;
  } catch (error) {
    if (error instanceof NotFound) return false;
    throw error;
  }
}
