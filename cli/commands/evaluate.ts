/** @file `easel evaluate CHECKPOINT`: the table of quality of a checkpoint, beside control rows. */
import { defineCommand } from 'citty';
import { CONDITION_NAMES } from '../../configs/drawn-conditions.ts';
import { plainJson, plainLine } from '../../configs/plain-text.ts';
import { InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { evaluatedSchema, formatEvaluation } from '../format-evaluation.ts';
import { judgeArgs, placeOf, readJudges, readPoseSamples, requireOne, splitWords } from '../judged-checkpoint.ts';
import { parseCount, parseScale } from '../parse-options.ts';
import { connect, connectionArgs } from './connection.ts';

export const evaluateCommand = defineCommand({
  meta: {
    name: 'evaluate',
    description:
      'draw held-out pictures by a checkpoint, and measure the set of them beside real pictures, noise and other ' +
      'control rows',
  },
  args: {
    experiment: { type: 'positional', description: 'the experiment, or NAME@STEP', required: true },
    samples: { type: 'string', description: 'held-out pictures of each row (default: 250)', valueHint: 'N' },
    conditions: {
      type: 'string',
      description: `some of ${CONDITION_NAMES.join(', ')} (default: pose and caption, or what the model has)`,
      valueHint: 'A,B',
    },
    beside: { type: 'string', description: 'other checkpoints, on the same pictures and noise', valueHint: 'A,B' },
    guidance: {
      type: 'string',
      description: 'guidance of the drawn pictures (default: that of the previews); several: a row of each',
      valueHint: 'A,B',
    },
    weights: { type: 'string', description: 'a row of each: ema, raw, or average=N', valueHint: 'A,B' },
    'pose-samples': {
      type: 'string',
      description: 'pictures of each row in which DWPose looks for joints (default: 64); 0: none',
      valueHint: 'N',
    },
    ...judgeArgs,
    'vqa-samples': {
      type: 'string',
      description: 'pictures of each row that the model is asked about, two questions each (default: 64)',
      valueHint: 'N',
    },
    split: {
      type: 'string',
      description: 'held-out pictures: val (default), or test, once, after everything was chosen by val',
      valueHint: 'NAME',
    },
    'noise-floor': {
      type: 'boolean',
      description: 'draw the rows of the checkpoint twice, from two noises, and tell how far the pictures are apart',
    },
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const { result } = await callInForeground(connect(args), 'evaluate', readEvaluation(args), { quiet: args.quiet });
    if (args.json === true) {
      console.log(plainJson(result));
      return;
    }
    const found = evaluatedSchema.parse(result);
    for (const line of [...formatEvaluation(found), '', `results.json: ${placeOf(found)}`])
      console.log(plainLine(line));
  }),
});

interface EvaluateArgs {
  /** All words. */
  readonly _: readonly string[];
  readonly experiment: string;
  readonly samples?: string | undefined;
  readonly conditions?: string | undefined;
  readonly beside?: string | undefined;
  readonly guidance?: string | undefined;
  readonly weights?: string | undefined;
  readonly 'pose-samples'?: string | undefined;
  readonly extractor?: string | undefined;
  readonly vqa?: string | undefined;
  readonly 'vqa-samples'?: string | undefined;
  readonly split?: string | undefined;
  readonly 'noise-floor'?: boolean | undefined;
}

/** The body of the call. @throws InvalidInput */
export function readEvaluation({
  _: words,
  experiment,
  samples,
  conditions,
  beside,
  split,
  'noise-floor': noiseFloor,
  ...settings
}: EvaluateArgs) {
  const [first, ...others] = words;
  requireOne(words, 'evaluated', `easel evaluate ${first} --beside ${others.join(',')} has a row for each`);
  return {
    checkpoint: experiment,
    ...(samples !== undefined && { samples: parseCount(samples, '--samples') }),
    ...(conditions !== undefined && { conditions: splitWords(conditions) }),
    ...(beside !== undefined && { beside: splitWords(beside) }),
    ...(split !== undefined && { split }),
    ...(noiseFloor === true && { noise_floor: true }),
    ...readSweep(settings),
    ...readPoseSamples(settings),
    ...readAsked(settings),
  };
}

/** How many pictures a model is asked about. @throws InvalidInput */
function readAsked({ 'vqa-samples': text, ...args }: Pick<EvaluateArgs, 'extractor' | 'vqa' | 'vqa-samples'>) {
  const { vqa, ...judges } = readJudges(args);
  if (text === undefined) return { ...judges, ...(vqa && { vqa }) };
  if (vqa) return { ...judges, vqa: { ...vqa, samples: parseCount(text, '--vqa-samples') } };
  throw new InvalidInput('--vqa-samples says of how many pictures nobody is asked', {
    expected: '--vqa ollama, or --vqa ollama=MODEL, beside it',
  });
}

function readSweep({ guidance, weights }: Pick<EvaluateArgs, 'guidance' | 'weights'>) {
  const scales = guidance === undefined ? [] : splitWords(guidance).map(text => parseScale(text, '--guidance'));
  const [scale] = scales;
  const sweep = {
    ...(scales.length > 1 && { guidance: scales }),
    ...(weights !== undefined && { weights: splitWords(weights).map(readWeights) }),
  };
  return {
    ...(scales.length === 1 && scale !== undefined && { guidance: scale }),
    ...(Object.keys(sweep).length > 0 && { sweep }),
  };
}

/** `average=1` is the second average of the run. @throws InvalidInput */
function readWeights(text: string) {
  const average = /^average=(\d+)$/.exec(text)?.[1];
  if (average !== undefined) return { average: Number(average) };
  if (text === 'ema' || text === 'raw') return text;
  throw new InvalidInput(`--weights ${text} is wrong`, { expected: 'ema, raw, or average=N' });
}
