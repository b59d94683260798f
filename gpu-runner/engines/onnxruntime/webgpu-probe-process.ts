/**
 * @file The process that webgpu-probe.ts starts: opens a WebGPU device, computes with it, and reports to its parent.
 */

import type { Precision } from '../../../configs/engines.ts';
import { AppError } from '../../../errors.ts';
import { endWithParent } from '../../child/end-with-parent.ts';
import { nameVulkanDevice } from './vulkan-device-name.ts';
import { openDevice } from './webgpu-device.ts';
import type { WebGpuReport } from './webgpu-probe.ts';

/** Why the device does not compute in this precision; undefined if it does. */
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
  // f16 comes second, so that `auto` does not choose it: steps are skipped until the loss scale fits.
  const precisions: WebGpuReport['precisions'] = (await findObstacle('f16')) === undefined ? ['f32', 'f16'] : ['f32'];
  const device = nameVulkanDevice();
  return { precisions, ...(device !== undefined && { device }) };
}

endWithParent();
const report = await probe();
process.send?.(report, () => process.exit(0));
