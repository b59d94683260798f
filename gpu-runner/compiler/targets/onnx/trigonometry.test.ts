import { describe, expect, it } from 'vitest';
import { type NodeWriter, writeSinusoid } from './trigonometry.ts';

type Operation = (x: number, y: number) => number;

/** ONNX operators in f32, rounded as on an engine without fused multiply-add. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  Mul: (x, y) => Math.fround(x * y),
  Add: (x, y) => Math.fround(x + y),
  Sub: (x, y) => Math.fround(x - y),
  Floor: x => Math.floor(x),
};

/** Evaluates the nodes of a sinusoid at x while they are written. */
function evaluate(kind: 'sin' | 'cos', x: number): number {
  const values = new Map([['x', x]]);
  let count = 0;
  const writer: NodeWriter = {
    node(type, [a = '', b = ''], output) {
      const result = OPERATIONS[type]?.(values.get(a) ?? Number.NaN, values.get(b) ?? Number.NaN);
      values.set(output, result ?? Number.NaN);
    },
    temporary: () => `t${count++}`,
    scalar(value) {
      values.set(String(value), Math.fround(value));
      return String(value);
    },
  };
  writeSinusoid(writer, kind, 'x', 'y');
  return values.get('y') ?? Number.NaN;
}

describe.each(['sin', 'cos'] as const)('%s', kind => {
  it.each([Math.PI, 1000, 10_000])(`${kind} is accurate to 2e-7 for angles up to %d`, limit => {
    const worst = { error: 0, x: 0 };
    for (let i = -5000; i <= 5000; i++) {
      const x = Math.fround((i / 5000) * limit);
      const error = Math.abs(evaluate(kind, x) - Math[kind](x));
      if (!(error <= worst.error)) Object.assign(worst, { error, x });
    }
    expect(worst.error, `at ${worst.x}`).toBeLessThan(2e-7);
  });

  it(`${kind} of NaN and of infinities is NaN`, () => {
    for (const x of [Number.NaN, Infinity, -Infinity]) expect(evaluate(kind, x)).toBeNaN();
  });
});
