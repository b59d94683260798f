/** @file Sampling for people: one POST with a prompt answers with a PNG. */
import { randomInt } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { promptSchema, samplingOf } from '../../configs/sampling.ts';
import { drawableSeedSchema, RANDOM_SEED, type Seed } from '../../configs/seed.ts';
import { Internal } from '../../errors.ts';
import type { RunState } from '../../functions/execution/run-handle.ts';
import { findPoseWeights } from '../../functions/experiments/pose-weights.ts';
import { engineRequestSchema } from '../../functions/experiments/resolve-engine.ts';
import { findTraces } from '../../functions/experiments/sample-weights.ts';
import { chooseSamplingEngine } from '../../functions/experiments/sampling-engine.ts';
import { sampleInput } from '../../functions/sample.ts';
import type { Json } from '../../storage/canonical.ts';
import { type Note, noteSchema, resultSchema } from '../../storage/records.ts';
import type { BlobRef } from '../../storage/types.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { sendProblem } from '../problem.ts';
import { readJsonAs } from '../read-body.ts';
import { prefersAsync, readWait } from '../request-options.ts';
import { describeRun, runPath } from '../run-document.ts';

/** Seconds that a call without a `Prefer` header waits for its picture. */
const DEFAULT_WAIT_SECONDS = 600;

const bodySchema = sampleInput
  .omit({ checkpoint: true, prompts: true, poses: true, first: true, traces: true })
  .extend({
    model: z
      .string()
      .min(1)
      .meta({ description: 'name of an experiment, with or without @step or @latest, or digest of a checkpoint' }),
    prompt: promptSchema.meta({ description: 'text of the picture; blank: no text' }),
    seed: drawableSeedSchema
      .default(0)
      .meta({ description: `seed of the noise: a whole number of up to 64 bits; ${RANDOM_SEED}: a random one` }),
    engine: engineRequestSchema
      .optional()
      .meta({ description: 'engine to sample on; default: that of the experiment' }),
  });

export function createSampleRoutes(deps: ServerDeps): Hono {
  const { blobs, executor } = deps;
  const app = new Hono();

  app.post('/sample', async c => {
    const { model, prompt, engine: asked, ...params } = await readJsonAs(c, bodySchema);
    const engine = await chooseSamplingEngine(deps, model, asked);
    const traces = await findTraces(deps, model, params.weights);
    const needsWeights = params.pose_picture !== undefined && params.pose_weights === undefined;
    const poseWeights = needsWeights ? await findPoseWeights(deps, model) : undefined;
    const body = {
      ...params,
      ...(poseWeights && { pose_weights: poseWeights }),
      ...(traces && { traces }),
      seed: chooseSeed(params.seed),
      checkpoint: model,
      prompts: [prompt],
      engine,
    };
    const run = await executor.start('sample', JSON.parse(JSON.stringify(body)));
    const seconds = prefersAsync(c.req.header('prefer')) ? 0 : readWait(c.req.header('prefer'), DEFAULT_WAIT_SECONDS);
    const state = await run.wait(seconds * 1000, c.req.raw.signal);
    const location = runPath(run.action);
    if (state.error) return sendProblem(state.error, location);
    if (state.state !== 'done') return c.json(describeRun(state), 202, { location, 'retry-after': '2' });
    return sendPicture(c, state, { model, prompt });
  });

  async function sendPicture(c: Context, state: RunState, said: Readonly<Record<string, Json>>): Promise<Response> {
    const { action, outputs, stats } = resultSchema.parse(state.result);
    const image = outputs.image_000;
    if (!image) throw new Internal('a sample without a picture');
    const notes = z.array(noteSchema).parse(stats.notes ?? []);
    const headers = {
      'content-location': `/objects/${image.digest}`,
      'x-cache': state.cache ?? 'miss',
      'x-easel-checkpoint': action.inputs.checkpoint ?? '',
      'x-easel-run': runPath(state.action),
      'x-easel-seed': String(action.params.seed),
      ...(notes.length > 0 && { 'x-easel-notes': notes.map(describeNote).join('; ') }),
    };
    if (wantsJson(c.req.header('accept'))) {
      const { checkpoint = null } = action.inputs;
      const { weights = null } = action.params;
      return c.json(
        {
          v: 1,
          ...said,
          checkpoint,
          ...samplingOf(action.params),
          weights,
          engine: action.engine ?? null,
          image: linkOf(image),
          pixels: outputs.pixels ? linkOf(outputs.pixels) : null,
          run: runPath(state.action),
          cache: state.cache ?? 'miss',
          notes,
        },
        200,
        headers,
      );
    }
    const png = await blobs.get(image.digest);
    return new Response(new Uint8Array(png), {
      headers: { ...headers, 'content-type': image.media_type, 'content-length': String(image.size) },
    });
  }

  return app;
}

/** A random seed is short enough to be typed again. */
function chooseSeed(asked: Seed): Seed {
  return asked === RANDOM_SEED ? randomInt(2 ** 32) : asked;
}

/** '1 prompt is longer than ... (prompt: 200 words, 64 used)'. ASCII, as headers must be: a prompt has a short name. */
function describeNote({ text, examples }: Note): string {
  return `${text} (${examples.map(({ name, text }) => `${name}: ${text}`).join(', ')})`;
}

function linkOf(ref: BlobRef) {
  return { ...ref, url: `/objects/${ref.digest}` };
}

/** PNG unless JSON is asked for and pictures are not. */
function wantsJson(accept: string | undefined): boolean {
  const types = (accept ?? '*/*').split(',').map(part => part.split(';')[0]?.trim().toLowerCase());
  return types.includes('application/json') && !types.some(type => type?.startsWith('image/'));
}

export const sampleDocs: readonly RouteDoc[] = [
  {
    method: 'post',
    path: '/sample',
    summary:
      'Sample a picture for a prompt. Returns a PNG, or JSON with digests if Accept asks for it. Waits for the picture; ' +
      'with `Prefer: respond-async`, answers 202. A full queue answers 503 with Retry-After.',
    body: bodySchema,
    example: { model: 'portraits', prompt: 'a smiling person with red hair on a pink background', seed: 7 },
    produces: 'image/png',
    responses: { 200: 'the picture', 202: 'the run is under way; Location is its address' },
  },
];
