import { expect, it } from 'vitest';
import { cpuField, identifyCpu } from './cpu-info.ts';

const info = (model: number, flags: string) =>
  `processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: ${model}\nmodel name\t: AMD EPYC\n` +
  `flags\t\t: ${flags}\n\nprocessor\t: 1\n`;

it('identifyCpu distinguishes CPUs of one name by model and flags', () => {
  const known = identifyCpu(info(17, 'fpu avx2'));
  expect(identifyCpu(info(17, 'fpu avx2'))).toBe(known);
  expect(identifyCpu(info(2, 'fpu avx2'))).not.toBe(known);
  expect(identifyCpu(info(17, 'fpu avx2 avx512f'))).not.toBe(known);
});

it('cpuField matches whole keys only', () => {
  expect(cpuField('model', info(17, 'fpu'))).toBe('17');
  expect(cpuField('model name', info(17, 'fpu'))).toBe('AMD EPYC');
  expect(cpuField('flags', '')).toBe('');
});
