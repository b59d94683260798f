/** @file `easel sweep FILE` or `easel sweep --set key=a,b`: tries values of a config by successive halving. */
import { defineCommand } from 'citty';
import { plainJson, plainLine } from '../../configs/plain-text.ts';
import { sweepResultSchema, sweepSchema } from '../../configs/sweep.ts';
import { InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { describeGround, sweepRows } from '../format-grid.ts';
import { changeBase, nameWithData, parseGridFile, readGridFile, splitValues } from '../grid-file.ts';
import { parseCount } from '../parse-options.ts';
import { formatTable } from '../table.ts';
import { connect, connectionArgs } from './connection.ts';

export const sweepCommand = defineCommand({
  meta: {
    name: 'sweep',
    description:
      'try every combination of values of a config, and leave the worse half out early: ' +
      'easel sweep --dataset portraits --config portraits --set optimizer.learning_rate=0.001,0.002,0.004',
  },
  args: {
    file: { type: 'positional', required: false, description: 'sweep in YAML' },
    dataset: { type: 'string', required: true, description: 'dataset to train on', valueHint: 'NAME' },
    config: { type: 'string', description: 'base: a preset, or a file in YAML', valueHint: 'NAME|FILE' },
    set: { type: 'boolean', description: 'key=a,b,c words follow: values to try (JSON or text)' },
    steps: { type: 'string', description: 'steps of a whole run', valueHint: 'N' },
    first: {
      type: 'string',
      description: 'share of the steps before the first are left out (default .01)',
      valueHint: 'N',
    },
    finalists: { type: 'string', description: 'configs that are trained to the end (default 1)', valueHint: 'N' },
    seed: { type: 'string', description: 'seed of all runs (default 0)', valueHint: 'N' },
    name: { type: 'string', description: "beginning of the experiments' names", valueHint: 'NAME' },
    engine: { type: 'string', description: 'engine (default: auto)', valueHint: 'NAME' },
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args, rawArgs }) => {
    const { dataset, engine } = args;
    const body = { sweep: readSweep(args, rawArgs), dataset, ...(engine !== undefined && { engine }) };
    const { result } = await callInForeground(connect(args), 'sweep', body, { quiet: args.quiet });
    if (args.json === true) {
      console.log(plainJson(result));
      return;
    }
    const found = sweepResultSchema.parse(result);
    const lines = [
      describeGround(found),
      ...formatTable(sweepRows(found)).split('\n'),
      tellBest(found.best),
      found.report.sentence,
      `report: ${found.report.folder} in the store`,
    ];
    for (const line of lines) console.log(plainLine(line));
  }),
});

interface SweepArgs {
  readonly file?: string | undefined;
  readonly _: readonly string[];
  readonly dataset: string;
  readonly config?: string | undefined;
  readonly steps?: string | undefined;
  readonly first?: string | undefined;
  readonly finalists?: string | undefined;
  readonly seed?: string | undefined;
  readonly name?: string | undefined;
}

/** @throws InvalidInput */
function readSweep({ _: words, dataset, config, steps, first, finalists, seed, name }: SweepArgs, raw: string[]) {
  // The first word is the file, unless it is a key with values.
  const [file] = words.filter(word => !word.includes('='));
  const document = file === undefined ? { name: 'sweep' } : readGridFile(file);
  const joined = raw.filter(arg => arg.startsWith('--set=')).map(arg => arg.slice('--set='.length));
  const pairs = [...words.filter(word => word.includes('=')), ...joined].map(word => {
    const at = word.indexOf('=');
    return [word.slice(0, at), splitValues(word.slice(at + 1))] as const;
  });
  const { set, base, ...rest } = document as Record<string, unknown>;
  const chosen = changeBase(base, config, {});
  if (chosen === undefined) {
    throw new InvalidInput('the sweep has no base', { expected: '--config NAME|FILE, or a file with the key base' });
  }
  return parseGridFile(
    sweepSchema,
    {
      ...rest,
      base: chosen,
      name: name ?? nameWithData(document.name, dataset),
      set: { ...(typeof set === 'object' && set), ...Object.fromEntries(pairs) },
      ...(steps !== undefined && { steps: parseCount(steps, '--steps') }),
      ...(first !== undefined && { first: Number(first) }),
      ...(finalists !== undefined && { finalists: parseCount(finalists, '--finalists') }),
      ...(seed !== undefined && { seed: Number(seed) }),
    },
    file ?? 'the sweep',
  );
}

function tellBest(best: { readonly experiment: string; readonly values: object } | undefined): string {
  if (best === undefined) return 'all configs diverged';
  return `best: ${JSON.stringify(best.values)} (${best.experiment})`;
}
