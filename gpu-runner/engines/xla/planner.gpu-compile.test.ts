import { expect, it } from 'vitest';
import { CARDS } from '../../../configs/cards.ts';
import { runsTier } from '../../../test/tiers.ts';
import { openPrograms } from '../../planning/programs.ts';
import { tinyConfig } from '../../training/testing/tiny.ts';
import { findCudaTools, findPlugin } from './library.ts';
import { createXlaPlanner } from './planner.ts';

const plugin = findPlugin('cuda').path;
const cudaFolder = plugin && findCudaTools(plugin);
const missing = cudaFolder === undefined ? 'set XLA_CUDA_PLUGIN, with the tools of CUDA beside it' : undefined;

const frame = { height: 16, width: 16, textTokens: 8 };

it.skipIf(!runsTier('xla-cuda-compile', missing))(
  'XLA says what the gradient of a tiny training takes on a card that is not here, more for more samples',
  async () => {
    const card = CARDS['rtx-3060'];
    const planner = await createXlaPlanner({
      plugin: plugin ?? '',
      cudaFolder: cudaFolder ?? '',
      card,
      precision: 'bf16',
    });
    const { state, gradient } = openPrograms(
      tinyConfig({ model: { depth: 1 }, data: { batch_size: 64 } }),
      frame,
      planner,
    );
    const peak = async (micro_batch: number) =>
      (await planner.plan(gradient({ micro_batch, gradient_checkpointing: false }))).peakBytes;
    const read = [...state].filter(([name]) => name.startsWith('model.')).reduce((sum, [, size]) => sum + size, 0);
    const [one, many] = [await peak(1), await peak(64)];
    expect(one).toBeGreaterThan(read);
    expect(many - one).toBeGreaterThan(63 * 3 * 16 * 16 * 4);
  },
);
