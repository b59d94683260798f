import { readFile } from 'node:fs/promises';
import { defineCommand } from 'citty';
import { plainJson } from '../../configs/plain-text.ts';
import { quantity } from '../../configs/quantity.ts';
import { InvalidInput, NotFound } from '../../errors.ts';
import { isPng } from '../../formats/png.ts';
import { readPngAction } from '../../formats/png-action.ts';
import { reportErrors } from '../command-error.ts';
import { digestOf } from '../digest.ts';
import { formatDuration } from '../eta.ts';
import { formatBytes } from '../format-bytes.ts';
import { healthSchema } from '../health.ts';
import type { ApiClient } from '../http.ts';
import { createProgressView } from '../progress.ts';
import { type Lineage, lineageSchema, nameOf, uniteLineages } from '../reproduce/lineage.ts';
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
      return;
    }
    checkLineage(united);
    const rebuilt = await rebuildApart(api, args.store, united, show);
    const same = pictures.map(picture => ({ ...picture, equal: isOutput(picture, united) }));
    if (args.json === true) console.log(plainJson({ v: 1, pictures: same, ...rebuilt }));
    for (const line of formatEnd(same, rebuilt)) show(line);
    if (rebuilt.difference || same.some(({ equal }) => !equal)) process.exitCode = 1;
  }),
});

interface Picture {
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
  const action = readPngAction(png);
  if (action !== undefined) return { file, action, digest: digestOf(png) };
  throw new InvalidInput(`${file} does not tell which action made it`, {
    expected: 'a PNG of sample, preview, held-out or contact-sheet with its text chunk "easel-action"',
    hint: 'programs that save a picture again may drop its texts; pictures of earlier versions of Easel have none',
  });
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

/** Every picture is an output of its own action, unless its bytes were changed after it was made. */
function isOutput({ action, digest }: Picture, { steps }: Pick<Lineage, 'steps'>): boolean {
  const step = steps.find(each => each.action === action);
  return step !== undefined && Object.values(step.outputs).includes(digest);
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

function formatEnd(
  pictures: readonly (Picture & { readonly equal: boolean })[],
  { computed, found, difference }: Rebuilt,
): string[] {
  if (difference) return formatDifference(difference);
  const others = pictures.filter(({ equal }) => !equal);
  const count = pictures.length - others.length;
  return [
    ...others.map(({ file }) => `${file} is not what its action made: its bytes were changed afterwards`),
    `${quantity(computed, 'action')} computed${found > 0 ? `, ${found} found in the store` : ''}; ` +
      `${count} of ${quantity(pictures.length, 'picture')} equal, byte for byte`,
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
