import { readFile } from 'node:fs/promises';
import { defineCommand } from 'citty';
import { plainJson } from '../../configs/plain-text.ts';
import { quantity } from '../../configs/quantity.ts';
import { InvalidInput, NotFound, Unprocessable } from '../../errors.ts';
import { isPng } from '../../formats/png.ts';
import { ACTION_KEYWORD, readPngAction } from '../../formats/png-action.ts';
import { reportErrors } from '../command-error.ts';
import { digestOf } from '../digest.ts';
import { formatDuration } from '../eta.ts';
import { formatBytes } from '../format-bytes.ts';
import { healthSchema } from '../health.ts';
import type { ApiClient } from '../http.ts';
import { createProgressView } from '../progress.ts';
import { type Lineage, lineageSchema, nameOf, type Step, uniteLineages } from '../reproduce/lineage.ts';
import { checkLineage, type Difference, type Rebuilt, rebuild } from '../reproduce/rebuild.ts';
import { openSecondSite } from '../reproduce/second-site.ts';
import { abortOnStop } from '../stop-signals.ts';
import { connect, connectionArgs } from './connection.ts';

export const reproduceCommand = defineCommand({
  meta: {
    name: 'reproduce',
    description:
      'make pictures again in a second store, from the originals and configs on, and compare every step byte for byte ' +
      '(easel reproduce preview.png); exit code 1 at a difference',
  },
  args: {
    picture: { type: 'positional', description: 'PNG files that Easel made; one or more', required: true },
    from: {
      type: 'string',
      description: 'originals: every step anew (default); checkpoint: from checkpoints and datasets that are stored',
      valueHint: 'originals',
    },
    store: {
      type: 'string',
      description: 'folder of the second store (default: a temporary one, deleted afterwards)',
      valueHint: 'DIR',
    },
    plan: { type: 'boolean', description: 'show what would be computed, and stop' },
    json: { type: 'boolean', description: 'print JSON' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const from = parseFrom(args.from);
    const api = connect(args);
    const pictures = await Promise.all(args._.map(file => readPicture(file)));
    const lineages: Lineage[] = [];
    for (const { action } of pictures) {
      lineages.push(await api.get(`/actions/${action}/lineage?from=${from}`, lineageSchema));
    }
    const united = uniteLineages(lineages);
    const show = args.json === true ? () => {} : (line: string) => console.log(line);
    for (const line of formatPlan(united)) show(line);
    if (args.plan === true) {
      if (args.json === true) console.log(plainJson(united));
    }
    checkLineage(united);
    for (const picture of pictures) checkOutput(picture, united);
    if (args.plan === true) return;
    const rebuilt = await rebuildApart(api, args.store, united, show);
    const equal = rebuilt.difference === undefined;
    if (args.json === true) {
      console.log(plainJson({ v: 1, pictures: pictures.map(each => ({ ...each, equal })), ...rebuilt }));
    }
    for (const line of formatEnd(pictures.length, rebuilt)) show(line);
    if (!equal) process.exitCode = 1;
  }),
});

export interface Picture {
  readonly file: string;
  readonly action: string;
  readonly digest: string;
}

/** @throws InvalidInput if the PNG tells no action. */
async function readPicture(file: string): Promise<Picture> {
  const png = new Uint8Array(
    await readFile(file).catch((cause: unknown) => {
      throw new NotFound(`the file ${file} cannot be read`, { expected: 'a PNG that Easel made', cause });
    }),
  );
  if (!isPng(png)) throw new InvalidInput(`${file} is not a PNG`, { expected: 'a PNG that Easel made' });
  const action = tellAction(file, png);
  if (action !== undefined) return { file, action, digest: digestOf(png) };
  throw new InvalidInput(`${file} does not tell which action made it`, {
    expected: 'a PNG of sample, preview, held-out or contact-sheet with its text chunk "easel-action"',
    hint: 'programs that save a picture again may drop its texts; pictures of earlier versions of Easel have none',
  });
}

function tellAction(file: string, png: Uint8Array): string | undefined {
  try {
    return readPngAction(png);
  } catch (cause) {
    throw new InvalidInput(`${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

async function rebuildApart(
  api: ApiClient,
  store: string | undefined,
  lineage: ReturnType<typeof uniteLineages>,
  show: (line: string) => void,
): Promise<Rebuilt> {
  const { store: source } = await api.get('/health', healthSchema);
  const site = await openSecondSite(store, source);
  const view = createProgressView();
  const stop = abortOnStop('the second store is left as it is');
  let isEqual = false;
  try {
    const rebuilt = await rebuild(api, site.api, lineage, {
      stop,
      onEvent: view.update,
      onStep(step, place, seconds, cache) {
        view.stop();
        const time = cache === 'hit' ? 'found in the store' : timesOf(seconds, step.seconds);
        show(`[${place}/${lineage.steps.length}] ${nameOf(step)}: equal (${time})`);
      },
    });
    isEqual = rebuilt.difference === undefined;
    return rebuilt;
  } finally {
    view.stop();
    await site.close({ keep: !isEqual });
    if (!isEqual || !site.isTemporary) show(`the second store: ${site.folder}`);
  }
}

/**
 * Every picture is an output of the action that it tells.
 * @throws Unprocessable if its bytes were changed afterwards, or its text was, before any work.
 */
export function checkOutput(
  { file, action, digest }: Picture,
  { steps }: { readonly steps: readonly Pick<Step, 'action' | 'outputs'>[] },
): void {
  const step = steps.find(each => each.action === action);
  if (step && Object.values(step.outputs).includes(digest)) return;
  throw new Unprocessable(`${file} is not what the action that it tells has made`, {
    expected: 'the bytes of the PNG as Easel wrote them',
    hint: `its pixels or its text "${ACTION_KEYWORD}" were changed afterwards: use the first file, or leave it out`,
  });
}

function formatPlan({ steps, leaves }: Pick<Lineage, 'steps' | 'leaves'>): string[] {
  const seconds = steps.reduce((sum, step) => sum + (step.seconds ?? 0), 0);
  const roles = new Map<string, { count: number; bytes: number }>();
  for (const { role, size } of leaves) {
    const { count, bytes } = roles.get(role) ?? { count: 0, bytes: 0 };
    roles.set(role, { count: count + 1, bytes: bytes + size });
  }
  const kinds = [...roles].map(
    ([role, { count, bytes }]) => `${role}: ${quantity(count, 'blob')}, ${formatBytes(bytes)}`,
  );
  return [
    `computes ${quantity(steps.length, 'action')} again, which took ${formatDuration(seconds)} at first`,
    `copies ${kinds.join('; ') || 'nothing'}`,
  ];
}

function formatEnd(pictures: number, { computed, found, difference }: Rebuilt): string[] {
  if (difference) return formatDifference(difference);
  return [
    `${quantity(computed, 'action')} computed${found > 0 ? `, ${found} found in the store` : ''}; ` +
      `${pictures} of ${quantity(pictures, 'picture')} equal, byte for byte`,
  ];
}

function formatDifference({ step, output, expected, got, where }: Difference): string[] {
  const of = output === undefined ? 'is another action' : `made another ${output}`;
  return [
    `the first difference: ${nameOf(step)} ${of}${where === undefined ? '' : `, at ${where}`}`,
    `  was:  ${expected}`,
    `  is:   ${got}`,
    'NOT equal',
  ];
}

function timesOf(seconds: number, before: number | undefined): string {
  const now = `${seconds.toFixed(1)} s`;
  return before === undefined ? now : `${now}, ${before.toFixed(1)} s at first`;
}

function parseFrom(from: string | undefined): 'originals' | 'checkpoint' {
  if (from === undefined || from === 'originals') return 'originals';
  if (from === 'checkpoint') return 'checkpoint';
  throw new InvalidInput(`--from ${from} is wrong`, { expected: 'originals or checkpoint' });
}
