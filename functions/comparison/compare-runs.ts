/** @file The report that a grid or a sweep ends with. */
import { z } from 'zod';
import type { Json } from '../../storage/canonical.ts';
import { digestSchema } from '../../storage/records.ts';
import type { EffectContext } from '../define.ts';
import type { ComparisonRequest } from './comparison-request.ts';

const comparedSchema = z.looseObject({
  verdict: z.looseObject({ sentence: z.string() }),
  folder: z.string(),
  html: digestSchema,
  report: digestSchema,
});

/** As `runReportSchema`. */
export type RunReport = Readonly<Record<'sentence' | 'folder' | 'html' | 'report', string>>;

/** Calls `compare`. */
export async function compareRuns(ctx: EffectContext, request: ComparisonRequest): Promise<RunReport> {
  const answer = await ctx.callEffect('compare', request as Json);
  const { verdict, folder, html, report } = comparedSchema.parse(answer);
  return { sentence: verdict.sentence, folder, html, report };
}
