/** @file Times and sizes as people write and read them. */
import { InvalidInput } from '../errors.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `90s`, `30m`, `48h` or `30d` as seconds. @param option Where it was given, for errors. @throws InvalidInput */
export function parseDuration(text: string, option: string): number {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN);
  if (Number.isFinite(seconds)) return seconds;
  throw new InvalidInput(`${option} ${text} is wrong`, { expected: 'a number and s, m, h or d, such as 48h' });
}

/** Three significant digits, powers of 1000: `1.23 GB`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(SIZES.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : Number(value.toPrecision(3))} ${SIZES[power]}`;
}
