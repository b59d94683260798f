/** @file `easel validate EXPERIMENT`: what a checkpoint makes of held-out pictures, with scores and pictures. */
import { defineCommand } from 'citty';
import { expandHome } from '../../configs/home-path.ts';
import { plainJson, plainLine } from '../../configs/plain-text.ts';
import { TEST_NAMES } from '../../configs/suite-tests.ts';
import { InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { formatValidation, validationSchema } from '../format-suite.ts';
import { judgeArgs, placeOf, readJudges, readPoseSamples, requireOne, splitWords } from '../judged-checkpoint.ts';
import { parseCount } from '../parse-options.ts';
import { checkValidationFolder, writeValidation } from '../write-validation.ts';
import { connect, connectionArgs } from './connection.ts';

export const validateCommand = defineCommand({
  meta: {
    name: 'validate',
    description:
      'draw held-out pictures by a checkpoint under many conditions and score them ' +
      '(easel validate portraits --tests reconstruction,text)',
  },
  args: {
    experiment: { type: 'positional', description: 'the experiment, or NAME@STEP', required: true },
    step: { type: 'string', description: 'step of a kept checkpoint, or best (default: the newest)', valueHint: 'N' },
    tests: {
      type: 'string',
      description: `some of ${TEST_NAMES.join(', ')} (default: all that the model can be asked)`,
      valueHint: 'A,B',
    },
    count: { type: 'string', description: 'held-out pictures of each test (default: 25)', valueHint: 'N' },
    'pose-samples': {
      type: 'string',
      description: 'pictures of each score in which DWPose looks for joints (default: all); 0: none',
      valueHint: 'N',
    },
    ...judgeArgs,
    ema: { type: 'boolean', description: 'averaged weights alone (default: averaged and raw ones)' },
    raw: { type: 'boolean', description: 'weights of the last step alone' },
    out: {
      type: 'string',
      description: 'also write results.json and all pictures into this folder, in place of earlier ones',
      valueHint: 'DIR',
    },
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const body = readValidation(args);
    const api = connect(args);
    // A folder that cannot be used is found out before minutes of drawing.
    const out = args.out === undefined ? undefined : expandHome(args.out);
    if (out !== undefined) await checkValidationFolder(out);
    const { result } = await callInForeground(api, 'validate', body, { quiet: args.quiet });
    const found = validationSchema.parse(result);
    if (out !== undefined) await writeValidation(api, found.document, out);
    if (args.json === true) {
      console.log(plainJson(result));
      return;
    }
    for (const line of [...formatValidation(found), `pictures and results.json: ${out ?? placeOf(found)}`]) {
      console.log(plainLine(line));
    }
  }),
});

interface ValidateArgs {
  /** All words. */
  readonly _: readonly string[];
  readonly experiment: string;
  readonly step?: string | undefined;
  readonly tests?: string | undefined;
  readonly count?: string | undefined;
  readonly 'pose-samples'?: string | undefined;
  readonly extractor?: string | undefined;
  readonly vqa?: string | undefined;
  readonly ema?: boolean | undefined;
  readonly raw?: boolean | undefined;
}

/** The body of the call. @throws InvalidInput */
export function readValidation({ _: words, experiment, step, tests, count, ema, raw, ...args }: ValidateArgs) {
  requireOne(words, 'validated', `easel report ${words.join(' ')} compares experiments`);
  if (step !== undefined && experiment.includes('@')) {
    throw new InvalidInput(`--step ${step} does not go with ${experiment}`, { expected: 'one of the two' });
  }
  const weights = [...(ema === true ? ['ema'] : []), ...(raw === true ? ['raw'] : [])];
  return {
    checkpoint: step === undefined ? experiment : `${experiment}@${step}`,
    ...(tests !== undefined && { tests: splitWords(tests) }),
    ...(count !== undefined && { count: parseCount(count, '--count') }),
    ...(weights.length > 0 && { weights }),
    ...readPoseSamples(args),
    ...readJudges(args),
  };
}
