/** @file The own keys of each loss, beside those that all losses have (losses.ts). */
import { z } from 'zod';
import { Unprocessable } from '../errors.ts';
import { featuresShape } from './feature-loss.ts';
import { describeMistake } from './issue-text.ts';
import { commonLossShape } from './losses.ts';
import { lpipsShape } from './lpips.ts';
import { repaShape } from './repa.ts';
import { nearestName } from './suggest.ts';

/** Keys by the name of the loss under `objective.losses`. gpu-runner/training/losses/ computes the losses. */
export const LOSS_SHAPES = {
  features: featuresShape,
  flow_matching: {},
  lpips: lpipsShape,
  repa: repaShape,
} as const satisfies Readonly<Record<string, z.ZodRawShape>>;

const COMMON = Object.keys(commonLossShape);

/**
 * The own keys of a loss.
 * @param loss As the config has it, also with the keys that all losses have. @param path Where in the config it is.
 * @throws Unprocessable for a key that the loss does not take, or a wrong value.
 */
export function parseLossOptions<S extends z.ZodRawShape>(
  shape: S,
  loss: Readonly<Record<string, unknown>>,
  path: string,
): z.output<z.ZodObject<S, z.core.$strict>> {
  const options = Object.fromEntries(Object.entries(loss).filter(([key]) => !COMMON.includes(key)));
  const parsed = z.strictObject(shape).safeParse(options, { reportInput: true });
  if (parsed.success) return parsed.data;
  const known = [...COMMON, ...Object.keys(shape)];
  const mistakes = parsed.error.issues.map(issue => {
    if (issue.code !== 'unrecognized_keys') return `${[path, ...issue.path].join('.')}: ${describeMistake(issue)}`;
    const nearest = nearestName(issue.keys[0] ?? '', known);
    const advice = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
    return `unknown key ${[path, ...issue.path, issue.keys.join(', ')].join('.')}${advice}`;
  });
  throw new Unprocessable(mistakes.join('; '), {
    expected: `the keys ${known.join(', ')}`,
    hint: 'docs/losses.md describes each loss and its keys',
  });
}

/** @throws Unprocessable with the known names when there is no such loss. */
export function requireLoss<T>(table: Readonly<Record<string, T>>, name: string): T {
  const row = Object.hasOwn(table, name) ? table[name] : undefined;
  if (row !== undefined) return row;
  const known = Object.keys(table);
  const nearest = nearestName(name, known);
  throw new Unprocessable(`objective.losses.${name}: there is no such loss`, {
    expected: `one of: ${known.join(', ')}`,
    ...(nearest !== undefined && { hint: `did you mean ${nearest}?` }),
  });
}
