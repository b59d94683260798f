/** @file Parts that all routes of experiments use: they read the name in the path and answer with the experiment. */
import type { Context } from 'hono';
import { InvalidInput } from '../errors.ts';
import type { Experiment } from '../functions/experiments/experiment-head.ts';
import type { Created } from '../functions/operations/create-experiment.ts';
import { describeExperiment } from '../functions/views/experiment-view.ts';
import { nameSchema } from '../storage/records.ts';
import type { ServerDeps } from './deps.ts';

export async function answerExperiment(
  c: Context,
  { store, blobs }: ServerDeps,
  name: string,
  experiment: Experiment,
): Promise<Response> {
  return c.json({ ...(await describeExperiment({ store, blobs, name }, experiment)), ...linksOf(name) });
}

/** Answers 201 for a new experiment, 200 for an existing one that is as asked for. */
export async function answerCreated(
  c: Context,
  { store, blobs }: ServerDeps,
  name: string,
  experiment: Created,
): Promise<Response> {
  const shown = await describeExperiment({ store, blobs, name }, experiment);
  const notes = [...(shown.notes ?? []), ...(experiment.notes ?? [])];
  const { config, translation } = experiment;
  const body = {
    ...shown,
    ...(notes.length > 0 && { notes }),
    ...(translation && { effective_config: config, translated: translation }),
    ...linksOf(name),
  };
  return c.json(body, experiment.created ? 201 : 200, { location: `/experiments/${name}` });
}

/** Addresses of the calls that belong to an experiment. */
export function linksOf(name: string) {
  const path = `/experiments/${name}`;
  return {
    urls: {
      self: path,
      train: `${path}/train`,
      pause: `${path}/pause`,
      branch: `${path}/branch`,
      pin: `${path}/pin`,
      previews: `${path}/previews`,
      chunks: `${path}/chunks`,
      metrics: `${path}/metrics`,
      sample: '/sample',
    },
  };
}

/** @throws InvalidInput */
export function parseExperimentName(c: Context): string {
  const parsed = nameSchema.safeParse(c.req.param('name'));
  if (parsed.success) return parsed.data;
  throw new InvalidInput(`"${c.req.param('name')?.slice(0, 100)}" is not a valid name of an experiment`, {
    expected: '1 to 63 of a-z 0-9 . _ -, starting with a letter or digit',
  });
}

/** @param what Names the value in errors. @throws InvalidInput */
export function parseStep(text: string, what: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new InvalidInput(`${what}=${text.slice(0, 50)} is wrong`, { expected: 'a step: a whole number' });
}
