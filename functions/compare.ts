/** @file Compares experiments, and writes the report under a name. */
import { NAME_PATTERN } from '../configs/stored-names.ts';
import { InvalidInput, PreconditionFailed } from '../errors.ts';
import { putDocument, readDocument } from '../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { createRefs } from '../storage/names/refs.ts';
import type { ReportHead } from '../storage/report-record.ts';
import { collectRuns, findDeleted } from './comparison/compared-runs.ts';
import { verdictSchema } from './comparison/comparison-report.ts';
import { comparisonRequestSchema, planArms } from './comparison/comparison-request.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { outputOf } from './execution/output-of.ts';
import { deletedMeanwhile } from './experiments/experiment-head.ts';
import { dropReport } from './operations/delete-report.ts';
import { reportFolder, writeReportView } from './views/report-view.ts';

/** Lost races before a call leaves the name to the others. */
const MAX_ROUNDS = 8;

export const compare = defineFunction({
  name: 'compare',
  summary:
    'Compares experiments, with several seeds as repeats: which is better, by which numbers, how sure that is. Writes ' +
    'reports/NAME/report.html and report.json; NAME is the title in lower case.',
  version: 1,
  kind: 'effect',
  example: { experiments: ['portraits', 'portraits-muon'], baseline: 'portraits', title: 'AdamW and Muon' },
  input: comparisonRequestSchema,
  key: input => canonicalJson(JSON.parse(JSON.stringify(input))),
  async run(ctx, input) {
    const plan = planArms(input);
    const name = nameOf(plan.title);
    const compared = await collectRuns(ctx, plan);
    const runs = await putDocument(ctx.blobs, compared);
    const { result, action } = await ctx.call('render-comparison', { runs: runs.digest });
    const head: ReportHead = {
      v: 1,
      title: plan.title,
      runs: runs.digest,
      html: outputOf(result, 'html'),
      report: outputOf(result, 'report'),
    };
    await moveReport(ctx, name, head);
    await writeReportView(ctx.store, name);
    const deleted = await findDeleted(ctx, compared);
    if (deleted !== undefined) {
      await dropReport(ctx.store, name);
      throw deletedMeanwhile(deleted);
    }
    const { verdict } = await readDocument(ctx.blobs, head.report, verdictSchema, 'a report of a comparison');
    return { v: 1, name, title: plan.title, verdict, folder: reportFolder(name), action, ...digestsOf(head) };
  },
});

const digestsOf = ({ runs, html, report }: ReportHead) => ({ runs, html, report });

/** `AdamW and Muon` -> `adamw-and-muon`. @throws InvalidInput */
export function nameOf(title: string): string {
  const name = title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9._]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  if (NAME_PATTERN.test(name)) return name;
  throw new InvalidInput(`no name can be made of the title "${title}"`, {
    expected: 'a title with letters or digits of a-z, 0-9',
  });
}

/** The report of the later call stands. */
async function moveReport({ store }: EffectContext, name: string, head: ReportHead): Promise<void> {
  const { reports } = createRefs(store);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = await reports.read(name);
    if (before && canonicalJson(before.value) === canonicalJson(head)) return;
    try {
      if (before) await reports.compareAndSwap(name, before.etag, head);
      else await reports.create(name, head);
      return;
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
    }
  }
}
