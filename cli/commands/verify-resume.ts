import { defineCommand } from 'citty';
import { z } from 'zod';
import { plainJson } from '../../configs/plain-text.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { parseCount } from '../parse-options.ts';
import { connect, connectionArgs } from './connection.ts';

const answerSchema = z.looseObject({
  ok: z.boolean(),
  from: z.int(),
  stop: z.int(),
  to: z.int(),
  without_stop: z.string(),
  at_stop: z.string(),
  with_stop: z.string(),
  log_is_equal: z.boolean(),
  differs: z.array(z.string()),
});
export type ResumeAnswer = z.infer<typeof answerSchema>;

export const verifyResumeCommand = defineCommand({
  meta: {
    name: 'verify-resume',
    description:
      'train N steps of an experiment with and without a stop, and compare the checkpoints byte for byte; the ' +
      'experiment stays as it is (easel verify-resume portraits --steps 4); exit code 1 if they differ',
  },
  args: {
    name: { type: 'positional', description: 'the experiment', required: true },
    steps: { type: 'string', description: 'steps of each training (default 10)', valueHint: 'N' },
    stop: { type: 'string', description: 'steps before the stop (default: half of them)', valueHint: 'K' },
    from: {
      type: 'string',
      description: 'step at which both begin: 0, a kept checkpoint, or latest (default 0)',
      valueHint: 'STEP',
    },
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const { name, steps, stop, from } = args;
    const body = {
      experiment: name,
      ...(steps !== undefined && { steps: parseCount(steps, '--steps') }),
      ...(stop !== undefined && { stop: parseCount(stop, '--stop') }),
      ...(from !== undefined && { from: from === 'latest' ? from : parseCount(from, '--from') }),
    };
    const { result } = await callInForeground(connect(args), 'verify-resume', body, { quiet: args.quiet });
    const answer = answerSchema.parse(result);
    console.log(args.json === true ? plainJson(result) : formatResume(answer));
    if (!answer.ok) process.exitCode = 1;
  }),
});

export function formatResume({ ok, from, stop, to, ...answer }: ResumeAnswer): string {
  return [
    `steps ${from} to ${to} without a stop:  ${answer.without_stop}`,
    `steps ${from} to ${stop}, stop:          ${answer.at_stop}`,
    `steps ${stop} to ${to} from there:      ${answer.with_stop}`,
    ...(answer.differs.length > 0 ? [`different: ${answer.differs.join(', ')}`] : []),
    ...(answer.log_is_equal ? [] : ['the logs of the steps differ']),
    ok ? 'equal, byte for byte' : 'NOT equal: a resumed training of this experiment is another training',
  ].join('\n');
}
