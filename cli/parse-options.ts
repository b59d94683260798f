/** @file Values of command-line options. */
import { InvalidInput } from '../errors.ts';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `90s`, `30m`, `48h` or `30d` as seconds. @param option Name of the option, for errors. @throws InvalidInput */
export function parseDuration(text: string, option: string): number {
  const [, count, unit = ''] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN);
  if (Number.isFinite(seconds)) return seconds;
  throw new InvalidInput(`${option} ${text} is wrong`, { expected: 'a number and s, m, h or d, such as 48h' });
}

/** @param option Name of the option, for errors. @throws InvalidInput */
export function parsePort(text: string, option: string): number {
  const port = Number(text);
  if (text.trim() !== '' && Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new InvalidInput(`${option} ${text} is not a port`, { expected: 'a number from 0 to 65535' });
}

/** @param option Name of the value, for errors. @param least 1, or 0 for none. @throws InvalidInput */
export function parseCount(text: string, option: string, least: 0 | 1 = 1): number {
  if (/^(0|[1-9]\d{0,11})$/.test(text) && Number(text) >= least) return Number(text);
  const expected = least === 0 ? 'a whole number from 0 on' : 'a whole number above 0';
  throw new InvalidInput(`${option} ${text} is wrong`, { expected });
}

/** A number from 0 on. @throws InvalidInput */
export function parseScale(text: string, option: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidInput(`${option} ${text} is wrong`, { expected: 'a number from 0 on, such as 1.5' });
}
