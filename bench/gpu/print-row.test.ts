import { expect, it } from 'vitest';
import { peakTeraflops } from './peak-rates.ts';
import { encodeRow, formatRow } from './print-row.ts';

const section = { name: 'calls', title: 'calls', seconds: 1 };

it('a row is a line of names and short numbers, or an object with all digits', () => {
  const row = { net: 'prod-1', ms: 12.345678, count: 400, error: 0.00012345, fits: true, peak: null };
  expect(formatRow(section, row)).toBe(
    'calls         net prod-1  ms 12.35  count 400  error 1.2e-4  fits true  peak null',
  );
  expect(JSON.parse(encodeRow(section, row))).toEqual({ bench: 'gpu', section: 'calls', ...row });
});

it('the peak of a GPU is found by the name that its driver gives, and is not guessed', () => {
  expect(peakTeraflops('NVIDIA H100 80GB HBM3')).toBeCloseTo(989, 0);
  expect(peakTeraflops('NVIDIA H100 PCIe')).toBe(756);
  expect(peakTeraflops('NVIDIA GeForce RTX 4090')).toBeGreaterThan(100);
  expect(peakTeraflops('cpu')).toBeUndefined();
});
