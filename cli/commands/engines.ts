import { defineCommand } from 'citty';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { ENGINE_PACKAGES } from '../../configs/engine-packages.ts';
import { InvalidInput, Unprocessable } from '../../errors.ts';
import { reportErrors } from '../command-error.ts';
import { type EngineRow, healthSchema } from '../health.ts';
import { installEngine } from '../install-engine.ts';
import { formatTable } from '../table.ts';
import { connect, connectionArgs } from './connection.ts';

const PACKAGES = Object.values(ENGINE_PACKAGES).filter(each => each !== undefined);
const PACKAGE_NAMES = PACKAGES.map(({ name }) => name).join(', ');

export const enginesCommand = defineCommand({
  meta: {
    name: 'engines',
    description:
      'list the engines of the gpu-runner (device, version, threads, or why one is unavailable), or install one',
  },
  args: {
    action: { type: 'positional', required: false, description: '`install`: download and install an engine' },
    name: {
      type: 'positional',
      required: false,
      description: `engine to install: ${PACKAGE_NAMES}`,
    },
    wheel: { type: 'string', description: 'install from this wheel instead of by pip', valueHint: 'FILE' },
    json: { type: 'boolean', description: 'print JSON' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    if (args.action !== undefined) return install(args.action, args.name, args.wheel);
    const health = await connect(args).get('/health', healthSchema);
    if (health.runner === undefined) {
      throw new Unprocessable(health.runner_problem ?? 'the server says nothing about its gpu-runner', {
        hint: 'start both with `easel up`; if the server has a token, set EASEL_TOKEN',
      });
    }
    const engines = health.runner.engines;
    console.log(args.json === true ? JSON.stringify(engines, undefined, 2) : formatEngines(engines));
  }),
});

async function install(action: string, name: string | undefined, wheel: string | undefined): Promise<void> {
  const pinned = PACKAGES.find(each => each.name === name);
  if (action !== 'install' || pinned === undefined) {
    throw new InvalidInput(`there is no command \`engines ${[action, name ?? ''].join(' ').trim()}\``, {
      expected: `\`engines\`, or \`engines install\` with one of ${PACKAGE_NAMES}`,
    });
  }
  await installEngine(pinned, { cacheFolder: cacheFolderOf(process.env), wheel, log: line => console.log(line) });
  console.log('restart a running gpu-runner to use it');
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
