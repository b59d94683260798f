/** @file A small page that shows experiments and datasets. */
import { readFileSync } from 'node:fs';
import { Hono } from 'hono';
import { html } from 'hono/html';
import { noteAlarms } from '../../functions/experiments/alarms.ts';
import { readPreviewIndex } from '../../functions/experiments/border/preview-step.ts';
import { summarizeRun } from '../../functions/experiments/chunks-summary.ts';
import { noteMemorizing } from '../../functions/experiments/copies.ts';
import { withBefore } from '../../functions/experiments/copies-before.ts';
import { stepOf } from '../../functions/experiments/experiment-head.ts';
import { noteNewerDataset } from '../../functions/experiments/note-newer-dataset.ts';
import { noteSkipped } from '../../functions/experiments/training-health.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';

const page = readFileSync(new URL('../pages/home.html', import.meta.url), 'utf8');
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'";
const MAX_EXPERIMENTS = 50;

type Html = Awaited<ReturnType<typeof html>>;

export function createHomeRoutes({ store, blobs }: ServerDeps): Hono {
  const app = new Hono();
  const refs = createRefs(store);

  async function describeExperiment(name: string, head: ExperimentHead): Promise<Html> {
    const summary = summarizeRun(head);
    const preview = summary?.artifacts.preview;
    const index = preview && (await blobs.head(preview)) ? await readPreviewIndex(blobs, preview) : undefined;
    const steps = summary?.to ?? stepOf(head);
    const pictures = index?.pictures.map(
      ({ prompt, image }) =>
        html`<img src="/objects/${image.digest}" alt="${prompt}" title="${prompt}" loading="lazy">`,
    );
    const { problem } = head;
    const notes = [
      ...noteSkipped(head),
      ...noteAlarms(head),
      ...noteMemorizing(name, await withBefore({ store, blobs }, head)),
      ...(await noteNewerDataset({ store, blobs }, name, head)),
    ];
    return html`<li><a href="/experiments/${name}">${name}</a> <span class="muted">${head.state}, ${steps} steps, target ${head.target} samples</span>
${problem ? html`<div class="problem">${problem.time}: ${problem.text}${problem.hint ? `; ${problem.hint}` : ''}</div>` : ''}
${notes.map(({ text }) => html`<div>${text}</div>`)}
${pictures ? html`<div class="previews">${pictures}</div>` : ''}</li>`;
  }

  app.get('/', async c => {
    const experiments: Html[] = [];
    for (const name of (await refs.experiments.list()).slice(0, MAX_EXPERIMENTS)) {
      const head = await refs.experiments.read(name);
      if (head) experiments.push(await describeExperiment(name, head.value));
    }
    const datasets = await Promise.all(
      (await refs.datasets.list()).map(name => html`<li><a href="/datasets/${name}">${name}</a></li>`),
    );
    const [experimentList, datasetList] = [
      await listOf(experiments, 'None yet. `npm run demo` trains one in minutes.'),
      await listOf(datasets, 'None yet.'),
    ];
    const filled = page
      .replace('<!-- experiments -->', () => experimentList)
      .replace('<!-- datasets -->', () => datasetList);
    return c.html(filled, 200, { 'content-security-policy': PAGE_POLICY });
  });

  return app;
}

async function listOf(rows: readonly Html[], none: string): Promise<string> {
  return String(await (rows.length === 0 ? html`<p class="muted">${none}</p>` : html`<ul>${[...rows]}</ul>`));
}

export const homeDocs: readonly RouteDoc[] = [
  {
    method: 'get',
    path: '/',
    summary: 'Show a page with the experiments, their latest previews and the datasets.',
    produces: 'text/html',
  },
];
