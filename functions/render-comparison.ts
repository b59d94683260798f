/** @file Writes the report of a comparison: a page for people, and the same for programs. */
import { z } from 'zod';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { digestSchema } from '../storage/records.ts';
import { buildReport } from './comparison/build-report.ts';
import { readComparedRuns } from './comparison/compared-runs.ts';
import { renderComparisonPage } from './comparison/comparison-page.ts';
import { defineFunction } from './define.ts';
import { IMAGE_TOOLS } from './pictures/image.ts';

export const renderComparison = defineFunction({
  name: 'render-comparison',
  summary:
    'Compares the runs of a document that compare makes: numbers with intervals, curves, pictures. Outputs html (one ' +
    'page that needs no other file) and report (JSON).',
  version: 13,
  kind: 'pure',
  tools: IMAGE_TOOLS,
  example: { runs: `sha256:${'0'.repeat(64)}` },
  input: z.strictObject({ runs: digestSchema.describe('a document of the kind compared-runs') }),
  digests: { runs: 'blob' },
  async run(ctx, { runs }) {
    const { report, grids } = await buildReport(ctx.blobs, await readComparedRuns(ctx.blobs, runs), ctx.signal);
    const page = Buffer.from(await renderComparisonPage(report, grids));
    // Without keys that are undefined.
    const json = await putDocument(ctx.blobs, JSON.parse(JSON.stringify(report)));
    const html = await ctx.blobs.put(page, 'text/html');
    return { outputs: { html, report: json }, stats: { bytes: page.length } };
  },
});
