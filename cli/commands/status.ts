import { defineCommand } from 'citty';
import { z } from 'zod';
import { groupNotes } from '../../configs/group-notes.ts';
import { plainJson } from '../../configs/plain-text.ts';
import { reportErrors } from '../command-error.ts';
import { formatDuration } from '../eta.ts';
import { type Health, healthSchema } from '../health.ts';
import { formatTable } from '../table.ts';
import { connect, connectionArgs } from './connection.ts';

const experimentsSchema = z.looseObject({
  experiments: z.array(
    z.looseObject({
      name: z.string(),
      state: z.string(),
      step: z.number().optional(),
      samples: z.number().optional(),
      target: z.number().optional(),
      notes: z.array(z.looseObject({ text: z.string() })).optional(),
      problem: z.looseObject({ text: z.string(), hint: z.string().optional(), time: z.string() }).optional(),
    }),
  ),
});
type Experiments = z.infer<typeof experimentsSchema>['experiments'];

export const statusCommand = defineCommand({
  meta: { name: 'status', description: 'show the server, the gpu-runner, its queue and the experiments' },
  args: { json: { type: 'boolean', description: 'print JSON' }, ...connectionArgs },
  run: reportErrors(async ({ args }) => {
    const api = connect(args);
    const health = await api.get('/health', healthSchema);
    const { experiments } = await api.get('/experiments', experimentsSchema);
    if (args.json === true) console.log(plainJson({ ...health, experiments }));
    else console.log(`${formatHealth(api.url, health)}\n\n${formatExperiments(experiments)}`);
  }),
});

export function formatHealth(url: string, health: Health): string {
  const { runner } = health;
  const running =
    runner === undefined || runner.running === null
      ? 'idle'
      : [runner.running.kind, runner.running.phase, runner.running.action.slice(0, 19)].filter(Boolean).join(' ');
  return formatTable([
    ['server', `${url} (${health.status}, version ${health.version})`],
    ['store', health.store ?? '-'],
    ...(runner === undefined
      ? [['runner', health.runner_problem ?? 'unknown']]
      : [
          ['runner', `pid ${runner.pid}, device ${runner.device}, up ${formatDuration(runner.uptime)}`],
          ['job', running],
          ['queue', `${runner.queued} waiting, ${runner.finished} finished`],
        ]),
  ]);
}

export function formatExperiments(experiments: Experiments): string {
  if (experiments.length === 0) return 'no experiments yet';
  const table = formatTable([
    ['experiment', 'state', 'step', 'samples', 'of'],
    ...experiments.map(({ name, state, step, samples, target }) => [
      name,
      state,
      step === undefined ? '-' : String(step),
      samples === undefined ? '-' : String(samples),
      target === undefined ? '-' : String(target),
    ]),
  ]);
  const failures = experiments.flatMap(({ name, problem }) =>
    problem === undefined
      ? []
      : [
          `${name} failed at ${problem.time}: ${problem.text}`,
          ...(problem.hint === undefined ? [] : [`  hint: ${problem.hint}`]),
          `  go on: easel call train experiment=${name}`,
        ],
  );
  const below = [...groupNotes(experiments), ...failures];
  return [table, ...(below.length > 0 ? ['', ...below] : [])].join('\n');
}
