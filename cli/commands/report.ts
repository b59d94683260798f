/** @file `easel report A B`: which of some experiments is better, and a page about it. */
import { defineCommand } from 'citty';
import { z } from 'zod';
import { expandHome } from '../../configs/home-path.ts';
import { plainJson, plainLine } from '../../configs/plain-text.ts';
import { InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { checkReportFile, writeReportPage } from '../own-files.ts';
import { connect, connectionArgs } from './connection.ts';

const answerSchema = z.looseObject({
  name: z.string(),
  verdict: z.looseObject({ sentence: z.string() }),
  folder: z.string(),
  html: z.string(),
});
export type ReportAnswer = z.infer<typeof answerSchema>;

export const reportCommand = defineCommand({
  meta: {
    name: 'report',
    description:
      'compare experiments and write a page: which is better, by which numbers, how sure that is ' +
      '(easel report portraits slow); seeds are repeats of an arm by A=adamw-0,adamw-1 B=muon-0,muon-1',
  },
  args: {
    experiments: {
      type: 'positional',
      description: 'names of experiments, or ARM=NAME,NAME of experiments that differ in the seed only',
      required: false,
    },
    baseline: {
      type: 'string',
      description: 'what the others are measured against (default: the first)',
      valueHint: 'NAME',
    },
    title: { type: 'string', description: 'heading of the page, which names its folder', valueHint: 'TEXT' },
    file: {
      type: 'string',
      description: 'write the page into this file, too, or in place of a page that a report has written',
      valueHint: 'FILE',
    },
    delete: { type: 'string', description: 'delete a report instead', valueHint: 'NAME' },
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const api = connect(args);
    if (args.delete !== undefined) {
      await api.delete(`/reports/${encodeURIComponent(args.delete)}`);
      console.log(`${plainLine(args.delete)} is deleted`);
      return;
    }
    const body = {
      ...parseArms(args._),
      ...(args.baseline !== undefined && { baseline: args.baseline }),
      ...(args.title !== undefined && { title: args.title }),
    };
    const file = args.file === undefined ? undefined : expandHome(args.file);
    if (file !== undefined) await checkReportFile(file);
    const { result } = await callInForeground(api, 'compare', body, { quiet: args.quiet });
    const answer = answerSchema.parse(result);
    if (file !== undefined) await writeReportPage(file, await api.bytes(`/objects/${answer.html}`));
    console.log(args.json === true ? plainJson(result) : formatReport(answer, file));
  }),
});

/** `adamw A=muon-0,muon-1` -> experiments and groups of a call of `compare`. @throws InvalidInput */
export function parseArms(words: readonly string[]) {
  if (words.length === 0) {
    throw new InvalidInput('the command names no experiment', {
      expected: 'easel report NAME NAME, or easel report ARM=NAME,NAME ARM=NAME,NAME',
      hint: '`easel status` lists the experiments',
    });
  }
  const groups = words.flatMap(word => {
    const at = word.indexOf('=');
    if (at < 0) return [];
    const [arm, members] = [word.slice(0, at), word.slice(at + 1).split(',')];
    if (arm === '' || members.some(name => name === '')) {
      throw new InvalidInput(`"${word}" is wrong`, { expected: 'ARM=NAME,NAME without spaces' });
    }
    return [[arm, members] as const];
  });
  const twice = groups.find(([arm], i) => groups.findIndex(([other]) => other === arm) !== i);
  if (twice)
    throw new InvalidInput(`the arm "${twice[0]}" is there twice`, { expected: 'all names in one ARM=NAME,NAME' });
  const experiments = words.filter(word => !word.includes('='));
  return {
    ...(experiments.length > 0 && { experiments }),
    ...(groups.length > 0 && { groups: Object.fromEntries(groups) }),
  };
}

export function formatReport({ verdict, folder, html }: ReportAnswer, file: string | undefined): string {
  const where = file ?? `${folder}report.html in the store, and GET /objects/${html}`;
  return [plainLine(verdict.sentence), `page: ${plainLine(where)}`].join('\n');
}
