import { basename, resolve } from 'node:path';
import { defineCommand } from 'citty';
import { z } from 'zod';
import { estimateSchema } from '../../configs/estimate.ts';
import { expandHome } from '../../configs/home-path.ts';
import { plainJson } from '../../configs/plain-text.ts';
import { InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { confirm } from '../confirm.ts';
import { describeAnswer } from '../describe-answer.ts';
import { formatEstimate } from '../format-estimate.ts';
import { healthSchema } from '../health.ts';
import type { ApiClient } from '../http.ts';
import { parseBody } from '../parse-body.ts';
import { parseCount } from '../parse-options.ts';
import { quoteWord } from '../shell.ts';
import { createStageProgress } from '../stage-progress.ts';
import { connect, connectionArgs } from './connection.ts';

export const prepareCommand = defineCommand({
  meta: {
    name: 'prepare',
    description:
      'make a folder of pictures ready for training: tell what it takes, ask, run all stages, and report ' +
      '(easel prepare my/pictures --size 256)',
  },
  args: {
    folder: {
      type: 'positional',
      required: true,
      description: "folder on the server's machine; then further keys of `prepare` as key=value words",
    },
    dataset: { type: 'string', description: 'name of the dataset (default: that of the folder)', valueHint: 'NAME' },
    size: { type: 'string', description: 'side of the square bucket in pixels (default 64)', valueHint: 'N' },
    text: { type: 'string', description: 'encoder of the captions (default words)', valueHint: 'NAME' },
    image: { type: 'string', description: 'encoders of the pictures (default dct)', valueHint: 'NAME,NAME' },
    captions: {
      type: 'string',
      description: 'who describes pictures without a caption: ollama or openai, and the model (ollama:gemma3:4b)',
      valueHint: 'SOURCE[:MODEL]',
    },
    'missing-captions': {
      type: 'string',
      description: 'empty: also take pictures without a caption',
      valueHint: 'empty',
    },
    measure: { type: 'string', description: 'pictures that are measured for the estimate', valueHint: 'N' },
    'estimate-only': { type: 'boolean', description: 'tell what it takes, and stop' },
    yes: { type: 'boolean', alias: 'y', description: 'do not ask' },
    json: { type: 'boolean', description: 'print the answer as JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const api = connect(args);
    const body = await makeBody(api, args);
    const { quiet } = args;
    const measured = args.measure === undefined ? {} : { pictures: parseCount(args.measure, '--measure') };
    const estimated = await callInForeground(api, 'estimate', { prepare: body, ...measured }, { quiet });
    const estimate = estimateSchema.parse(estimated.result);
    const isJson = args.json === true;
    const say = (line: string) => (isJson ? console.error(line) : console.log(line));
    for (const line of formatEstimate(estimate)) say(line);
    if (args['estimate-only'] === true) {
      if (isJson) console.log(plainJson(estimated.result));
      return;
    }
    if (args.yes !== true && !(await confirm(`Prepare them as "${body.dataset}"?`))) return;
    // The report is a part of the view: it has no progress of its own.
    const stages = estimate.stages.map(({ name }) => name).filter(name => name !== 'report');
    const relabel = createStageProgress({ stages, pictures: estimate.found.pictures });
    const { result } = await callInForeground(api, 'prepare', body, { quiet, relabel });
    if (isJson) console.log(plainJson(result));
    for (const line of describeAnswer(result)) say(line);
    for (const line of await tellNext(api, String(body.dataset))) say(line);
  }),
});

interface PrepareArgs {
  readonly folder: string;
  readonly _: readonly string[];
  readonly dataset?: string | undefined;
  readonly size?: string | undefined;
  readonly text?: string | undefined;
  readonly image?: string | undefined;
  readonly captions?: string | undefined;
  readonly 'missing-captions'?: string | undefined;
}

async function makeBody(api: ApiClient, args: PrepareArgs): Promise<Record<string, unknown>> {
  const { input } = await api.get('/functions/prepare', z.looseObject({ input: z.unknown() }));
  const words = parseBody(args._.slice(1), { schema: input });
  const folder = resolve(expandHome(args.folder));
  const missing = args['missing-captions'];
  return {
    dataset: args.dataset ?? nameOf(folder),
    folder,
    ...(args.size !== undefined && { size: parseCount(args.size, '--size') }),
    ...(args.text !== undefined && { text_encoder: args.text }),
    ...(args.image !== undefined && { image_encoders: args.image.split(',') }),
    ...(missing !== undefined && { missing_captions: missing }),
    ...words,
    ...(args.captions !== undefined && { captions: { ...parseSource(args.captions), ...objectOf(words.captions) } }),
  };
}

/** `ollama`, `openai:MODEL`; the model may have colons. */
function parseSource(text: string): Record<string, string> {
  const [, source, model] = /^([a-z]+)(?::(.+))?$/.exec(text) ?? [];
  if (source === undefined) {
    throw new InvalidInput(`--captions ${text} is wrong`, { expected: 'ollama or openai, such as ollama:gemma3:27b' });
  }
  return { source, ...(model !== undefined && { model }) };
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}

/** The name of the folder as a dataset may be called. @throws InvalidInput if nothing of it may stay. */
export function nameOf(folder: string): string {
  const name = basename(folder)
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|-+$/g, '')
    .slice(0, 63);
  if (name !== '') return name;
  throw new InvalidInput(`"${folder}" gives no name for the dataset`, { expected: '--dataset NAME' });
}

/** Where to look, and the next command. */
async function tellNext(api: ApiClient, dataset: string): Promise<string[]> {
  const { store } = await api.get('/health', healthSchema);
  const page = `datasets/${dataset}/report.html`;
  // The S3 endpoint over a folder answers signed requests alone, so its address would be no use in a browser.
  const place = store?.startsWith('file:') ? `${store.slice('file:'.length)}/${page}` : `${page} in the store`;
  return [
    `look at the pictures: ${place}`,
    `then: easel create first --dataset ${quoteWord(dataset)} --config portraits`,
  ];
}
