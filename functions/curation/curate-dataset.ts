/** @file Leaves pictures out of a dataset that `prepare` makes: by the list of approvals, then by rules. */
import { z } from 'zod';
import { Internal } from '../../errors.ts';
import { readAllItems } from '../../storage/blobs/items.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Dataset } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import { putDecisions, readApprovals } from './approval-list.ts';
import { type Rules, rulesSchema } from './rules.ts';

export const curationShape = {
  rules: rulesSchema
    .optional()
    .describe('pictures that break a rule are left out, with the reason; {}: measures and leaves none out'),
  max_cut: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('as rules.cut.max: most of a picture that the crop may cut off'),
  max_enlargement: z
    .number()
    .positive()
    .max(10_000)
    .optional()
    .describe('as rules.enlargement.max: most times that a picture may be enlarged'),
};

interface CurationKeys {
  readonly rules?: Rules | undefined;
  readonly max_cut?: number | undefined;
  readonly max_enlargement?: number | undefined;
}

/** All rules of a call; undefined: it asks for none, and nothing is measured. */
export function rulesOf({ rules, max_cut, max_enlargement }: CurationKeys): Rules | undefined {
  if (rules === undefined && max_cut === undefined && max_enlargement === undefined) return undefined;
  return {
    ...rules,
    ...(max_cut !== undefined && { cut: { ...rules?.cut, max: max_cut } }),
    ...(max_enlargement !== undefined && { enlargement: { ...rules?.enlargement, max: max_enlargement } }),
  };
}

interface MadeDataset {
  readonly digest: Digest;
  readonly dataset: Dataset;
}

export interface CuratedStages {
  /** The dataset of `ingest` without the pictures of a selection. */
  ingest(selection: Digest): Promise<MadeDataset>;
  /** Makes the columns that the rules read. `again`: all pages are cached. */
  shape(from: MadeDataset, again: boolean): Promise<MadeDataset>;
  curate(from: MadeDataset, again: boolean): Promise<MadeDataset>;
}

export interface Curation {
  /** The ingested dataset without the pictures that a person has dropped. */
  readonly ingested: MadeDataset;
  /** Makes the shaped dataset without the pictures that break a rule. `summary` is for the answer. */
  finish(): Promise<{ readonly made: MadeDataset; readonly summary: Json | undefined }>;
}

/** Reads the approvals of the dataset now, so that the whole call follows one version of them. */
export async function startCuration(
  ctx: Pick<EffectContext, 'store' | 'blobs' | 'call'>,
  name: string,
  ingested: MadeDataset,
  rules: Rules | undefined,
  stages: CuratedStages,
): Promise<Curation> {
  const { value } = await readApprovals(ctx.store, name);
  const isEmpty = Object.keys(value.pictures).length === 0;
  const items = isEmpty ? [] : await readAllItems(ctx.blobs, ingested.dataset);
  const decisions = await putDecisions(ctx.blobs, value, items);
  const select = async (dataset: Digest, own: Readonly<Record<string, Json>>) => {
    const { result } = await ctx.call('select', { dataset, ...(decisions && { decisions }), ...own });
    const { selection, report } = result.outputs;
    if (selection === undefined || report === undefined) throw new Internal('select made no selection');
    const leaves = Number(result.stats.left_out ?? 0) > 0;
    const { seconds: _, ...numbers } = result.stats;
    return { selection: selection.digest, leaves, summary: { ...numbers, report: report.digest } as Json };
  };

  const listed = decisions && (await select(ingested.digest, {}));
  const before = listed?.leaves ? await stages.ingest(listed.selection) : ingested;
  return {
    ingested: before,
    async finish() {
      const shaped = await stages.shape(before, false);
      if (rules === undefined) return { made: shaped, summary: listed?.summary };
      const measured = await stages.curate(shaped, false);
      // Has those that the list drops, too.
      const chosen = await select(measured.digest, { rules: rules as Json });
      if (!chosen.leaves || chosen.selection === listed?.selection) return { made: measured, summary: chosen.summary };
      const left = await stages.ingest(chosen.selection);
      return { made: await stages.curate(await stages.shape(left, true), true), summary: chosen.summary };
    },
  };
}
