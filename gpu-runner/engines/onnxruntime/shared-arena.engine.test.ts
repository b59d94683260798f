import { expect, it } from 'vitest';
import * as f from '../../compiler/functions.ts';
import { trace, type Value } from '../../compiler/trace.ts';
import { createOnnxRuntimeEngine } from './engine.ts';
import { shareArena } from './shared-arena.ts';

const MIB = 2 ** 20;
const SHAPE = [4096, 4096] as const;

it.runIf(process.platform === 'linux')('the memory of one program serves the next one', async () => {
  expect(shareArena()).toBe(true);
  const engine = createOnnxRuntimeEngine({ threads: 1 });
  const state = engine.createState({ x: { shape: SHAPE, dtype: 'f32', data: new Float32Array(4096 ** 2).fill(0.5) } });
  // Two values of 64 MiB at a time.
  const open = (inner: (x: Value) => Value) =>
    engine.compile(
      trace(builder => ({
        outputs: { y: f.sumAll(f.sqrt(inner(f.exp(builder.state('x', { shape: SHAPE, dtype: 'f32' }))))) },
      })),
    );
  const programs = [await open(f.sqrt), await open(f.neg)];
  const resident: number[] = [process.memoryUsage.rss()];
  for (const program of programs) {
    await program.run(state, {});
    resident.push(process.memoryUsage.rss());
  }
  const [before = 0, first = 0, second = 0] = resident;
  expect(first - before).toBeGreaterThan(100 * MIB);
  expect(second - first).toBeLessThan(30 * MIB);
});

it('an arena changes no bit of a result', async () => {
  const data = Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i));
  const results = [];
  for (const arena of [true, false]) {
    const engine = createOnnxRuntimeEngine({ threads: 1, arena });
    const state = engine.createState({ x: { shape: [64, 64], dtype: 'f32', data } });
    const program = await engine.compile(
      trace(builder => {
        const x = builder.state('x', { shape: [64, 64], dtype: 'f32' });
        return { outputs: { y: f.softmax(f.matmul(x, x)) } };
      }),
    );
    results.push((await program.run(state, {})).y?.data);
  }
  expect(results[0]).toEqual(results[1]);
  expect(results[0]).toHaveLength(64 * 64);
});
