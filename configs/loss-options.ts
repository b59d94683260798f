/** @file The own keys of each loss, beside those that all losses have (losses.ts). */
import { z } from 'zod';
import { Unprocessable } from '../errors.ts';
import { featuresShape } from './feature-loss.ts';
import { describeMistake } from './issue-text.ts';
import type { LossConfig } from './losses.ts';
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

const COMMON = ['weight', 'from', 'until', 'ramp'];

/**
 * The own keys of a loss.
 * @param options Without the keys that all losses have. @param path Where in the config they are.
 * @throws Unprocessable for a key that the loss does not take, or a wrong value.
 */
export function parseLossOptions<S extends z.ZodRawShape>(
  shape: S,
  options: Readonly<Record<string, unknown>>,
  path: string,
): z.output<z.ZodObject<S, z.core.$strict>> {
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

/** The options of a loss without the keys that all losses have. */
export function ownOptions({ weight: _, from: __, until: ___, ramp: ____, ...options }: LossConfig) {
  return options;
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
