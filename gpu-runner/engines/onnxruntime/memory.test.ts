import { describe, expect, it } from 'vitest';
import * as f from '../../compiler/functions.ts';
import { type Builder, trace, type Value } from '../../compiler/trace.ts';
import { verify } from '../../compiler/verify.ts';
import { predictPeakBytes } from './memory.ts';
import { scheduleLate } from './schedule.ts';

const MIB = 2 ** 20;

/** Peak in buffers of 1 MiB, of a function of one: what the run takes beside its feed, its output being a scalar. */
function countBuffers(build: (x: Value) => Value): number {
  const peak = (make: (builder: Builder) => Value) =>
    predictPeakBytes(trace(builder => ({ outputs: { y: f.sumAll(make(builder)) } })));
  const input = (builder: Builder) => builder.input('x', { shape: [512, 512], dtype: 'f32' });
  // Nodes count, too, but 4 KiB each.
  return Math.round((peak(builder => build(input(builder))) - peak(input)) / MIB);
}

describe('predictPeakBytes', () => {
  it.each<[string, number, (x: Value) => Value]>([
    ['holds two of a chain of any length', 2, x => f.exp(f.sqrt(f.exp(f.sqrt(f.exp(x)))))],
    [
      'lets softmax, sigmoid and tanh write over what nothing else reads',
      1,
      x => f.tanh(f.sigmoid(f.softmax(f.exp(x)))),
    ],
    [
      'but not over what is read again',
      3,
      x => {
        const y = f.exp(x);
        return f.mul(f.tanh(y), y);
      },
    ],
    ['takes nothing for another shape', 2, x => f.exp(f.reshape(f.exp(x), [256, 1024]))],
    ['counts what the kernel of select makes for itself', 4, x => f.select(f.less(x, 0), f.exp(x), 1)],
    ['makes no squares that are only summed', 1, x => f.reduceSum(f.square(f.exp(x)), [1])],
    [
      'holds a value from its birth to its last use',
      3,
      x => {
        const y = f.exp(x);
        return f.mul(f.sqrt(f.sqrt(y)), y);
      },
    ],
  ])('%s', (_, buffers, build) => {
    expect(countBuffers(build)).toBe(buffers);
  });

  it('counts both buffers of what is written', () => {
    const update = (isWritten: boolean) =>
      predictPeakBytes(
        trace(builder => {
          const w = builder.state('w', { shape: [512, 512], dtype: 'f32' });
          return { outputs: { y: f.sumAll(w) }, writes: isWritten ? { w: f.neg(w) } : {} };
        }),
      );
    // The third is the copy that the binding makes.
    expect(Math.round((update(true) - update(false)) / MIB)).toBe(2);
  });
});

describe('scheduleLate', () => {
  it('puts every node right before what needs it, and changes nothing else', () => {
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
