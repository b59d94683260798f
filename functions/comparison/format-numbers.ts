/** @file Numbers of a report as people read them. */
import { formatCount } from '../../configs/quantity.ts';

const MINUS = '−';
/** Smaller differences are left over from rounding. */
const LEAST = 1e-12;

/** Four digits at most: 0.09213 -> 0.0921, 1234567 -> 1,235,000; an unknown number is a dash. */
export function formatNumber(value: number | undefined | null): string {
  if (value === undefined || value === null || !Number.isFinite(value)) return '–';
  const rounded = Number(value.toPrecision(Math.abs(value) >= 1000 ? 4 : 3));
  const size = Math.abs(rounded);
  if (size < LEAST) return '0';
  if (size < 1e-4 || size >= 1e9) return sign(rounded) + size.toExponential(2).replace('e+', 'e');
  const [whole = '0', fraction] = decimal(size).split('.');
  return sign(rounded) + formatCount(Number(whole)) + (fraction ? `.${fraction}` : '');
}

const sign = (value: number) => (value < 0 ? MINUS : '');

function decimal(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(value))));
}

/** With a sign: +0.02, −0.4. */
export function formatChange(value: number): string {
  return value >= LEAST ? `+${formatNumber(value)}` : formatNumber(value);
}

export interface Uncertain {
  readonly mean: number;
  readonly low?: number;
  readonly high?: number;
}

/** `−0.04 [−0.05, −0.03]`: a difference with its 95 % interval, where there is one. */
export function formatInterval({ mean, low, high }: Uncertain, unit = ''): string {
  const of = unit === '' ? '' : ` ${unit}`;
  if (low === undefined || high === undefined) return `${formatChange(mean)}${of}`;
  return `${formatChange(mean)}${of} [${formatChange(low)}, ${formatChange(high)}]`;
}

/** Seconds as people say them: 95 -> 1 min 35 s, 7300 -> 2 h 2 min. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${formatNumber(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${formatCount(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}

const POWERS = [
  [1e18, 'EFLOP'],
  [1e15, 'PFLOP'],
  [1e12, 'TFLOP'],
  [1e9, 'GFLOP'],
  [1, 'FLOP'],
] as const;

export function formatFlops(flops: number): string {
  const [power, unit] = POWERS.find(([least]) => flops >= least) ?? [1, 'FLOP'];
  return `${formatNumber(flops / power)} ${unit}`;
}
