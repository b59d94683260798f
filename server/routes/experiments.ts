/** @file Experiments: create, show, train, pause, delete. */
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { MOST_SAMPLES } from '../../configs/bounds.ts';
import { samplingOf } from '../../configs/sampling.ts';
import { listReportsOf } from '../../functions/datasets/report-holders.ts';
import { effectDigest } from '../../functions/execution/calls.ts';
import { checkBody } from '../../functions/execution/check-body.ts';
import { createNameResolver } from '../../functions/execution/names.ts';
import { readHeldOutIndex } from '../../functions/experiments/border/held-out-step.ts';
import { readPreviewIndex } from '../../functions/experiments/border/preview-step.ts';
import { eachChunk, readChunks } from '../../functions/experiments/chunk-pages.ts';
import { listHeads, readConfig, readHead } from '../../functions/experiments/experiment-head.ts';
import { trainingEngineRequestSchema } from '../../functions/experiments/resolve-engine.ts';
import { createExperiment } from '../../functions/operations/create-experiment.ts';
import { deleteExperiment } from '../../functions/operations/delete-experiment.ts';
import { forgetExperimentPictures } from '../../functions/operations/forget-experiment-pictures.ts';
import { pauseExperiment } from '../../functions/operations/pause-experiment.ts';
import { describeChunk, describeExperiment } from '../../functions/views/experiment-view.ts';
import { readMetrics } from '../../functions/views/metrics.ts';
import { parseDigest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { answerRun } from '../answer-run.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { answerCreated, answerExperiment, linksOf, parseExperimentName, parseStep } from '../experiment-answer.ts';
import { isYaml, mediaTypeOf, readJsonAs, readYamlText } from '../read-body.ts';
import { describeLimit, readLimit } from '../request-options.ts';
import { runPath } from '../run-document.ts';

const MAX_METRIC_ROWS = 10_000;

const putSchema = z.strictObject({
  config: z
    .union([z.string(), z.record(z.string(), z.json())])
    .default({})
    .meta({
      description:
        'name of a preset, or a config, which may name a preset under `preset` and override keys of it; also as text ' +
        'in YAML',
    }),
  dataset: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'name or digest of a dataset; absent: those that the config names under data.datasets' }),
  engine: trainingEngineRequestSchema.default('auto').meta({
    description:
      '`auto`, the name of an engine, or parts of { name, precision (or mixed_precision: fp32 | bf16), threads, ' +
      'micro_batch, gradient_checkpointing: none | full | k, for every k-th block }',
  }),
});
const trainSchema = z.strictObject({
  target: z
    .int()
    .positive()
    .max(MOST_SAMPLES)
    .optional()
    .meta({ description: 'training samples at which to stop; default: the last target' }),
  dataset: z.string().min(1).optional().meta({
    description: 'name or digest of a newer version of the dataset, or of one of several: the experiment moves to it',
  }),
});
const emptySchema = z.strictObject({});

export function createExperimentRoutes(deps: ServerDeps): Hono {
  const { store, blobs, executor } = deps;
  const app = new Hono();
  const names = createNameResolver(store);

  app.get('/experiments', async c => {
    const heads = await listHeads(store);
    const rows = heads.map(async ({ name, head }) =>
      summarize(await describeExperiment({ store, blobs, name }, { head, config: await readConfig(blobs, head) })),
    );
    return c.json({ v: 1, experiments: await Promise.all(rows) });
  });

  app.put('/experiments/:name', async c => {
    const name = parseExperimentName(c);
    const body = isYaml(mediaTypeOf(c)) ? await readYamlRequest(c) : await readJsonAs(c, putSchema);
    const { dataset: text } = body;
    const called = text?.startsWith('sha256:') ? undefined : text;
    const dataset =
      called === undefined
        ? text === undefined
          ? undefined
          : parseDigest(text)
        : await names.resolve('dataset', called, 'dataset');
    const create = () => createExperiment(deps, name, { ...body, dataset, called });
    return answerCreated(c, deps, name, await executor.heal(create, c.req.raw.signal));
  });

  app.get('/experiments/:name', async c => {
    const name = parseExperimentName(c);
    const { value: head, etag } = await readHead(store, name);
    const config = await readConfig(blobs, head);
    c.header('etag', `"${etag}"`);
    return c.json({
      ...(await describeExperiment({ store, blobs, name }, { head, config })),
      effective_config: config,
      ...(await findProgress(name, head)),
      ...linksOf(name),
    });
  });

  app.delete('/experiments/:name', async c => {
    const name = parseExperimentName(c);
    await deleteExperiment({ ...deps, now: deps.clock.now }, name);
    const reports = await listReportsOf(deps, ({ experiment }) => experiment === name);
    if (reports.length === 0) return c.body(null, 204);
    const hint = `they keep its pictures: ${reports.map(each => `DELETE /reports/${each}`).join(', ')} lets them go`;
    return c.json({ v: 1, name, reports, hint });
  });

  app.delete('/experiments/:name/pictures', async c => {
    await forgetExperimentPictures({ ...deps, now: deps.clock.now }, parseExperimentName(c));
    return c.body(null, 204);
  });

  app.post('/experiments/:name/train', async c => {
    const body = await readJsonAs(c, trainSchema);
    return answerRun(c, await executor.start('train', { ...body, experiment: parseExperimentName(c) }));
  });

  app.post('/experiments/:name/pause', async c => {
    const name = parseExperimentName(c);
    await readJsonAs(c, emptySchema);
    return answerExperiment(c, deps, name, await pauseExperiment(deps, name));
  });

  app.get('/experiments/:name/previews', async c => {
    const name = parseExperimentName(c);
    const { value: head } = await readHead(store, name);
    const chunks = await readChunks(blobs, head, { after: readAfter(c) });
    const previews = chunks.flatMap(({ to, artifacts: { preview: index } }) =>
      index ? [readPreviewIndex(blobs, index).then(found => ({ to, found }))] : [],
    );
    const heldOut = chunks.flatMap(({ to, artifacts: { held_out: index } }) =>
      index ? [readHeldOutIndex(blobs, index).then(found => ({ to, found }))] : [],
    );
    return c.json({
      v: 1,
      name,
      previews: (await Promise.all(previews)).map(({ to, found }) => ({
        step: to,
        checkpoint: found.checkpoint,
        ...samplingOf(found),
        pictures: found.pictures.map(({ prompt, image }) => ({ prompt, ...image, url: `/objects/${image.digest}` })),
      })),
      held_out: (await Promise.all(heldOut)).map(({ to, found }) => ({
        step: to,
        checkpoint: found.checkpoint,
        ...samplingOf(found),
        pictures: found.pictures.map(({ image, ...picture }) => ({
          ...picture,
          ...image,
          url: `/objects/${image.digest}`,
        })),
      })),
    });
  });

  app.get('/experiments/:name/metrics', async c => {
    const name = parseExperimentName(c);
    const { value: head } = await readHead(store, name);
    const after = readAfter(c);
    const chunks = eachChunk(blobs, head, { after });
    return c.json({ v: 1, name, ...(await readMetrics(blobs, chunks, after, MAX_METRIC_ROWS)) });
  });

  app.get('/experiments/:name/chunks', async c => {
    const name = parseExperimentName(c);
    const { value: head } = await readHead(store, name);
    const limit = readLimit(c.req.query('limit'));
    const chunks: ReturnType<typeof describeChunk>[] = [];
    for await (const chunk of eachChunk(blobs, head, { after: readAfter(c) })) {
      chunks.push(describeChunk(chunk));
      if (chunks.length === limit) break;
    }
    const last = chunks.at(-1)?.to;
    return c.json({ v: 1, name, chunks, ...(last !== undefined && last !== head.chunks.at(-1)?.to && { next: last }) });
  });

  /** The run that trains the experiment, if this server knows one, with its progress. */
  async function findProgress(name: string, { target, dataset }: ExperimentHead) {
    const train = executor.functions.get('train');
    if (train?.kind !== 'effect') return {};
    const calls = [{}, { target }, { dataset }, { target, dataset }];
    for (const input of calls.map(call => ({ experiment: name, ...call }))) {
      const run = await executor.findRun(effectDigest(train, input));
      const state = await run?.state();
      if (state?.state !== 'running' && state?.state !== 'queued') continue;
      return { run: runPath(state.action), ...(state.progress && { progress: state.progress }) };
    }
    return {};
  }

  return app;
}

/** A body in YAML is the config alone; the query has the rest. */
async function readYamlRequest(c: Context) {
  const config = await readYamlText(c);
  return checkBody(putSchema, { ...c.req.query(), config }, 'the query');
}

/** The fields of an experiment in the list. */
function summarize({
  name,
  state,
  problem,
  notes,
  step,
  steps,
  samples,
  target,
  checkpoint,
  dataset,
}: Awaited<ReturnType<typeof describeExperiment>>) {
  return {
    name,
    state,
    ...(problem && { problem }),
    ...(notes && { notes }),
    step,
    steps,
    samples,
    target,
    ...(checkpoint && { checkpoint }),
    dataset,
    url: `/experiments/${name}`,
  };
}

/** `?after=STEP`; 0 when it is left out. */
function readAfter(c: Context): number {
  return parseStep(c.req.query('after') ?? '0', 'after');
}

export const experimentDocs: readonly RouteDoc[] = [
  {
    method: 'get',
    path: '/experiments',
    summary: 'List all experiments: state, step, target, and why a training failed.',
  },
  {
    method: 'get',
    path: '/experiments/:name',
    summary:
      'Show an experiment: its head with the newest chunks, its config, and the run that trains it, with progress.',
  },
  {
    method: 'put',
    path: '/experiments/:name',
    summary:
      'Create an experiment from a config and a dataset. The same body again changes nothing. Other keys of `run`, ' +
      'except `target`, hold from the next chunk on; another body is a conflict.',
    body: putSchema,
    yaml: 'the config alone',
    query: { dataset: 'with a body in YAML: name or digest of a dataset', engine: 'with a body in YAML: an engine' },
    example: { config: { preset: 'portraits', run: { chunk_steps: 100 } }, dataset: 'portraits' },
    responses: { 200: 'the experiment exists, and has this config now', 201: 'created' },
  },
  {
    method: 'delete',
    path: '/experiments/:name',
    summary:
      'Delete an experiment and its view. Refused while it is in training. gc deletes its blobs. The answer names ' +
      'reports that keep its pictures.',
    responses: { 200: 'deleted; reports keep its pictures', 204: 'deleted' },
  },
  {
    method: 'delete',
    path: '/experiments/:name/pictures',
    summary:
      'Take away what an experiment shows of its dataset: pairs of held-out pictures, validations, sheets of checks ' +
      'for copies. Refused while it is in training. Dataset, checkpoints and verdicts stay; gc erases the rest.',
    responses: { 204: 'taken away' },
  },
  {
    method: 'post',
    path: '/experiments/:name/train',
    summary: 'Train up to the target, as POST /functions/train does. The same call goes on after any stop.',
    body: trainSchema,
    example: {},
    responses: { 200: 'the experiment is at its target', 202: 'the run is under way; Location is its address' },
  },
  {
    method: 'post',
    path: '/experiments/:name/pause',
    summary: 'Stop the training at the next chunk border. The chunk under way is finished and kept.',
    body: emptySchema,
    example: {},
  },
  {
    method: 'get',
    path: '/experiments/:name/previews',
    summary: 'List the preview pictures of every chunk border, with their prompts, and the held-out ones.',
    query: { after: 'a step: list later ones only' },
  },
  {
    method: 'get',
    path: '/experiments/:name/chunks',
    summary:
      'List the chunks of the training, oldest first, with their documents and folders. Pass `next` as `after` to go ' +
      'on.',
    query: { after: 'a step: list later ones only', limit: describeLimit('chunks') },
  },
  {
    method: 'get',
    path: '/experiments/:name/metrics',
    summary:
      'Return loss, gradient norm, learning rate and other numbers of every step, as columns. Pass `next` as ' +
      '`after` to go on.',
    query: { after: 'a step: return later ones only' },
  },
];
