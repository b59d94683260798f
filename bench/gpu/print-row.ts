/** @file Rows of bench/gpu.ts: as one line of text, or as JSON. */
import type { Row, Section } from './run-sections.ts';

/** `conformance  precision bf16  worst 1.3e-2`. */
export function formatRow({ name }: Section, row: Row): string {
  const cells = Object.entries(row).map(([key, value]) => `${key} ${formatValue(value)}`);
  return `${name.padEnd(12)}  ${cells.join('  ')}`;
}

function formatValue(value: Row[string]): string {
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value);
  return Math.abs(value) < 0.01 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
}

/** One object per row, for programs. */
export function encodeRow({ name }: Section, row: Row): string {
  return JSON.stringify({ bench: 'gpu', section: name, ...row });
}
