/** @file XLA through a PJRT plugin: NVIDIA GPUs, and the CPU as a second opinion. */
import type { Precision } from '../../../configs/engines.ts';
import { Unprocessable } from '../../../errors.ts';
import type { Engine } from '../../compiler/engine.ts';
import type { Graph } from '../../compiler/graph.ts';
import { peakLiveBytes } from '../../compiler/live-bytes.ts';
import type { StableHloProgram } from '../../compiler/targets/stablehlo/lower.ts';
import { checkThreads } from '../threads.ts';
import { Compiler } from './compiler.ts';
import { XlaExecutable } from './executable.ts';
import { findCudaTools, findPlugin, type XlaPlatform } from './library.ts';
import { hasAttentionKernel, lowerForXla } from './lowering.ts';
import { CARD_ORDER, firstCard, listCards, readCardWatts } from './nvidia.ts';
import { XlaError } from './pjrt/calls.ts';
import type { XlaDevice } from './pjrt/device.ts';
import type { LoadedProgram } from './pjrt/loaded-program.ts';
import { type ClientSettings, type DeviceLease, leaseDevice } from './shared-client.ts';
import { XlaState } from './state.ts';

export interface XlaOptions {
  readonly platform: XlaPlatform;
  /** Threads of `cpu`. */
  readonly threads?: number;
  /** Precision of matrix products in graphs of the model; default f32. */
  readonly precision?: Precision;
  /** Equal programs give equal bits in every run and process; default true. */
  readonly deterministic?: boolean;
  /**
   * Kernels of a GPU that an earlier process measured as the fastest, as {@link XlaEngine.readChoices} returned them.
   * Without them, rules choose kernels if `deterministic`, and otherwise each process measures.
   */
  readonly autotune?: Uint8Array;
  /** Measures kernels, for {@link XlaEngine.readChoices}. */
  readonly records?: boolean;
  /** See {@link FlagSettings}. */
  readonly fuses?: boolean;
  /** Compiles in a process of its own; default: on a GPU. */
  readonly compilesApart?: boolean;
  /** Folder that keeps compiled programs for later processes; absent: none are kept. */
  readonly cacheFolder?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export interface XlaEngine extends Engine {
  /** Choices of kernels for all programs that were compiled; undefined if nothing was measured. */
  readChoices(): Uint8Array | undefined;
  /** The device on which programs run: its kind, and the memory that is taken. */
  readonly device: Pick<XlaDevice, 'kind' | 'readMemory'>;
}

/** @throws Unprocessable if the plugin is missing or has no device, with the reason. */
export async function createXlaEngine(options: XlaOptions): Promise<XlaEngine> {
  const { platform, precision = 'f32', deterministic = true, autotune, records = false, cacheFolder } = options;
  const settings = await resolveSettings(options);
  const lease = await openDevice(settings);
  const { client, queue } = lease.device;
  const fusesAttention = hasAttentionKernel(platform, precision);
  const compiler = new Compiler({
    ...{ client, settings, records, autotune, cacheFolder },
    apart: options.compilesApart ?? platform === 'cuda',
    flags: {
      platform,
      deterministic,
      fuses: options.fuses,
      cudaTools: platform === 'cuda' ? findCudaTools(settings.plugin, options.env) : undefined,
    },
  });
  const states = new Set<XlaState>();
  const executables = new Set<XlaExecutable>();
  let isReleased = false;

  return {
    name: `xla/${platform}`,
    precision,
    tuning: { fusesAttention, queuesRuns: true },
    readMemory: () => client.device.readMemory(),
    ...(platform === 'cuda' && { readWatts: () => readCardWatts(process.env.CUDA_VISIBLE_DEVICES) }),
    createState(tensors) {
      const state = new XlaState(client, disposed => states.delete(disposed));
      states.add(state);
      state.set(tensors);
      return state;
    },
    async compile(graph: Graph) {
      const program = lowerForXla(graph, fusesAttention);
      const loaded = await compiler.load(program.text);
      const executable = new XlaExecutable(lease.device, program, loaded, readPeak(loaded, program), () =>
        executables.delete(executable),
      );
      executables.add(executable);
      return executable;
    },
    device: client.device,
    readChoices: () => compiler.readChoices(),
    async dispose() {
      if (isReleased) return;
      isReleased = true;
      await queue.drain();
      for (const state of [...states]) state.dispose();
      for (const executable of [...executables]) await executable.dispose();
      await lease.release();
    },
  };
}

function readPeak(loaded: LoadedProgram, { graph }: StableHloProgram): number {
  try {
    return loaded.memory.peak;
  } catch (error) {
    if (error instanceof XlaError && error.reason === 'UNIMPLEMENTED') return peakLiveBytes(graph);
    throw error;
  }
}

async function resolveSettings({ platform, threads = 1, env = process.env }: XlaOptions): Promise<ClientSettings> {
  checkThreads(threads);
  const found = findPlugin(platform, env);
  if (found.path === undefined) throw new Unprocessable(`xla/${platform} is not available here: ${found.missing}`);
  if (platform === 'cpu') return { platform, plugin: found.path, threads, preallocates: false };
  Object.assign(process.env, CARD_ORDER);
  const card = firstCard(await listCards(), env.CUDA_VISIBLE_DEVICES);
  return { platform, plugin: found.path, threads: 1, preallocates: card?.hasDisplay === false };
}

async function openDevice(settings: ClientSettings): Promise<DeviceLease> {
  try {
    return await leaseDevice(settings);
  } catch (error) {
    if (!(error instanceof XlaError)) throw error;
    throw new Unprocessable(`xla/${settings.platform} has no device here: ${error.message}`, { cause: error });
  }
}
