/** @file What preparing a folder takes, as lines for a terminal. */
import type { Estimate } from '../configs/estimate.ts';
import { plainLine } from '../configs/plain-text.ts';
import { formatCount, quantity } from '../configs/quantity.ts';
import { formatDuration } from './eta.ts';
import { formatBytes } from './format-bytes.ts';

export function formatEstimate({
  folder,
  found,
  probe,
  stages,
  seconds,
  disk,
  problems,
  assumptions,
}: Estimate): string[] {
  const head =
    `${folder}: ${quantity(found.pictures, 'picture')}, ${formatBytes(found.bytes)}; ${quantity(found.texts, 'text')}; ` +
    `${formatCount(found.files)} files in all`;
  if (probe.pictures === 0) return [head, ...problems.map(problem => `problem: ${problem}`)].map(plainLine);
  const width = Math.max(...stages.map(({ name }) => name.length), 'together'.length);
  const columns = Object.entries(disk.bytes_per_picture).map(([column, bytes]) => `${column} ${formatBytes(bytes)}`);
  return [
    head,
    `time, measured on ${quantity(probe.pictures, 'picture')} in ${formatDuration(probe.seconds)}:`,
    ...stages.map(stage => `  ${stage.name.padEnd(width)}  ${tellStage(stage)}`),
    `  ${'together'.padEnd(width)}  about ${formatDuration(seconds)}`,
    `disk: ${formatBytes(disk.total_bytes)}: copies of the files ${formatBytes(disk.originals_bytes)}; ` +
      `for each picture ${columns.join(', ')}`,
    ...problems.map(problem => `problem: ${problem}`),
    ...assumptions.map(assumption => `assumed: ${assumption}`),
  ].map(plainLine);
}

function tellStage({ seconds, seconds_per_picture: each }: Estimate['stages'][number]): string {
  const rate = each > 0 ? `, ${Number((1 / each).toPrecision(2))} pictures/s` : '';
  return `${formatDuration(seconds)}${rate}`;
}
