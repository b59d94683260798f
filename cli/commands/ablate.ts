/** @file `easel ablate FILE`: trains the arms of a grid, or goes on with them, and compares them. */
import { defineCommand } from 'citty';
import { type GridResult, gridResultSchema, gridSchema, MOST_SEEDS, takeArms } from '../../configs/grid.ts';
import { expandHome } from '../../configs/home-path.ts';
import { plainJson, plainLine } from '../../configs/plain-text.ts';
import { InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { describeGround, gridRows } from '../format-grid.ts';
import { changeBase, checkChanges, nameWithData, parseGridFile, readGridFile } from '../grid-file.ts';
import { parseChanges } from '../parse-body.ts';
import { parseCount, parseDuration } from '../parse-options.ts';
import { formatTable } from '../table.ts';
import { checkGridFolder, writeGrid } from '../write-grid.ts';
import { connect, connectionArgs } from './connection.ts';

export const ablateCommand = defineCommand({
  meta: {
    name: 'ablate',
    description:
      'train the arms of a grid one after the other, or go on with them, and compare them: ' +
      'easel ablate configs/ablation.yaml B D --dataset portraits --config portraits --steps 1000',
  },
  args: {
    file: { type: 'positional', required: true, description: 'grid in YAML; then names of arms (default: all)' },
    dataset: { type: 'string', required: true, description: 'dataset to train on', valueHint: 'NAME' },
    config: { type: 'string', description: 'another base: a preset, or a file in YAML', valueHint: 'NAME|FILE' },
    set: { type: 'boolean', description: 'key=value words follow: changes of the base' },
    steps: { type: 'string', description: 'steps of a run', valueHint: 'N' },
    time: { type: 'string', description: 'training time of a run instead of steps (10m)', valueHint: 'TIME' },
    seeds: { type: 'string', description: 'train each arm with the seeds 0 to N - 1', valueHint: 'N' },
    subset: { type: 'string', description: 'pictures to train on, or "all"', valueHint: 'N' },
    name: {
      type: 'string',
      description: "beginning of the experiments' names (default: the grid's and the dataset's)",
      valueHint: 'NAME',
    },
    engine: { type: 'string', description: 'engine (default: auto)', valueHint: 'NAME' },
    out: {
      type: 'string',
      description: 'also write the report, README.md and results.json into this folder',
      valueHint: 'DIR',
    },
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args, rawArgs }) => {
    const { dataset, engine } = args;
    const grid = readGrid(args, rawArgs);
    const body = { grid, dataset, ...(engine !== undefined && { engine }) };
    const api = connect(args);
    // A folder that cannot be used is found out before hours of training.
    const out = args.out === undefined ? undefined : expandHome(args.out);
    if (out !== undefined) await checkGridFolder(out);
    const { result } = await callInForeground(api, 'ablate', body, { quiet: args.quiet });
    const found = gridResultSchema.parse(result);
    if (out !== undefined) await writeGrid(api, out, found, grid.about);
    if (args.json === true) console.log(plainJson(result));
    else for (const line of describeGrid(found)) console.log(plainLine(line));
  }),
});

interface GridArgs {
  readonly file: string;
  readonly _: readonly string[];
  readonly dataset: string;
  readonly config?: string | undefined;
  readonly steps?: string | undefined;
  readonly time?: string | undefined;
  readonly seeds?: string | undefined;
  readonly subset?: string | undefined;
  readonly name?: string | undefined;
}

/** The grid of the file with the options. @throws InvalidInput */
function readGrid({ file, _: words, dataset, config, steps, time, seeds, subset, name }: GridArgs, raw: string[]) {
  if (steps !== undefined && time !== undefined) {
    throw new InvalidInput(`--steps ${steps} and --time ${time} ask for unlike lengths`, {
      expected: 'one of the two',
    });
  }
  const { steps: ofFile, seconds, subset: pictures, ...document } = readGridFile(file);
  const given = words.slice(1);
  const changes = parseChanges(
    given.filter(word => word.includes('=')),
    raw,
  );
  checkChanges(changes);
  const length = steps !== undefined || time !== undefined ? {} : { steps: ofFile, seconds };
  const grid = parseGridFile(
    gridSchema,
    {
      ...document,
      ...length,
      name: name ?? nameWithData(document.name, dataset),
      base: changeBase(document.base, config, changes),
      ...(steps !== undefined && { steps: parseCount(steps, '--steps') }),
      ...(time !== undefined && { seconds: parseDuration(time, '--time') }),
      ...(seeds !== undefined && { seeds: listSeeds(seeds) }),
      ...(subset === 'all' ? {} : { subset: subset === undefined ? pictures : parseCount(subset, '--subset') }),
    },
    file,
  );
  const arms = given.filter(word => !word.includes('='));
  const unknown = arms.find(arm => !Object.hasOwn(grid.arms, arm));
  if (unknown === undefined) return takeArms(grid, arms);
  throw new InvalidInput(`${file} has no arm ${unknown}`, { expected: Object.keys(grid.arms).join(', ') });
}

/** One more than are allowed tells as well as 1e12 do that they are too many. */
function listSeeds(text: string): number[] {
  return Array.from({ length: Math.min(parseCount(text, '--seeds'), MOST_SEEDS + 1) }, (_, i) => i);
}

function describeGrid(found: GridResult): string[] {
  const problems = found.runs.filter(({ problem }) => problem !== undefined);
  return [
    describeGround(found),
    ...formatTable(gridRows(found)).split('\n'),
    ...problems.map(({ experiment, problem }) => `${experiment}: ${problem}`),
    found.report.sentence,
    `report: ${found.report.folder} in the store`,
  ];
}
