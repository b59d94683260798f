import { defineCommand } from 'citty';
import { z } from 'zod';
import { plainJson } from '../../configs/plain-text.ts';
import { translationSchema } from '../../configs/seed-block/translate-block.ts';
import { reportErrors } from '../command-error.ts';
import { configArgs, describeTranslation, readConfigArgs } from '../config-args.ts';
import { describeAnswer } from '../describe-answer.ts';
import { parseChanges } from '../parse-body.ts';
import { connect, connectionArgs } from './connection.ts';

const answerSchema = z.looseObject({
  name: z.string(),
  state: z.string(),
  step: z.int(),
  steps: z.int(),
  translated: translationSchema.optional(),
});

export const createCommand = defineCommand({
  meta: {
    name: 'create',
    description:
      'create an experiment from a config and a dataset (easel create first --dataset portraits --config tiny-b)',
  },
  args: {
    name: { type: 'positional', description: 'name of the experiment', required: true },
    dataset: { type: 'string', description: 'dataset to train on, unless the config names several', valueHint: 'NAME' },
    config: {
      type: 'string',
      description: 'name of a preset, or a file in YAML, also with a config of the original project',
      valueHint: 'NAME|FILE',
    },
    engine: { type: 'string', description: 'engine (default: auto)', valueHint: 'NAME' },
    ...configArgs,
    json: { type: 'boolean', description: 'print JSON' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args, rawArgs }) => {
    const [, ...words] = args._;
    const { config: named, recipe, size, dataset, engine } = args;
    const config = readConfigArgs({ named, recipe, size, changes: parseChanges(words, rawArgs) });
    const body = { config, ...(dataset !== undefined && { dataset }), ...(engine !== undefined && { engine }) };
    const answer = await connect(args).put(`/experiments/${encodeURIComponent(args.name)}`, body, answerSchema);
    if (args.json === true) {
      console.log(plainJson(answer));
      return;
    }
    if (answer.translated) for (const line of describeTranslation(answer.translated)) console.log(line);
    console.log(`${answer.name}: ${answer.state}, step ${answer.step} of ${answer.steps}`);
    for (const line of describeAnswer(answer)) console.error(line);
    console.log(`train it: easel call train experiment=${answer.name}`);
  }),
});
