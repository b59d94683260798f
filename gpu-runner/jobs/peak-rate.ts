/** @file The speed of an engine on a large matrix product, which the speed of a training is compared with. */
import type { Engine } from '../compiler/engine.ts';
import { matmul } from '../compiler/functions.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import { tensorOf } from '../compiler/tensor.ts';
import { trace } from '../compiler/trace.ts';

/**
 * Sides of square matrices. The next one is tried as long as a product is too short to be timed. The best side depends
 * on the caches: three matrices of 768 fit where those of 1,024 do not.
 */
const SIDES = [512, 768, 1024, 2048, 4096] as const;
const LONG_ENOUGH_MS = 10;
/** The fastest counts, so that other load on the machine makes the peak seldom too low. */
const RUNS = 5;

/** Milliseconds since any moment. */
export type Stopwatch = () => number;
const byTheClock: Stopwatch = () => performance.now();

const measured = new WeakMap<Engine, Promise<number>>();

/** Operations per second of the fastest square matrix product, measured once for each opened engine. */
export function peakRate(engine: Engine, now: Stopwatch = byTheClock): Promise<number> {
  const known = measured.get(engine);
  if (known !== undefined) return known;
  const rate = measureRate(engine, now);
  measured.set(engine, rate);
  return rate;
}

async function measureRate(engine: Engine, now: Stopwatch): Promise<number> {
  let best = 0;
  for (const side of SIDES) {
    const ms = await timeProduct(engine, side, now);
    best = Math.max(best, (2 * side ** 3 * 1000) / ms);
    if (ms >= LONG_ENOUGH_MS) break;
  }
  return best;
}

/** Milliseconds of the fastest run. Both matrices and their product stay on the device. */
async function timeProduct(engine: Engine, side: number, now: Stopwatch): Promise<number> {
  const matrix = tensorOf([side, side], new Float32Array(side ** 2).fill(1 / side));
  const graph = trace(builder => {
    const matrixOf = (name: string) => builder.state(name, matrix);
    return { outputs: {}, writes: { c: matmul(matrixOf('a'), matrixOf('b')) } };
  });
  const state = engine.createState({ a: matrix, b: matrix });
  const executable = await engine.compile(optimize(graph, engine));
  try {
    let fastest = Number.POSITIVE_INFINITY;
    for (let run = 0; run <= RUNS; run++) {
      const started = now();
      await executable.run(state, {});
      // The first run also arranges memory.
      if (run > 0) fastest = Math.min(fastest, now() - started);
    }
    return fastest;
  } finally {
    await executable.dispose();
    state.dispose();
  }
}
