import { defineCommand } from 'citty';
import { Unprocessable } from '../../errors.ts';
import { reportErrors } from '../command-error.ts';
import { type EngineRow, healthSchema } from '../health.ts';
import { formatTable } from '../table.ts';
import { connect, connectionArgs } from './connection.ts';

export const enginesCommand = defineCommand({
  meta: {
    name: 'engines',
    description: 'list the engines of the gpu-runner: device, version, threads, or why one is unavailable',
  },
  args: { json: { type: 'boolean', description: 'print JSON' }, ...connectionArgs },
  run: reportErrors(async ({ args }) => {
    const health = await connect(args).get('/health', healthSchema);
    if (health.runner === undefined) {
      throw new Unprocessable(health.runner_problem ?? 'the server tells nothing of its runner', {
        hint: 'start one with `easel up`; a server with a token needs it in EASEL_TOKEN',
      });
    }
    const engines = health.runner.engines;
    console.log(args.json === true ? JSON.stringify(engines, undefined, 2) : formatEngines(engines));
  }),
});

export function formatEngines(engines: readonly EngineRow[]): string {
  return formatTable([
    ['engine', 'available', 'device', 'version', 'threads', 'reason'],
    ...engines.map(engine => [
      engine.name,
      engine.available ? 'yes' : 'no',
      engine.device ?? '-',
      engine.version ?? '-',
      engine.threads === undefined ? '-' : String(engine.threads),
      engine.reason ?? '',
    ]),
  ]);
}
