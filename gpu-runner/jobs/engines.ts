/** @file The table of engines: probing and opening them. */

import { cacheFolderOf } from '../../configs/cache-folder.ts';
import type { EngineName } from '../../configs/engines.ts';
import { readMachineMemory } from '../../configs/machine-memory.ts';
import { Internal, Unprocessable } from '../../errors.ts';
import { cutPaths } from '../../errors-wire.ts';
import type { Digest } from '../../storage/digest.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Engine, EngineProbe } from '../compiler/engine.ts';
import { createReferenceEngine, probeReference } from '../engines/reference/engine.ts';
import { measureThreads } from '../engines/thread-count.ts';

export interface OpenOptions {
  /** Gives executables a profile, if the engine can profile. */
  readonly profile?: boolean;
  /** Reads the blob that `autotune` of a spec names. */
  readonly blobs?: Pick<BlobStore, 'get'>;
  /** Measures which kernels are the fastest, if the engine can. */
  readonly records?: boolean;
}

interface EngineEntry {
  probe(): Promise<EngineProbe>;
  open(spec: EngineSpec, options: OpenOptions): Promise<Engine>;
}

const cacheFolder = cacheFolderOf(process.env);
/** The runner's start has refused a value that is no number. */
const fixed = Number(process.env.EASEL_THREADS) || undefined;

// A native engine is imported at its first use. So one that does not load does not stop the others.
const ENGINES: Readonly<Record<EngineName, EngineEntry>> = {
  'onnxruntime/cpu': {
    async probe() {
      const { probeOnnxRuntime, createOnnxRuntimeEngine } = await import('../engines/onnxruntime/engine.ts');
      const probe = { ...probeOnnxRuntime(), memory_bytes: readMachineMemory().limit };
      return measureThreads(probe, { cacheFolder, fixed, open: threads => createOnnxRuntimeEngine({ threads }) });
    },
    open: async ({ threads }, options) =>
      (await import('../engines/onnxruntime/engine.ts')).createOnnxRuntimeEngine({ threads, cacheFolder, ...options }),
  },
  'onnxruntime/webgpu': {
    probe: async () => (await import('../engines/onnxruntime/webgpu-probe.ts')).probeWebGpu(),
    open: async ({ precision }) => (await import('../engines/onnxruntime/webgpu.ts')).createWebGpuEngine({ precision }),
  },
  'openvino/cpu': {
    async probe() {
      const { probeOpenVino, createOpenVinoEngine } = await import('../engines/openvino/engine.ts');
      const probe = { ...probeOpenVino(), memory_bytes: readMachineMemory().limit };
      return measureThreads(probe, { cacheFolder, fixed, open: threads => createOpenVinoEngine({ threads }) });
    },
    open: async ({ threads, precision }, options) =>
      (await import('../engines/openvino/engine.ts')).createOpenVinoEngine({ threads, precision, ...options }),
  },
  'xla/cpu': {
    async probe() {
      const { probeXla } = await import('../engines/xla/probe.ts');
      const probe = await probeXla('cpu');
      return { ...probe, memory_bytes: readMachineMemory().limit, ...(probe.available && fixed && { threads: fixed }) };
    },
    open: async ({ threads, precision }) =>
      (await import('../engines/xla/engine.ts')).createXlaEngine({ platform: 'cpu', threads, precision, cacheFolder }),
  },
  'xla/cuda': {
    probe: async () => (await import('../engines/xla/probe.ts')).probeXla('cuda'),
    async open({ precision, deterministic = true, autotune: digest }, { blobs, records = false }) {
      const { createXlaEngine } = await import('../engines/xla/engine.ts');
      const autotune = digest && (await readChoices(digest, blobs));
      const options = { precision, deterministic, cacheFolder, records, ...(autotune && { autotune }) };
      return createXlaEngine({ platform: 'cuda', ...options });
    },
  },
  tensorflow: {
    async probe() {
      const { probeTensorflow } = await import('../engines/tensorflow/engine.ts');
      return { ...(await probeTensorflow()), memory_bytes: readMachineMemory().limit };
    },
    open: async ({ threads }) => (await import('../engines/tensorflow/engine.ts')).createTensorflowEngine({ threads }),
  },
  reference: {
    probe: () => Promise.resolve({ ...probeReference(), memory_bytes: readMachineMemory().limit }),
    open: () => Promise.resolve(createReferenceEngine()),
  },
};

async function readChoices(digest: Digest, blobs: OpenOptions['blobs']): Promise<Uint8Array> {
  if (blobs === undefined) throw new Internal(`nothing can read the blob ${digest}, which the engine needs`);
  return blobs.get(digest);
}

/** @throws Unprocessable if the engine cannot run here, with the reason, or does not have the precision. */
export async function openEngine(spec: EngineSpec, options: OpenOptions = {}): Promise<Engine> {
  const entry = ENGINES[spec.name];
  const probe = await probeOne(spec.name, entry);
  if (!probe.available) {
    throw new Unprocessable(
      `engine ${spec.name} is not available here: ${cutPaths(probe.reason ?? 'unknown reason')}`,
      {
        expected: 'an engine that `easel engines` shows as available',
      },
    );
  }
  const { precisions = ['f32'] } = probe;
  if (!precisions.includes(spec.precision)) {
    throw new Unprocessable(`engine ${spec.name} does not compute in ${spec.precision} here`, {
      expected: `precision ${precisions.join(' or ')}`,
    });
  }
  return entry.open(spec, options);
}

export function probeEngines(): Promise<EngineProbe[]> {
  return Promise.all(Object.entries(ENGINES).map(([name, entry]) => probeOne(name, entry)));
}

async function probeOne(name: string, entry: EngineEntry): Promise<EngineProbe> {
  try {
    return await entry.probe();
  } catch (error) {
    return { name, available: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
