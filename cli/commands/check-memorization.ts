/** @file `easel check-memorization CHECKPOINT`: whether a checkpoint draws copies of its training pictures. */
import { defineCommand } from 'citty';
import { CONDITION_NAMES } from '../../configs/drawn-conditions.ts';
import { SWAPPED } from '../../configs/memorization.ts';
import { plainJson, plainLine } from '../../configs/plain-text.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { checkedSchema, formatCopies } from '../format-copies.ts';
import { placeOf, requireOne, splitWords } from '../judged-checkpoint.ts';
import { parseCount } from '../parse-options.ts';
import { connect, connectionArgs } from './connection.ts';

export const checkMemorizationCommand = defineCommand({
  meta: {
    name: 'check-memorization',
    description: 'draw pictures by a checkpoint and look for copies of training pictures; the verdict stays with it',
  },
  args: {
    experiment: { type: 'positional', description: 'the experiment, or NAME@STEP', required: true },
    samples: { type: 'string', description: 'pictures to draw (default: 1000)', valueHint: 'N' },
    condition: {
      type: 'string',
      description: `one of ${CONDITION_NAMES.join(', ')} (default: pose and caption, or what the model has)`,
      valueHint: 'NAME',
    },
    conditions: {
      type: 'string',
      description: 'instead of --condition: several, with --samples pictures of each, and the verdict of the worst',
      valueHint: 'A,B',
    },
    split: {
      type: 'string',
      description: 'whose conditions are given: train, where copies show first (default), or val',
      valueHint: 'NAME',
    },
    swapped: {
      type: 'string',
      description: `pictures of the caption swap test (default: ${SWAPPED}, or as many as --samples); 0: no test`,
      valueHint: 'N',
    },
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const call = callInForeground(connect(args), 'check-memorization', readCheck(args), { quiet: args.quiet });
    const { result } = await call;
    if (args.json === true) {
      console.log(plainJson(result));
      return;
    }
    const found = checkedSchema.parse(result);
    for (const line of [...formatCopies(found), '', `nearest.png and results.json: ${placeOf(found)}`]) {
      console.log(plainLine(line));
    }
  }),
});

interface CheckArgs {
  /** All words. */
  readonly _: readonly string[];
  readonly experiment: string;
  readonly samples?: string | undefined;
  readonly condition?: string | undefined;
  readonly conditions?: string | undefined;
  readonly split?: string | undefined;
  readonly swapped?: string | undefined;
}

/** The body of the call. @throws InvalidInput */
export function readCheck({ _: words, experiment, samples, condition, conditions, split, swapped }: CheckArgs) {
  requireOne(words, 'checked', 'call it once for each');
  return {
    checkpoint: experiment,
    ...(samples !== undefined && { samples: parseCount(samples, '--samples') }),
    ...(condition !== undefined && { condition }),
    ...(conditions !== undefined && { conditions: splitWords(conditions) }),
    ...(split !== undefined && { split }),
    ...(swapped !== undefined && { swapped: parseCount(swapped, '--swapped', 0) }),
  };
}
