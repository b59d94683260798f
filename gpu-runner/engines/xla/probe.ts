/** @file Probes XLA's devices in another process, and says what is missing and how to bring it. */
import { cpus } from 'node:os';
import { z } from 'zod';
import { CUDA_NEEDS } from '../../../configs/engine-packages.ts';
import type { EngineProbe } from '../../compiler/engine.ts';
import { runProbe } from '../forked-probe.ts';
import { countThreads } from '../threads.ts';
import { findCudaTools, findPlugin, type XlaPlatform } from './library.ts';
import { CARD_ORDER, firstCard, listCards, type NvidiaCard, readDriverVersion } from './nvidia.ts';

const PROBE_PROCESS = new URL('./probe-process.ts', import.meta.url);
/** A GPU that is in use by others may take its time. */
const TIMEOUT_MS = 60_000;
/** NVIDIA GPUs multiply bf16 in hardware from this compute capability on. */
const BF16_CAPABILITY = 8;

const reportSchema = z.union([
  z.strictObject({
    device: z.string(),
    /** Version of PJRT's C interface. */
    pjrt: z.string(),
    capability: z.string().optional(),
    memoryBytes: z.number().optional(),
  }),
  z.strictObject({ reason: z.string() }),
]);
/** Report of the probe process. */
export type XlaReport = z.input<typeof reportSchema>;

export interface ProbeOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** For tests: another program, timeout, or driver. */
  readonly program?: URL;
  readonly timeoutMs?: number;
  readonly cards?: () => Promise<readonly NvidiaCard[]>;
  readonly driver?: string | undefined;
}

const known = new Map<XlaPlatform, Promise<EngineProbe>>();

/** Probes once per process: drivers do not come and go. */
export function probeXla(platform: XlaPlatform): Promise<EngineProbe> {
  const probe = known.get(platform) ?? probeXlaNow(platform);
  known.set(platform, probe);
  return probe;
}

export async function probeXlaNow(platform: XlaPlatform, options: ProbeOptions = {}): Promise<EngineProbe> {
  const { env = process.env, program = PROBE_PROCESS, timeoutMs = TIMEOUT_MS } = options;
  const name = `xla/${platform}`;
  const refuse = (reason: string, rest: Partial<EngineProbe> = {}) => ({ name, available: false, reason, ...rest });
  const driver = platform === 'cuda' ? await probeDriver(options, env) : undefined;
  if (driver?.reason !== undefined) return refuse(driver.reason);
  const found = findPlugin(platform, env);
  if (found.path === undefined) {
    const advice = 'this NVIDIA GPU trains with XLA: `easel engines install xla-cuda`, then start this again';
    return refuse(found.missing, platform === 'cuda' && found.installable ? { advice } : {});
  }
  if (platform === 'cuda' && findCudaTools(found.path, env) === undefined) {
    return refuse(
      'ptxas of CUDA is missing, which compiles programs: run `easel engines install xla-cuda`, or set ' +
        'XLA_CUDA_DATA_DIR to the folder of a CUDA toolkit, with bin/ptxas and nvvm/libdevice',
    );
  }
  const report = await runProbe<XlaReport>({
    ...{ program, args: [platform, found.path], report: reportSchema, timeoutMs },
    ...{ subject: 'XLA', suspect: platform === 'cuda' ? 'the NVIDIA driver' : 'the plugin of XLA' },
    env: { ...env, ...CARD_ORDER },
  });
  if ('reason' in report) return refuse(explain(report.reason));
  return { name, available: true, ...(driver ? describeGpu(report, driver) : describeCpu(report)) };
}

interface FoundDriver {
  readonly version: string;
  /** Absent: only the version is known. */
  readonly card?: NvidiaCard;
  readonly reason?: never;
}

/** The driver, or why it does not do. */
async function probeDriver(
  { cards = listCards, driver = readDriverVersion() }: ProbeOptions,
  env: NodeJS.ProcessEnv,
): Promise<FoundDriver | { readonly reason: string }> {
  const card = firstCard(await cards(), env.CUDA_VISIBLE_DEVICES);
  const version = card?.driver ?? driver;
  const needed = `an NVIDIA GPU and its driver, version ${CUDA_NEEDS.driver} or newer (CUDA ${CUDA_NEEDS.cuda})`;
  if (version === undefined) return { reason: `there is no NVIDIA driver: xla/cuda needs ${needed}` };
  if (Number.parseInt(version, 10) >= CUDA_NEEDS.driver) return { version, ...(card && { card }) };
  return { reason: `the NVIDIA driver ${version} is too old: xla/cuda needs ${needed}; update the driver` };
}

function explain(reason: string): string {
  if (/No visible GPU devices/.test(reason)) {
    return 'the NVIDIA driver shows no GPU to this user: check nvidia-smi, CUDA_VISIBLE_DEVICES and /dev/nvidia*';
  }
  const [library] = /lib(?:cu|nv)\w+\.so[.\d]*/.exec(reason) ?? [];
  return library === undefined
    ? reason
    : `${reason}; ${library} is missing or does not fit: run \`easel engines install xla-cuda\``;
}

type Found = Extract<XlaReport, { readonly device: string }>;
type Description = Omit<EngineProbe, 'name' | 'available'>;

function describeCpu({ device, pjrt }: Found): Description {
  return {
    device: cpus()[0]?.model ?? device,
    version: `PJRT ${pjrt}`,
    threads: countThreads(),
    precisions: ['f32', 'bf16', 'f16'],
  };
}

function describeGpu(
  { device, pjrt, capability = '', memoryBytes }: Found,
  { version, card }: FoundDriver,
): Description {
  const memory = card?.memoryBytes || memoryBytes;
  const hasBf16 = Number.parseFloat(capability) >= BF16_CAPABILITY;
  return {
    device: `${device}, compute capability ${capability}`,
    version: `PJRT ${pjrt}, CUDA ${CUDA_NEEDS.cuda}, driver ${version}`,
    threads: 1,
    precisions: hasBf16 ? ['bf16', 'f32', 'f16'] : ['f32', 'f16'],
    ...(memory !== undefined && { memory_bytes: memory }),
  };
}
