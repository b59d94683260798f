/** @file Results as files, one for each arm and seed: a bench that was killed goes on with what is missing. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PictureMeasures } from './measure.ts';

export interface ArmResult {
  readonly arm: string;
  readonly seed: number;
  readonly changes: object;
  /** Of the second half of the updates. */
  readonly later?: object;
  readonly engine: string;
  /** Time of an update over that of the base. */
  readonly cost: number;
  readonly updates: number;
  readonly samples: number;
  readonly cpu_seconds: number;
  /** The mean loss of each tenth of the run. */
  readonly losses: readonly number[];
  readonly skipped: number;
  /** Mean squared error of the predicted picture at each of TIMES, by weights: raw, or the gamma of the average. */
  readonly pixel_errors: Readonly<Record<string, readonly number[]>>;
  readonly pictures: Readonly<Record<string, PictureMeasures>>;
}

export async function readResult<T>(folder: string, name: string): Promise<T | undefined> {
  const text = await readFile(join(folder, `${name}.json`), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

/** A file appears whole, or not at all. */
export async function writeResult(folder: string, name: string, result: object): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${name}.json`);
  await writeFile(`${path}.part`, `${JSON.stringify(result, undefined, 2)}\n`);
  await rename(`${path}.part`, path);
}

/** Smaller is better: the mean of the errors at all times and of the distance, each relative to the base. */
export function scoreOf(result: ArmResult, base: ArmResult): number {
  const ratios = (result.pixel_errors.ema10 ?? []).map((error, i) => error / (base.pixel_errors.ema10?.[i] ?? error));
  const [own, other] = [result, base].map(({ pictures }) => pictures['guidance-1.5']);
  if (own && other) ratios.push(own.kid / other.kid);
  return ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length;
}
