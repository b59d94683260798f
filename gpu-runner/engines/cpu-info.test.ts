import { expect, it } from 'vitest';
import { cpuField, identifyCpu } from './cpu-info.ts';

const info = (model: number, flags: string) =>
  `processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: ${model}\nmodel name\t: AMD EPYC\nflags\t\t: ${flags}\n\nprocessor\t: 1\n`;

it('tells CPUs of one name apart, and knows one again', () => {
  const known = identifyCpu(info(17, 'fpu avx2'));
  expect(identifyCpu(info(17, 'fpu avx2'))).toBe(known);
  expect(identifyCpu(info(2, 'fpu avx2'))).not.toBe(known);
  expect(identifyCpu(info(17, 'fpu avx2 avx512f'))).not.toBe(known);
});

it('reads a field by its whole name', () => {
  expect(cpuField('model', info(17, 'fpu'))).toBe('17');
  expect(cpuField('model name', info(17, 'fpu'))).toBe('AMD EPYC');
  expect(cpuField('flags', '')).toBe('');
});
