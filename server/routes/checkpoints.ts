/** @file Checkpoints that an experiment keeps: branch from them, pin them. */
import { Hono } from 'hono';
import { z } from 'zod';
import { MOST_SAMPLES } from '../../configs/bounds.ts';
import { CHECKPOINT_WORDS } from '../../configs/stored-names.ts';
import { InvalidInput } from '../../errors.ts';
import { splitName } from '../../functions/execution/names.ts';
import { trainingEngineRequestSchema } from '../../functions/experiments/resolve-engine.ts';
import { type BranchRequest, branchExperiment } from '../../functions/operations/branch-experiment.ts';
import { pinCheckpoint, unpinCheckpoint } from '../../functions/operations/pin-checkpoint.ts';
import { isDigest } from '../../storage/digest.ts';
import { digestSchema, nameSchema } from '../../storage/records.ts';
import type { RouteDoc, ServerDeps } from '../deps.ts';
import { answerCreated, answerExperiment, parseExperimentName, parseStep } from '../experiment-answer.ts';
import { readJsonAs } from '../read-body.ts';

const expectedFrom = {
  error:
    'expected `latest`, `best`, `clean`, one of them behind `NAME@`, the step of a kept checkpoint, or its digest: ' +
    '"sha256:" and 64 lower-case hexadecimal digits',
};
/** `portraits@best`, `portraits@500` */
const versionedSchema = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}@(latest|best|clean|[1-9]\d{0,8})$/, expectedFrom);
const branchSchema = z.strictObject({
  name: nameSchema.meta({ description: 'name of the new experiment' }),
  from: z
    .union(
      [z.enum(CHECKPOINT_WORDS), z.int().positive().max(MOST_SAMPLES), digestSchema, versionedSchema],
      expectedFrom,
    )
    .default('latest')
    .meta({
      description: 'step or digest of a kept checkpoint, `latest`, `best` or `clean`; or `NAME@best` and so on',
    }),
  config: z.record(z.string(), z.json()).default({}).meta({
    description: 'changed keys of the config; seed, model, data, optimizer.type and ema_gammas cannot change',
  }),
  target: z.int().positive().max(MOST_SAMPLES).optional().meta({
    description: 'training samples at which to stop; beyond optimizer.total_samples the schedules are stretched',
  }),
  engine: trainingEngineRequestSchema
    .optional()
    .meta({ description: 'engine of the new experiment; default: the engine of this experiment' }),
});
const pinSchema = z
  .strictObject({
    step: z
      .int()
      .positive()
      .max(MOST_SAMPLES)
      .optional()
      .meta({ description: 'step of a kept checkpoint; default: the newest' }),
    checkpoint: digestSchema.optional().meta({ description: 'digest of a kept checkpoint, instead of its step' }),
  })
  .refine(({ step, checkpoint }) => step === undefined || checkpoint === undefined, {
    error: 'expected a step or a checkpoint, not both',
    path: ['checkpoint'],
  });

export function createCheckpointRoutes(deps: ServerDeps): Hono {
  const { executor } = deps;
  const app = new Hono();

  app.post('/experiments/:name/branch', async c => {
    const parent = parseExperimentName(c);
    const { from, ...rest } = await readJsonAs(c, branchSchema);
    const request = { ...rest, from: readFrom(parent, from) };
    const branch = () => branchExperiment(deps, parent, request);
    return answerCreated(c, deps, request.name, await executor.heal(branch, c.req.raw.signal));
  });

  app.post('/experiments/:name/pin', async c => {
    const name = parseExperimentName(c);
    const { step, checkpoint } = await readJsonAs(c, pinSchema);
    const pin = () => pinCheckpoint(deps, name, checkpoint ?? step ?? 'latest');
    return answerExperiment(c, deps, name, await executor.heal(pin, c.req.raw.signal));
  });

  app.delete('/experiments/:name/pin/:step', async c => {
    const name = parseExperimentName(c);
    const step = parseStep(c.req.param('step'), 'the step');
    return answerExperiment(c, deps, name, await unpinCheckpoint(deps, name, step));
  });

  return app;
}

/** `NAME@best` of the experiment itself is `best`. @throws InvalidInput for another experiment. */
function readFrom(parent: string, from: z.output<typeof branchSchema>['from']): BranchRequest['from'] {
  if (typeof from === 'number' || isDigest(from)) return from;
  const { name, version } = splitName(from, 'from');
  if (version !== undefined && name !== parent) {
    throw new InvalidInput(`from: "${from}" is a checkpoint of another experiment than "${parent}"`, {
      expected: `a checkpoint of "${parent}": ${parent}@${version}`,
      hint: `POST /experiments/${name}/branch branches from that one`,
    });
  }
  const text = version ?? name;
  return CHECKPOINT_WORDS.find(each => each === text) ?? Number(text);
}

export const checkpointDocs: readonly RouteDoc[] = [
  {
    method: 'post',
    path: '/experiments/:name/branch',
    summary:
      'Create an experiment that begins at a checkpoint of this one. The same body again changes nothing; another ' +
      'body is a conflict.',
    body: branchSchema,
    example: { name: 'portraits-slow', from: 'latest', config: { optimizer: { learning_rate: 0.0005 } } },
    responses: { 200: 'the branch exists and is as asked for', 201: 'created' },
  },
  {
    method: 'post',
    path: '/experiments/:name/pin',
    summary: 'Pin a kept checkpoint. Until it is unpinned, it stays and NAME@STEP finds it.',
    body: pinSchema,
    example: { step: 100 },
  },
  {
    method: 'delete',
    path: '/experiments/:name/pin/:step',
    summary: 'Unpin the checkpoint of a step. The next training or gc deletes it, unless it is one of the newest.',
  },
];
