import { describe, expect, it, test } from 'vitest';
import {
  checkpointingOf,
  describeCheckpointing,
  type GradientCheckpointing,
  recomputes,
} from '../../configs/gradient-checkpointing.ts';
import type { Engine } from '../compiler/engine.ts';
import { countFlops } from '../compiler/flops.ts';
import { peakLiveBytes } from '../compiler/live-bytes.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import { openPrograms } from '../planning/programs.ts';
import { roughStart } from './testing/rough-start.ts';
import { tinyConfig, tinySource } from './testing/tiny.ts';
import { EMPTY_PROGRESS, Trainer } from './trainer.ts';

const MODES: readonly GradientCheckpointing[] = [false, 3, 2, true];

test('none is no block, full is every block, and k is every k-th one from the first', () => {
  const blocks = (mode: GradientCheckpointing) => [0, 1, 2, 3, 4, 5].filter(block => recomputes(mode, block));
  expect(MODES.map(blocks)).toEqual([[], [0, 3], [0, 2, 4], [0, 1, 2, 3, 4, 5]]);
  expect([checkpointingOf('none'), checkpointingOf('full'), checkpointingOf(4)]).toEqual([false, true, 4]);
  expect(MODES.map(describeCheckpointing).slice(1)).toEqual([
    'gradient checkpointing of every 3rd block',
    'gradient checkpointing of every 2nd block',
    'gradient checkpointing',
  ]);
});

describe('five updates from weights that are nowhere zero', () => {
  const engines: readonly (readonly [string, () => Engine, number])[] = [
    ['reference', createReferenceEngine, 0],
    // Gradients of what several blocks read are added up in another order.
    ['onnxruntime/cpu', () => createOnnxRuntimeEngine({ threads: 1 }), 1e-4],
  ];
  it.each(engines)('are equal on %s whatever is computed again', async (_, open, tolerance) => {
    const config = tinyConfig({ model: { depth: 3 }, data: { batch_size: 2 }, optimizer: { learning_rate: 1e-3 } });
    const start = await roughStart(config);
    const train = async (remat: GradientCheckpointing) => {
      const trainer = new Trainer(open(), config, tinySource(), 2, EMPTY_PROGRESS, start, { remat });
      const norms: number[] = [];
      for (let i = 0; i < 5; i++) norms.push((await trainer.step()).grad_norm);
      const { model } = await trainer.tensors();
      await trainer.dispose();
      return { norms, model };
    };
    const plain = await train(false);
    expect(plain.norms.every(norm => norm > 0.01)).toBe(true);
    for (const mode of [2, true] as const) {
      const { norms, model } = await train(mode);
      for (const [i, norm] of norms.entries()) {
        const expected = plain.norms[i] ?? Number.NaN;
        expect(Math.abs(norm - expected)).toBeLessThanOrEqual(tolerance * expected);
      }
      for (const [name, { data }] of Object.entries(model)) {
        const error = Math.max(...data.map((x, i) => Math.abs(x - (plain.model[name]?.data[i] ?? Number.NaN))));
        // A gradient of almost nothing may turn the sign of a step of AdamW.
        expect(error, name).toBeLessThanOrEqual(tolerance * 20);
      }
    }
  });
});

test('each further block that is computed again takes work and saves memory, as the planner counts them', () => {
  const config = tinyConfig({ model: { depth: 6, hidden_size: 64 }, data: { batch_size: 8 } });
  const engine = { precision: 'f32' } as const;
  const programs = openPrograms(config, { width: 32, height: 32, textTokens: 8 }, engine);
  const graphs = MODES.map(mode => programs.gradient({ micro_batch: 8, gradient_checkpointing: mode }));
  const work = graphs.map(countFlops);
  const bytes = graphs.map(peakLiveBytes);
  expect(work).toEqual(work.toSorted((a, b) => a - b));
  expect(new Set(work).size).toBe(MODES.length);
  expect(bytes).toEqual(bytes.toSorted((a, b) => b - a));
  expect(bytes.at(-1)).toBeLessThan(0.8 * (bytes[0] ?? 0));
});
