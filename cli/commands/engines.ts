import { defineCommand } from 'citty';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { ENGINE_PACKAGES } from '../../configs/engine-packages.ts';
import { InvalidInput, Unprocessable } from '../../errors.ts';
import { reportErrors } from '../command-error.ts';
import { type EngineRow, healthSchema } from '../health.ts';
import { installEngine } from '../install-engine.ts';
import { formatTable } from '../table.ts';
import { connect, connectionArgs } from './connection.ts';

export const enginesCommand = defineCommand({
  meta: {
    name: 'engines',
    description: 'list the engines of the gpu-runner: device, version, threads, or why one is unavailable; install one',
  },
  args: {
    action: { type: 'positional', required: false, description: '`install`: bring the library of an engine' },
    name: {
      type: 'positional',
      required: false,
      description: `what to install: ${Object.keys(ENGINE_PACKAGES).join(', ')}`,
    },
    wheel: { type: 'string', description: 'install from this wheel and not by pip', valueHint: 'FILE' },
    json: { type: 'boolean', description: 'print JSON' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    if (args.action !== undefined) return install(args.action, args.name, args.wheel);
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

async function install(action: string, name: string | undefined, wheel: string | undefined): Promise<void> {
  const pinned = Object.values(ENGINE_PACKAGES).find(each => each.name === name);
  if (action !== 'install' || pinned === undefined) {
    throw new InvalidInput(`\`engines ${[action, name ?? ''].join(' ').trim()}\` is not known`, {
      expected: `\`engines\`, or \`engines install\` and one of ${Object.keys(ENGINE_PACKAGES).join(', ')}`,
    });
  }
  await installEngine(pinned, { cacheFolder: cacheFolderOf(process.env), wheel, log: line => console.log(line) });
  console.log('a gpu-runner that runs finds it once it is started again');
}

export function formatEngines(engines: readonly EngineRow[]): string {
  return formatTable([
    ['engine', 'available', 'device', 'version', 'threads', 'precisions', 'reason'],
    ...engines.map(engine => [
      engine.name,
      engine.available ? 'yes' : 'no',
      engine.device ?? '-',
      engine.version ?? '-',
      engine.threads === undefined ? '-' : String(engine.threads),
      engine.precisions?.join(' ') ?? (engine.available ? 'f32' : '-'),
      engine.reason ?? '',
    ]),
  ]);
}
