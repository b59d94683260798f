import { describe, expect, it } from 'vitest';
import * as f from '../../compiler/functions.ts';
import { type Builder, trace, type Value } from '../../compiler/trace.ts';
import { verify } from '../../compiler/verify.ts';
import { arenaBytes, peakInArena, predictMemory, predictPeakBytes } from './memory.ts';
import { scheduleLate } from './schedule.ts';

const MIB = 2 ** 20;

/** Peak memory of `build`, in buffers of 1 MiB, without its feed and its scalar output. */
function countBuffers(build: (x: Value) => Value): number {
  const peak = (make: (builder: Builder) => Value) =>
    predictPeakBytes(trace(builder => ({ outputs: { y: f.sumAll(make(builder)) } })));
  const input = (builder: Builder) => builder.input('x', { shape: [512, 512], dtype: 'f32' });
  // A node adds only 4 KiB, which rounds away.
  return Math.round((peak(builder => build(input(builder))) - peak(input)) / MIB);
}

describe('predictPeakBytes', () => {
  it.each<[string, number, (x: Value) => Value]>([
    ['two buffers for a chain of any length', 2, x => f.exp(f.sqrt(f.exp(f.sqrt(f.exp(x)))))],
    [
      'one buffer for softmax, sigmoid and tanh, which overwrite an operand without other readers',
      1,
      x => f.tanh(f.sigmoid(f.softmax(f.exp(x)))),
    ],
    [
      'no overwriting of an operand that is read again',
      3,
      x => {
        const y = f.exp(x);
        return f.mul(f.tanh(y), y);
      },
    ],
    ['no reuse of a buffer for another shape', 2, x => f.exp(f.reshape(f.exp(x), [256, 1024]))],
    ['the scratch memory of the kernel of select', 4, x => f.select(f.less(x, 0), f.exp(x), 1)],
    ['no squares that are only summed', 1, x => f.reduceSum(f.square(f.exp(x)), [1])],
    [
      'a value from its creation to its last use',
      3,
      x => {
        const y = f.exp(x);
        return f.mul(f.sqrt(f.sqrt(y)), y);
      },
    ],
  ])('the predicted peak counts %s', (_, buffers, build) => {
    expect(countBuffers(build)).toBe(buffers);
  });

  it('the predicted peak counts both buffers of written state', () => {
    const update = (isWritten: boolean) =>
      predictPeakBytes(
        trace(builder => {
          const w = builder.state('w', { shape: [512, 512], dtype: 'f32' });
          return { outputs: { y: f.sumAll(w) }, writes: isWritten ? { w: f.neg(w) } : {} };
        }),
      );
    // One more buffer of state, and the copy that the binding makes.
    expect(Math.round((update(true) - update(false)) / MIB)).toBe(2);
  });
});

it('in an arena, the memory of all values is there when the results are copied', () => {
  const graph = trace(builder => {
    const w = builder.state('w', { shape: [512, 512], dtype: 'f32' });
    return { outputs: {}, writes: { w: f.neg(f.mul(f.exp(w), f.sqrt(w))) } };
  });
  const memory = predictMemory(graph);
  expect([memory.valueBytes, memory.copyBytes]).toEqual([3 * MIB, MIB]);
  const extra = arenaBytes(memory) - memory.valueBytes;
  expect(extra).toBeGreaterThan(0);
  expect(peakInArena(memory) - predictPeakBytes(graph)).toBe(MIB + extra);
});

describe('scheduleLate', () => {
  it('scheduleLate puts every node right before its reader and changes nothing else', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      const early = f.exp(x);
      const late = f.sin(x);
      return { outputs: { a: f.neg(late), b: f.neg(early) } };
    });
    expect(graph.nodes.map(({ op }) => op)).toEqual(['input', 'exp', 'sin', 'neg', 'neg']);
    const scheduled = verify(scheduleLate(graph));
    expect(scheduled.nodes.map(({ op }) => op)).toEqual(['input', 'sin', 'neg', 'exp', 'neg']);
    expect(scheduled.outputs).toEqual({ a: 2, b: 4 });
    expect(scheduleLate(scheduled)).toEqual(scheduled);
  });
});
