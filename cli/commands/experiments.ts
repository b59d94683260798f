/** @file What a person does to an experiment: branch, pin, pause, delete. */

import { defineCommand } from 'citty';
import { z } from 'zod';
import { plainJson, plainLine } from '../../configs/plain-text.ts';
import { CHECKPOINT_WORDS } from '../../configs/stored-names.ts';
import { InvalidInput } from '../../errors.ts';
import { reportErrors } from '../command-error.ts';
import { parseChanges } from '../parse-body.ts';
import { parseCount } from '../parse-options.ts';
import { connect, connectionArgs } from './connection.ts';

const answerSchema = z.looseObject({
  name: z.string(),
  state: z.string(),
  step: z.int(),
  steps: z.int(),
  checkpoints: z.array(z.looseObject({ step: z.int(), pinned: z.boolean().optional() })),
});
type Answer = z.infer<typeof answerSchema>;

/** Reports that keep pictures of a deleted experiment. */
const heldSchema = z.looseObject({ reports: z.array(z.string()) });

const nameArg = { type: 'positional', description: 'the experiment', required: true } as const;
const commonArgs = { json: { type: 'boolean', description: 'print JSON' }, ...connectionArgs } as const;

export const branchCommand = defineCommand({
  meta: {
    name: 'branch',
    description:
      'create an experiment that begins at a checkpoint of another one ' +
      '(easel branch portraits slow --from 100 --set optimizer.learning_rate=0.0005)',
  },
  args: {
    name: { ...nameArg, description: 'the experiment, or one of its checkpoints: NAME@STEP, NAME@best, NAME@clean' },
    new: { type: 'positional', description: 'name of the new experiment', required: true },
    from: {
      type: 'string',
      description: 'step or digest of a checkpoint that is kept, best or clean (default: the newest)',
      valueHint: 'STEP',
    },
    set: {
      type: 'boolean',
      description: 'key=value words follow: changes of the config (a.b=1 nests; a value is JSON or text)',
    },
    target: { type: 'string', description: 'samples to train up to', valueHint: 'N' },
    ...commonArgs,
  },
  run: reportErrors(async ({ args, rawArgs }) => {
    const [, , ...words] = args._;
    const { parent, from } = readBranchPoint(args.name, args.from);
    const body = {
      name: args.new,
      ...(from !== undefined && { from }),
      config: parseChanges(words, rawArgs),
      ...(args.target !== undefined && { target: parseCount(args.target, '--target') }),
    };
    const answer = await connect(args).post(pathOf(parent, 'branch'), body, answerSchema);
    print(args.json, answer, `${answer.name} begins at step ${answer.step} of ${parent}`);
    if (args.json !== true) console.log(`train it: easel call train experiment=${answer.name}`);
  }),
});

export const pinCommand = defineCommand({
  meta: { name: 'pin', description: 'keep a checkpoint until it is unpinned; the training deletes the others' },
  args: {
    name: nameArg,
    step: { type: 'positional', description: 'step of the checkpoint (default: the newest)', required: false },
    remove: { type: 'boolean', description: 'unpin it' },
    ...commonArgs,
  },
  run: reportErrors(async ({ args }) => {
    const api = connect(args);
    const step = args.step === undefined ? undefined : parseStep(args.step);
    if (args.remove === true && step === undefined) {
      throw new InvalidInput('--remove needs a step', { expected: `easel pin ${args.name} STEP --remove` });
    }
    const answer =
      args.remove === true
        ? answerSchema.parse(await (await api.request('DELETE', pathOf(args.name, `pin/${step}`))).json())
        : await api.post(pathOf(args.name, 'pin'), step === undefined ? {} : { step }, answerSchema);
    const pinned = answer.checkpoints.filter(each => each.pinned).map(each => each.step);
    print(args.json, answer, `${answer.name}: pinned steps ${pinned.join(', ') || '(none)'}`);
  }),
});

export const pauseCommand = defineCommand({
  meta: { name: 'pause', description: 'stop the training at the end of its chunk; `easel call train` goes on' },
  args: { name: nameArg, ...commonArgs },
  run: reportErrors(async ({ args }) => {
    const answer = await connect(args).post(pathOf(args.name, 'pause'), {}, answerSchema);
    const { name, state, step, steps } = answer;
    print(args.json, answer, `${name}: ${state}, step ${step} of ${steps}; a chunk in progress still ends`);
  }),
});

export const deleteCommand = defineCommand({
  meta: { name: 'delete', description: 'delete an experiment and its view; `easel gc` frees the disk space' },
  args: { name: nameArg, ...connectionArgs },
  run: reportErrors(async ({ args }) => {
    const response = await connect(args).request('DELETE', pathOf(args.name));
    console.log(`${args.name} is deleted`);
    if (response.status !== 200) return;
    const { reports } = heldSchema.parse(await response.json());
    console.log(
      `reports still show its pictures: ${plainLine(reports.join(', '))} (easel report --delete NAME deletes one)`,
    );
  }),
});

/**
 * The experiment from which a branch begins, and its checkpoint as the call takes it.
 * @param named `portraits` or `portraits@best`. @param from As `--from`. @throws InvalidInput
 */
export function readBranchPoint(named: string, from: string | undefined) {
  const [parent = named] = named.split('@');
  if (parent !== named && from !== undefined) {
    throw new InvalidInput(`--from ${from} does not go with ${named}`, { expected: 'one of the two' });
  }
  if (from?.startsWith('sha256:')) return { parent, from };
  const text = parent === named ? from : named;
  if (text === undefined) return { parent };
  const version = text.startsWith(`${parent}@`) ? text.slice(parent.length + 1) : text;
  const word = CHECKPOINT_WORDS.find(each => each === version);
  if (word !== undefined) return { parent, from: word };
  if (/^[1-9]\d{0,8}$/.test(version)) return { parent, from: Number(version) };
  throw new InvalidInput(`"${text}" is no checkpoint of ${parent}`, {
    expected: `${CHECKPOINT_WORDS.join(', ')}, the step of a checkpoint, or its digest`,
  });
}

function pathOf(name: string, rest?: string): string {
  return ['/experiments', encodeURIComponent(name), ...(rest === undefined ? [] : [rest])].join('/');
}

function print(json: boolean | undefined, answer: Answer, text: string): void {
  console.log(json === true ? plainJson(answer) : text);
}

function parseStep(text: string): number {
  return parseCount(text, 'the step');
}
