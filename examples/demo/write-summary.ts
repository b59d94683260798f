/** @file What the demo found, for people and for programs. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { formatTable } from '../../cli/table.ts';
import { tryJson } from '../../configs/try-json.ts';
import type { Accuracy, Share } from './measure-prompts.ts';

const shareSchema = z.strictObject({ samples: z.number(), real: z.number(), low: z.number(), high: z.number() });

/** summary.json, beside the grid. Shares from 0 to 1; `low` and `high` are the 95 % interval of `samples`. */
export const summarySchema = z.strictObject({
  /** Path of the grid. */
  grid: z.string(),
  /** The bundled set. */
  set: z.string(),
  /** Of the demo, from its start to the grid, without the installation; of all its starts, when it was interrupted. */
  seconds: z.number(),
  /** Optimizer steps. */
  steps: z.int(),
  /** Training samples. */
  samples: z.int(),
  /** Of training alone, as the gpu-runner measured it over the last chunks. */
  samples_per_second: z.number(),
  checkpoint: z.string(),
  /** By row of the set. */
  accuracy: z.record(z.string(), shareSchema),
  /** The same for prompts in a wording that no caption has, if they were measured. */
  free_wording: z.record(z.string(), shareSchema.omit({ real: true })).optional(),
  /** Gradient across patch borders over inside, relative to real pictures. */
  seams: z.number(),
});
export type Summary = z.infer<typeof summarySchema>;

export function summarizeAccuracy({ rows }: Accuracy): Summary['accuracy'] {
  return Object.fromEntries(
    rows.map(({ key, samples: { share, low, high }, real }) => [key, { samples: share, real: real.share, low, high }]),
  );
}

/** Nothing if no prompt in free wording was measured. */
export function summarizeFree({ rows }: Accuracy): Pick<Summary, 'free_wording'> {
  const entries = rows.flatMap(({ key, free }) =>
    free ? [[key, { samples: free.share, low: free.low, high: free.high }]] : [],
  );
  return entries.length === 0 ? {} : { free_wording: Object.fromEntries(entries) };
}

/** Lines of a table. */
export function formatAccuracy({ rows, counts, freePrompt, seams }: Accuracy): string {
  const inFree = (cell: string) => (freePrompt === undefined ? [] : [cell]);
  const table = formatTable([
    [
      'shows what the prompt says',
      `${counts.samples} fresh prompts`,
      ...inFree('in free wording'),
      `${counts.real} real pictures`,
    ],
    ...rows.map(({ label, samples, free, real }) => [
      label,
      formatShare(samples),
      ...inFree(free ? formatShare(free) : ''),
      formatShare(real),
    ]),
    ['patch seams (real pictures: 1)', formatRatio(seams), ...inFree(''), formatRatio(1)],
  ]);
  if (freePrompt === undefined) return table;
  return `${table}\nfree wording: the same portraits, asked for in forms that no caption has, as\n  "${freePrompt}"`;
}

/** With its 95 % interval. */
function formatShare({ share, low, high }: Share): string {
  const percent = (value: number) => (100 * value).toFixed(1);
  return `${percent(share).padStart(5)} %  (${percent(low)} to ${percent(high)})`;
}

function formatRatio(ratio: number): string {
  return ratio.toFixed(2).padStart(6);
}

/** The summary of an earlier demo in this folder, if there is one that can be read. */
export async function readSummary(out: string): Promise<Summary | undefined> {
  const text = await readIfThere(join(out, 'summary.json'));
  return summarySchema.safeParse(tryJson(text)).data;
}

export async function writeSummary(out: string, summary: Summary): Promise<string> {
  const path = join(out, 'summary.json');
  await writeFile(path, `${JSON.stringify(summarySchema.parse(summary), undefined, 2)}\n`);
  await rm(join(out, ELAPSED), { force: true });
  return path;
}

/** Seconds of interrupted demos, until one ends. */
const ELAPSED = 'elapsed.json';

export async function readElapsed(out: string): Promise<number> {
  const text = await readIfThere(join(out, ELAPSED));
  const parsed = z.strictObject({ seconds: z.number() }).safeParse(tryJson(text));
  return parsed.success ? parsed.data.seconds : 0;
}

export async function writeElapsed(out: string, seconds: number): Promise<void> {
  await writeFile(join(out, ELAPSED), `${JSON.stringify({ seconds })}\n`);
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}
