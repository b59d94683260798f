/** @file A process of its own, started by webgpu-probe.ts: makes a WebGPU device, computes with it, and tells its parent. */

import type { Precision } from '../../../configs/engines.ts';
import { AppError } from '../../../errors.ts';
import { nameVulkanDevice } from './vulkan-device-name.ts';
import { openDevice } from './webgpu-device.ts';
import type { WebGpuReport } from './webgpu-probe.ts';

/** Undefined: it computes in that precision. */
async function findObstacle(precision: Precision): Promise<string | undefined> {
  try {
    await (await openDevice(precision)).release();
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.message;
  }
}

async function probe(): Promise<WebGpuReport> {
  const reason = await findObstacle('f32');
  if (reason !== undefined) return { precisions: [], reason };
  // f16 comes second: without scaling of the loss, small gradients may vanish in it, so nobody gets it unasked.
  const precisions: WebGpuReport['precisions'] = (await findObstacle('f16')) === undefined ? ['f32', 'f16'] : ['f32'];
  const device = nameVulkanDevice();
  return { precisions, ...(device !== undefined && { device }) };
}

const report = await probe();
process.send?.(report, () => process.exit(0));
