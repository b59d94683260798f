import { describe, expect, it } from 'vitest';
import { type NodeWriter, writeSinusoid } from './trigonometry.ts';

type Operation = (x: number, y: number) => number;

/** In f32, as an engine without fused multiply-add rounds. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  Mul: (x, y) => Math.fround(x * y),
  Add: (x, y) => Math.fround(x + y),
  Sub: (x, y) => Math.fround(x - y),
  Floor: x => Math.floor(x),
};

/** A writer that computes what it writes. */
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
  it.each([Math.PI, 1000, 10_000])('is good to 2e-7 for angles up to %d', limit => {
    const worst = { error: 0, x: 0 };
    for (let i = -5000; i <= 5000; i++) {
      const x = Math.fround((i / 5000) * limit);
      const error = Math.abs(evaluate(kind, x) - Math[kind](x));
      if (!(error <= worst.error)) Object.assign(worst, { error, x });
    }
    expect(worst.error, `at ${worst.x}`).toBeLessThan(2e-7);
  });

  it('keeps what is not finite from looking like a number', () => {
    for (const x of [Number.NaN, Infinity, -Infinity]) expect(evaluate(kind, x)).toBeNaN();
  });
});
