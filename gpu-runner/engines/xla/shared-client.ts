/**
 * @file One client per device and process: engines of several precisions share it, since a client may take most of the
 * device's memory.
 */
import { XLA_MEMORY_SHARE } from '../../../configs/cards.ts';
import { findCudaTools, findRuntimeCompiler, type XlaPlatform } from './library.ts';
import { XlaClient } from './pjrt/client.ts';
import { preloadLibrary } from './pjrt/ffi.ts';
import type { NamedValues } from './pjrt/named-values.ts';
import { openPlugin } from './pjrt/plugin.ts';
import { RunQueue } from './run-queue.ts';

export interface ClientSettings {
  readonly platform: XlaPlatform;
  readonly plugin: string;
  /** Threads of the CPU. */
  readonly threads: number;
  /** Takes most of the device's memory at once: not on a card that shows a screen. */
  readonly preallocates: boolean;
}

/** A client, and the order of runs on its device. */
export interface Device {
  readonly client: XlaClient;
  readonly queue: RunQueue;
}

export interface DeviceLease {
  readonly device: Device;
  /** The client is closed when every engine has released it. */
  release(): Promise<void>;
}

const open = new Map<string, { readonly device: Promise<Device>; leases: number }>();

/** @throws Unprocessable if the plugin does not load, XlaError if there is no device. */
export async function leaseDevice(settings: ClientSettings): Promise<DeviceLease> {
  const key = JSON.stringify(settings);
  const entry = open.get(key) ?? { device: openDevice(settings), leases: 0 };
  open.set(key, entry);
  entry.leases += 1;
  const leave = () => {
    entry.leases -= 1;
    if (entry.leases === 0) open.delete(key);
    return entry.leases === 0;
  };
  try {
    const device = await entry.device;
    let isReleased = false;
    return {
      device,
      async release() {
        if (isReleased) return;
        isReleased = true;
        if (leave()) await device.client.dispose();
      },
    };
  } catch (error) {
    leave();
    throw error;
  }
}

async function openDevice(settings: ClientSettings): Promise<Device> {
  if (settings.platform === 'cuda') {
    for (const library of findRuntimeCompiler(findCudaTools(settings.plugin))) preloadLibrary(library);
  }
  const plugin = await openPlugin(settings.plugin);
  const restore = settings.platform === 'cpu' ? setThreads(settings.threads) : () => {};
  try {
    return { client: await XlaClient.open(plugin, optionsOf(settings)), queue: new RunQueue() };
  } finally {
    restore();
  }
}

/** XLA's client for the CPU reads its number of threads from NPROC when it starts. */
function setThreads(threads: number): () => void {
  const before = process.env.NPROC;
  process.env.NPROC = String(threads);
  return () => {
    if (before === undefined) delete process.env.NPROC;
    else process.env.NPROC = before;
  };
}

function optionsOf({ platform, preallocates }: ClientSettings): NamedValues {
  if (platform === 'cpu') return { cpu_device_count: 1n };
  // Otherwise the client takes memory on every GPU. CUDA_VISIBLE_DEVICES says which one is the first.
  return { visible_devices: [0n], preallocate: preallocates, memory_fraction: XLA_MEMORY_SHARE };
}
