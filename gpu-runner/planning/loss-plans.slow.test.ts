import { expect, it } from 'vitest';
import { mostTrainingBytes } from '../../configs/model-size.ts';
import { keyedConfigSchema } from '../../configs/schema.ts';
import { trainingFlops } from '../../configs/training-flops.ts';
import { countFlops } from '../compiler/flops.ts';
import { openPlanner } from './planners.ts';
import { bytesBeside, openPrograms } from './programs.ts';

const FRAME = { width: 64, height: 64, textTokens: 32 };
const COLUMN = { encoder: 'efficientnet-lite0', dim: 112, stride: 8 };
const CUT = { micro_batch: 2, gradient_checkpointing: false };
const FEATURES = { weight: 1, t_max: 1 };

/** tiny-b of one signal with these losses. */
const configOf = (losses?: object) =>
  keyedConfigSchema.parse({
    model: { conditions: { text: { encoder: 'words', dim: 192, tokens: 64 } } },
    objective: losses && { losses },
  });

const open = async (losses?: object) => {
  const planner = await openPlanner('onnxruntime/cpu', { precision: 'f32' });
  return { planner, programs: openPrograms(configOf(losses), FRAME, planner) };
};

it.each([
  ['repa', { repa: { weight: 1, column: COLUMN } }],
  ['repa with the teacher self', { repa: { weight: 1, teacher: 'self', block_index: 2, teacher_block: 4 } }],
  ['features', { features: { ...FEATURES, stages: [2, 4], max_side: 32 } }],
  ['features with stored targets', { features: { ...FEATURES, target: 'patches', column: COLUMN } }],
  ['lpips', { lpips: { weight: 1, net: 'squeeze' } }],
])('a plan counts the work and the memory of the loss %s', async (_, losses) => {
  const [plain, added] = [await open(), await open(losses)];
  const flops = ({ programs }: typeof plain) => countFlops(programs.traceGradient(CUT)) / CUT.micro_batch;
  const more = trainingFlops(configOf(losses), FRAME) - trainingFlops(configOf(), FRAME);
  expect((flops(added) - flops(plain)) / more).toBeGreaterThan(0.85);
  expect((flops(added) - flops(plain)) / more).toBeLessThan(1.15);

  const bytes = async ({ planner, programs }: typeof plain) => {
    const graph = programs.gradient(CUT);
    return (await planner.plan(graph)).peakBytes + bytesBeside(graph, programs.state, planner.buffersPerState);
  };
  expect(await bytes(added)).toBeGreaterThan(await bytes(plain));
  expect(mostTrainingBytes(configOf(losses), FRAME, 2)).toBe(Number.POSITIVE_INFINITY);
});

it('work of a loss counts for the part of the training in which it has a weight', () => {
  const repa = { weight: 1, teacher: 'self', from: 0.2, until: 0.6 };
  const at = (samples?: number) =>
    trainingFlops(configOf({ repa }), FRAME, samples) - trainingFlops(configOf(), FRAME, samples);
  expect(at() / at(24_000)).toBeCloseTo(0.4, 10);
  expect([at(0), at(40_000)]).toEqual([0, 0]);
});
