/** @file Tells what preparing a folder takes: pictures, time by stage, disk. Measures some of its pictures. */
import { z } from 'zod';
import type { Estimate } from '../configs/estimate.ts';
import type { ProgressEvent } from '../configs/progress.ts';
import { listSome, quantity } from '../configs/quantity.ts';
import { InvalidInput, Unprocessable } from '../errors.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { drawProbe, type Listing, listByName } from './import/draw-probe.ts';
import { openFolder } from './import/open-folder.ts';
import { deleteLeftProbes, deleteProbe, nameProbe } from './operations/left-probes.ts';

/** Pictures that are prepared before those that are measured: programs are compiled and models loaded then. */
const WARM_UP = 2;
const USUAL_PROBE = 32;
/** Pictures that a model describes, which takes seconds for each. */
const MOST_DESCRIBED = 4;
/** What depends on captions: stages and columns. */
const OF_CAPTIONS: ReadonlySet<string> = new Set(['caption', 'encode-text', 'text']);
const NOBODY_ASKED = 'every measured picture has a caption, so no model was asked; one without a caption takes longer';
/** The two phases of `import` are one stage for people. */
const STAGE_OF: Readonly<Record<string, string>> = { store: 'import' };
/** What follows the last stage: the page that shows the pictures. */
const LAST_STAGE = 'report';

export const estimate = defineFunction({
  name: 'estimate',
  summary:
    'Tells what a call of prepare with a folder takes: pictures, time by stage and disk, measured by preparing some of ' +
    'the pictures.',
  version: 1,
  kind: 'effect',
  example: { prepare: { dataset: 'mine', folder: 'my/pictures', size: 256 } },
  input: z.strictObject({
    prepare: z.record(z.string(), z.json()).describe('the body of the call of prepare'),
    pictures: z
      .int()
      .min(1)
      .max(256)
      .optional()
      .describe(`pictures to measure (default ${USUAL_PROBE}); a model describes at most ${MOST_DESCRIBED} of them`),
  }),
  key: input => canonicalJson(input),
  async run(ctx, { prepare, pictures }): Promise<Estimate> {
    const { folder } = prepare;
    if (typeof folder !== 'string' || prepare.tar !== undefined || prepare.source !== undefined) {
      throw new InvalidInput('prepare names no folder', { expected: 'a body of prepare with the key folder' });
    }
    const { files } = await openFolder(folder, ctx.importRoots);
    const found = listByName(files);
    if (found.pictures.length === 0 && files.some(({ name }) => /\.tar$/i.test(name))) {
      return { ...extrapolate(folder, files.length, found, NO_PROBE), problems: [TARS_ALONE] };
    }
    if (found.pictures.length === 0) {
      throw new Unprocessable(`"${folder}" has no picture by its name among ${quantity(files.length, 'file')}`, {
        expected: 'files such as a.jpg, a.png or a.webp',
      });
    }
    await deleteLeftProbes(ctx);
    const count = pictures ?? USUAL_PROBE;
    // Another place each time: a model would not be asked about the same pictures again.
    const from = Math.floor(ctx.now() % found.pictures.length);
    const { captions, ...others } = prepare;
    const isWarmedUp = found.pictures.length > WARM_UP;
    if (isWarmedUp) await warmUp(ctx, others, found, { count: WARM_UP, from: from + 1 });
    const probe = await runProbe(ctx, others, found, { count, from });
    const told = extrapolate(folder, files.length, found, probe);
    if (captions === undefined) return { ...told, problems: findProblems(prepare, probe) };
    const share = shareToDescribe(captions, probe);
    if (share === 0) return { ...told, assumptions: [...told.assumptions, NOBODY_ASKED] };
    // Few pictures are described, so each of them is, and the probe tells how many of the folder will be.
    const body = { ...prepare, captions: whichAll(captions) };
    if (isWarmedUp) await warmUp(ctx, body, found, { count: 1, from: from + 1 });
    const described = await runProbe(ctx, body, found, { count: Math.min(count, MOST_DESCRIBED), from: from + 2 });
    const estimate = extrapolate(folder, files.length, found, probe, { ...described, share });
    return { ...estimate, problems: sayRefused(described) };
  },
});

interface Probe {
  /** Pictures that were given and pictures that were taken. */
  readonly given: number;
  readonly taken: number;
  /** Taken pictures without a caption. */
  readonly uncaptioned: number;
  /** Pictures of which a model gave no caption that is taken, with the reason. */
  readonly refused: readonly string[];
  readonly stages: readonly { readonly name: string; readonly seconds: number }[];
  /** By column: bytes of all pictures. */
  readonly columns: Readonly<Record<string, number>>;
}

const NO_PROBE: Probe = { given: 0, taken: 0, uncaptioned: 0, refused: [], stages: [], columns: {} };
const TARS_ALONE = 'nothing is measured: the folder has tars, and no picture beside them';

const preparedSchema = z.looseObject({
  digest: digestSchema,
  counts: z.looseObject({ pictures: z.int() }),
  notes: z.array(
    z.looseObject({
      code: z.string(),
      count: z.int(),
      examples: z.array(z.looseObject({ name: z.string(), text: z.string() })),
    }),
  ),
});

type Body = Readonly<Record<string, Json>>;
/** So many pictures, beginning at that one. */
interface Some {
  readonly count: number;
  readonly from: number;
}

/** Loads programs and models. A rule may leave out so few pictures all, which says nothing about the folder. */
async function warmUp(ctx: EffectContext, body: Body, found: Listing, some: Some): Promise<void> {
  try {
    await runProbe(ctx, body, found, some);
  } catch (error) {
    if (!(error instanceof Unprocessable)) throw error;
  }
}

/** Prepares some pictures as a dataset of its own, which is deleted again. */
async function runProbe(ctx: EffectContext, body: Body, found: Listing, { count, from }: Some): Promise<Probe> {
  const name = nameProbe();
  const { tar, pictures } = await drawProbe(found, { count, from, folder: name });
  const { digest } = await ctx.blobs.put(tar, 'application/x-tar');
  const { folder: _, ...rest } = body;
  const probe = { ...rest, dataset: name, tar: digest, missing_captions: 'empty' };
  const watch = watchStages(ctx.now);
  ctx.progress({ phase: 'measure', message: `prepares ${quantity(pictures, 'picture')} of the folder` });
  try {
    const answer = preparedSchema.parse(await ctx.callEffect('prepare', probe, { onEvent: watch.see }));
    const stages = watch.end();
    const { pages } = await readDataset(ctx.blobs, answer.digest);
    const columns: Record<string, number> = {};
    for (const [column, blob] of pages.flatMap(page => Object.entries(page.columns))) {
      columns[column] = (columns[column] ?? 0) + ((await ctx.blobs.head(blob))?.size ?? 0);
    }
    const uncaptioned = answer.notes.find(({ code }) => code === 'caption_missing')?.count ?? 0;
    const refused = answer.notes
      .filter(({ code }) => code === 'caption_refused')
      .flatMap(({ examples }) => examples.map(example => `${example.name.slice(name.length + 1)} (${example.text})`));
    return { given: pictures, taken: answer.counts.pictures, uncaptioned, refused, stages, columns };
  } catch (error) {
    throw error instanceof Unprocessable ? nameAsInFolder(error, name) : error;
  } finally {
    await deleteProbe(ctx, name);
  }
}

/** The probe has its pictures in a folder of its own, which nobody knows. */
function nameAsInFolder(cause: Unprocessable, name: string): Unprocessable {
  const { message, expected, hint, details } = cause;
  return new Unprocessable(message.replaceAll(`${name}/`, ''), {
    ...(expected !== undefined && { expected }),
    ...(hint !== undefined && { hint }),
    details,
    cause,
  });
}

/** Tells the seconds of each stage by the progress of a call. */
function watchStages(now: () => number) {
  const stages: { name: string; from: number; to: number; done: number }[] = [];
  const begin = now();
  return {
    see({ phase, done }: ProgressEvent): void {
      const name = STAGE_OF[phase] ?? phase;
      const last = stages.at(-1);
      // A stage that runs twice, for two encoders, begins with nothing done.
      const isNew = last === undefined || last.name !== name || (done === 0 && last.done > 0 && phase === name);
      if (isNew) stages.push({ name, from: last?.to ?? begin, to: now(), done: done ?? 0 });
      else Object.assign(last, { to: now(), done: done ?? last.done });
    },
    end() {
      const rest = now() - (stages.at(-1)?.to ?? begin);
      const seen = stages.map(({ name, from, to }) => ({ name, seconds: (to - from) / 1000 }));
      return [...seen, { name: LAST_STAGE, seconds: rest / 1000 }];
    },
  };
}

/** Pictures that a model describes of those that are taken, from 0 to 1. */
function shareToDescribe(captions: Json, { uncaptioned, taken }: Probe): number {
  const isAll = typeof captions === 'object' && captions !== null && 'which' in captions && captions.which === 'all';
  return isAll ? 1 : uncaptioned / Math.max(1, taken);
}

/** What is no object is refused by `prepare`. */
function whichAll(captions: Json): Json {
  const isObject = typeof captions === 'object' && captions !== null && !Array.isArray(captions);
  return isObject ? { ...captions, which: 'all' } : captions;
}

/** @param described A probe of which the captions alone count, since a model wrote them; `share`: as many are so. */
function extrapolate(
  folder: string,
  files: number,
  found: Listing,
  probe: Probe,
  described?: Probe & { readonly share: number },
): Estimate {
  const { given, taken, columns } = probe;
  const pictures = found.pictures.length;
  const kept = Math.round((pictures * taken) / Math.max(1, given));
  /** What a picture takes, where a share of the pictures is described. */
  const blend = (part: string, each: (of: Probe) => number) =>
    described !== undefined && OF_CAPTIONS.has(part)
      ? described.share * each(described) + (1 - described.share) * each(probe)
      : each(probe);
  const stages = probe.stages.map(({ name, seconds: measured }) => {
    const each = blend(
      name,
      of => (of.stages.find(stage => stage.name === name)?.seconds ?? 0) / Math.max(1, of.given),
    );
    // The page shows a sample of the pictures, however many there are.
    return { name, seconds_per_picture: each, seconds: name === LAST_STAGE ? measured : each * pictures };
  });
  const perPicture = Object.fromEntries(
    Object.keys(columns).map(column => [
      column,
      Math.round(blend(column, of => (of.columns[column] ?? 0) / Math.max(1, of.taken))),
    ]),
  );
  const own = Object.values(perPicture).reduce((sum, bytes) => sum + bytes, 0);
  return {
    v: 1,
    folder,
    found: { files, pictures, bytes: found.bytes, texts: found.texts.length },
    probe: {
      pictures: given,
      rejected: Math.max(0, given - taken),
      uncaptioned: probe.uncaptioned,
      seconds: [probe, ...(described === undefined ? [] : [described])]
        .flatMap(each => each.stages)
        .reduce((sum, { seconds }) => sum + seconds, 0),
    },
    stages,
    seconds: stages.reduce((sum, { seconds }) => sum + seconds, 0),
    disk: { originals_bytes: found.bytes, bytes_per_picture: perPicture, total_bytes: found.bytes + own * kept },
    problems: [],
    assumptions: [
      ...(described === undefined ? [] : sayDescribed(described)),
      ...(given === 0
        ? []
        : [`the other pictures take as long as ${quantity(given, 'picture')} spread over the folder`]),
      'no other work goes on; the probe was one page, and a larger set computes a page on each core at once, so it may be faster',
      'nothing is in the cache; pictures that have been prepared before take no time',
      ...(given > taken
        ? [
            `${given - taken} of ${quantity(given, 'measured picture')} ${given - taken === 1 ? 'was' : 'were'} not taken; as large a share of all is`,
          ]
        : []),
    ],
  };
}

function sayDescribed({ given, share }: Probe & { readonly share: number }): string[] {
  const percent = Math.round(100 * share);
  return [
    `a model was asked about ${quantity(given, 'picture')}; the others take as long`,
    ...(share < 1 ? [`${percent} % of the pictures have no caption, so the model is asked about them alone`] : []),
  ];
}

/** A model whose answers are refused would be asked about every picture, several times, for nothing. */
function sayRefused({ refused, given }: Probe): string[] {
  if (refused.length === 0) return [];
  const answers = `the answers of the model about ${refused.length} of ${quantity(given, 'picture')} were refused`;
  return [`${answers}: ${listSome(refused, MOST_DESCRIBED)}`];
}

/** Missing captions would end the call after the pictures have been read. */
function findProblems({ missing_captions: missing }: Readonly<Record<string, Json>>, probe: Probe): string[] {
  if (missing === 'empty' || probe.uncaptioned === 0) return [];
  return [
    `${probe.uncaptioned} of ${quantity(probe.taken, 'measured picture')} ${probe.uncaptioned === 1 ? 'has' : 'have'} ` +
      'no caption, and prepare refuses such pictures; let a model describe them (captions), or take them without text ' +
      '(missing_captions: empty)',
  ];
}
