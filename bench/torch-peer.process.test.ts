import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { keyedConfigSchema } from '../configs/schema.ts';
import { encodeSafetensors } from '../formats/safetensors.ts';
import { graphInputs, graphReads } from '../gpu-runner/compiler/graph.ts';
import { sizeOf, type Tensor, type TensorSpec, tensorOf } from '../gpu-runner/compiler/tensor.ts';
import { randomValues } from '../gpu-runner/compiler/testing/random.ts';
import { createReferenceEngine } from '../gpu-runner/engines/reference/engine.ts';
import { runsTier } from '../test/tiers.ts';
import { MODEL_NETS, type ModelNet, traceModelNet } from './model-nets.ts';
import { peerConfig, runPython } from './torch-peer.ts';

const python = process.env.EASEL_PEER_PYTHON;
const hasTorch = python !== undefined && spawnSync(python, ['-c', 'import torch']).status === 0;
const runs = runsTier('torch', hasTorch ? undefined : 'EASEL_PEER_PYTHON names no Python with PyTorch');

/** Tensors with numbers uniform in the range that `rangeOf` gives. */
function randomTensors(
  specs: ReadonlyMap<string, TensorSpec>,
  rangeOf: (name: string, spec: TensorSpec) => readonly [number, number],
): Record<string, Tensor> {
  const entries = [...specs].map(([name, spec], i) => {
    const values = randomValues(sizeOf(spec.shape), i + 1, rangeOf(name, spec));
    return [name, tensorOf(spec.shape, values)] as const;
  });
  return Object.fromEntries(entries);
}

/** Networks with every part that the sizes of production have. */
const NETS: Readonly<Record<string, ModelNet>> = {
  tiny: MODEL_NETS.tiny,
  'joint, lowrank, with pose': shrink({ arch: 'joint', adaln: 'lowrank', adaln_rank: 8 }),
  'cross, full, with pose': shrink({ arch: 'cross', adaln: 'full' }),
};

/** Width 32, depth 2, 16 tokens and all signals, with features finer than the tokens. */
function shrink(changes: object): ModelNet {
  const conditions = {
    text: { encoder: 'words', dim: 12, tokens: 16 },
    cls: { encoder: 'dct', dim: 10 },
    patches: { encoder: 'dct', dim: 9, stride: 4 },
    pose: { joints: 133, threshold: 0.3 },
  };
  const model = { hidden_size: 32, num_heads: 2, depth: 2, patch_size: 8, bottleneck: 16, ...changes, conditions };
  return {
    config: keyedConfigSchema.parse({ model, data: { batch_size: 3 } }),
    shape: { batch: 3, height: 32, width: 32, textTokens: 8 },
  };
}

describe.skipIf(!runs)('the peer in PyTorch', () => {
  it.each(Object.entries(NETS))(
    'PyTorch gives parameters, loss and gradients of our network %s',
    {
      timeout: 300_000,
    },
    async (_, net) => {
      const { graph, params } = traceModelNet(net);
      // No value starts at zero, so that every gradient is tested. Masks and times are 0 to 1; some signals are
      // dropped.
      const weights = randomTensors(graphReads(graph), (name, { shape }) => {
        const reach = shape.length > 1 ? Math.sqrt(3 / (shape[0] ?? 1)) : 0.5;
        return name.endsWith('norm') ? [0.5, 1.5] : [-reach, reach];
      });
      const unit = /^(t|text_mask|keep_.*)$/;
      const drawn = randomTensors(graphInputs(graph), name => (unit.test(name) ? [0, 1] : [-1, 1]));
      // The loss of the peer is the mean over the batch.
      const share = { shape: [net.shape.batch], dtype: 'f32', data: new Float32Array(net.shape.batch) } as const;
      share.data.fill(1 / net.shape.batch);
      const inputs = { ...drawn, share };
      // Both compute in f64, so they differ only by rounding the results to f32.
      const engine = createReferenceEngine();
      const executable = await engine.compile(graph);
      const state = engine.createState(weights);
      const { loss } = await executable.run(state, inputs);
      const after = await state.read();
      await executable.dispose();

      const folder = await mkdtemp(join(tmpdir(), 'easel-peer-'));
      try {
        const path = join(folder, 'step.safetensors');
        const fed = Object.fromEntries(
          Object.entries(drawn).flatMap(([name, tensor]) => (name === 'share' ? [] : [[`in.${name}`, tensor]])),
        );
        await writeFile(
          path,
          encodeSafetensors({ ...after, ...fed, ...(loss && { loss }) }, { config: peerConfig(net) }),
        );
        const { lines, errors } = await runPython('check_nanodit.py', [path]);
        expect(lines.length, errors).toBe(1);
        const result = JSON.parse(lines[0] ?? '');
        expect(result.params).toBe(params.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
        expect(result.loss).toBeLessThan(1e-6);
        expect(result.gradient).toBeLessThan(1e-6);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
});
