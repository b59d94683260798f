import { describe, expect, it } from 'vitest';
import { runsTier } from '../../test/tiers.ts';
import type { Engine } from '../compiler/engine.ts';
import * as f from '../compiler/functions.ts';
import { tensorOf } from '../compiler/tensor.ts';
import { randomValues } from '../compiler/testing/random.ts';
import { trace } from '../compiler/trace.ts';
import { sumByKind } from './kind-profile.ts';
import { createOnnxRuntimeEngine } from './onnxruntime/engine.ts';
import { createOpenVinoEngine, probeOpenVino } from './openvino/engine.ts';

const SIZE = 128;

async function compileProduct(engine: Engine) {
  const graph = trace(builder => {
    const x = builder.input('x', { shape: [SIZE, SIZE], dtype: 'f32' });
    const w = builder.input('w', { shape: [SIZE, SIZE], dtype: 'f32' });
    return { outputs: { y: f.softmax(f.matmul(f.matmul(x, w), w)) } };
  });
  const x = tensorOf([SIZE, SIZE], randomValues(SIZE * SIZE, 1));
  const executable = await engine.compile(graph);
  return { executable, run: () => executable.run(engine.createState({}), { x, w: x }) };
}

const ENGINES = [
  {
    name: 'onnxruntime/cpu',
    runs: true,
    isMean: false,
    open: (profile: boolean) => createOnnxRuntimeEngine({ threads: 1, profile }),
  },
  {
    name: 'openvino/cpu',
    runs: runsTier('openvino', probeOpenVino().reason),
    isMean: true,
    open: (profile: boolean) => createOpenVinoEngine({ threads: 1, profile }),
  },
];

for (const { name, runs, isMean, open } of ENGINES) {
  describe.skipIf(!runs)(`a profile of ${name}`, () => {
    it(`a profile of ${name} has the times of one run by kind`, async () => {
      const engine = open(true);
      const { executable } = await compileProduct(engine);
      await expect(executable.profile?.()).rejects.toThrow('no run');
      await executable.dispose();

      const again = await compileProduct(engine);
      const times: number[] = [];
      for (let i = 0; i < 5; i++) {
        const start = performance.now();
        await again.run();
        times.push(performance.now() - start);
      }
      const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
      const profile = await again.executable.profile?.();
      for (const [kind, count] of Object.entries({ MatMul: 2, Softmax: 1 })) {
        expect(profile).toContainEqual({ kind, count, ms: expect.toSatisfy((ms: number) => ms > 0) });
      }
      const total = profile?.reduce((sum, { ms }) => sum + ms, 0);
      expect(total).toBeLessThanOrEqual(isMean ? mean : Math.min(...times));
      await again.run();
      expect(await again.executable.profile?.()).toEqual(profile);
      await again.executable.dispose();
      await engine.dispose();
    });

    it(`${name} has no profile unless it was opened for it`, async () => {
      const engine = open(false);
      const { executable } = await compileProduct(engine);
      expect(executable.profile).toBeUndefined();
      await executable.dispose();
      await engine.dispose();
    });
  });
}

describe('sumByKind', () => {
  it('sumByKind adds up times and counts, slowest kind first', () => {
    const operations = [
      { kind: 'Add', ms: 1 },
      { kind: 'MatMul', ms: 2 },
      { kind: 'Add', ms: 0.5 },
    ];
    expect(sumByKind(operations)).toEqual([
      { kind: 'MatMul', ms: 2, count: 1 },
      { kind: 'Add', ms: 1.5, count: 2 },
    ]);
  });
});
