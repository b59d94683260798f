/** @file Parts that all routes of experiments use: they read the name in the path and answer with the experiment. */
import type { Context } from 'hono';
import { InvalidInput } from '../errors.ts';
import type { Experiment } from '../functions/experiments/experiment-head.ts';
import type { Created } from '../functions/operations/create-experiment.ts';
import { describeHead } from '../functions/views/experiment-view.ts';
import { nameSchema } from '../storage/records.ts';

export function answerExperiment(c: Context, name: string, { head, config }: Experiment): Response {
  return c.json({ ...describeHead(name, head, config), ...linksOf(name) });
}

/** Answers 201 for a new experiment, 200 for an existing one that is as asked for. */
export function answerCreated(c: Context, name: string, { head, config, created, notes = [] }: Created): Response {
  const location = `/experiments/${name}`;
  const described = describeHead(name, head, config);
  const all = [...(described.notes ?? []), ...notes];
  const body = { ...described, ...(all.length > 0 && { notes: all }), ...linksOf(name) };
  return c.json(body, created ? 201 : 200, { location });
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
