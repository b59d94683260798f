/** @file The table of quality of a checkpoint: drawn pictures beside real ones and control rows. */
import { z } from 'zod';
import { CONTROL_NAMES, type ControlName } from '../configs/control-names.ts';
import { percent } from '../configs/copy-evidence.ts';
import { CONDITION_NAMES } from '../configs/drawn-conditions.ts';
import { type Evaluation, type EvaluationRow, evaluationSchema } from '../configs/evaluation.ts';
import { setSeedSchema } from '../configs/seed.ts';
import { signalsOf } from '../configs/signals.ts';
import { nameAsked, vqaSchema } from '../configs/vqa-options.ts';
import { Unprocessable } from '../errors.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { type EngineSpec, type Item, PAGE_SIZE } from '../storage/records.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { dwposeEncoder } from './encoders/dwpose.ts';
import { chooseLpips } from './evaluation/choose-lpips.ts';
import { findClip, type InstalledClip } from './evaluation/clip-row.ts';
import { CONDITIONS, requireSignals } from './evaluation/conditions.ts';
import { CONTROLS } from './evaluation/controls.ts';
import { type DrawnRow, listDrawnRows, settingsSweepSchema } from './evaluation/drawn-rows.ts';
import { judgedShape } from './evaluation/judged-shape.ts';
import { type ClipJudge, measureRow, type Yardstick } from './evaluation/measure-row.ts';
import { findPoseJudge } from './evaluation/pose-row.ts';
import { scoreRow } from './evaluation/score-row.ts';
import { findVqaJudge, type VqaJudge, vqaRow } from './evaluation/vqa-row.ts';
import { outputOf } from './execution/output-of.ts';
import { evaluationArtifact, testEvaluationArtifact } from './experiments/border/evaluation-artifact.ts';
import { readChunks } from './experiments/chunk-pages.ts';
import { checkData, readConfig, readHead } from './experiments/experiment-head.ts';
import { findKept, findMaker } from './experiments/find-kept.ts';
import { chooseColumns, openPagePictures, type PagePictures } from './experiments/page-pictures.ts';
import {
  type DrawnSet,
  describeColumns,
  drawSet,
  listInstalled,
  samplingFor,
  usualCondition,
  withWeights,
} from './experiments/sets/draw-set.ts';
import { chooseExtractor, findExtractor } from './experiments/sets/extractors.ts';
import { countSizesOf } from './experiments/training-size.ts';
import { recordArtifact } from './operations/record-artifact.ts';

/** Between the seeds of two draws. */
const OTHER_NOISE = 2 ** 20;

const input = z.strictObject({
  ...judgedShape,
  samples: z.int().min(2).max(10_000).default(250).describe('pictures of each row; fewer if the split val has fewer'),
  conditions: z
    .array(z.enum(CONDITION_NAMES))
    .min(1)
    .max(CONDITION_NAMES.length)
    .optional()
    .describe('a drawn row each, as in draw; default: pose and caption, or the caption, or what the model has'),
  beside: z
    .array(judgedShape.checkpoint.describe('as checkpoint'))
    .max(16)
    .default([])
    .describe('other checkpoints, such as a peer at equal seconds, drawn on the same pictures and noise'),
  sweep: settingsSweepSchema.optional(),
  reference: z.int().min(2).max(10_000).default(2000).describe('training pictures that every row is compared with'),
  pose_samples: z
    .int()
    .min(0)
    .max(10_000)
    .default(64)
    .describe(
      'pictures of each row in which DWPose looks for joints, where the dataset has poses and the weights are there; ' +
        'it takes seconds for a picture on a CPU',
    ),
  vqa: vqaSchema
    .optional()
    .describe(
      'asks a model of a server whether the pictures show what their captions say, and what captions of others say; ' +
        'default: nobody is asked',
    ),
  noise_floor: z
    .boolean()
    .optional()
    .describe('draws the rows of the checkpoint twice, from two noises: how far such pictures differ by themselves'),
  split: z
    .enum(['val', 'test'])
    .default('val')
    .describe('held-out pictures; test: once, after everything was chosen by val'),
  seed: setSeedSchema,
});

export const evaluate = defineFunction({
  name: 'evaluate',
  summary:
    'Draws held-out pictures by a checkpoint and measures them in a table of quality, beside control rows from real ' +
    'pictures to noise. The table stays with the checkpoint.',
  version: 1,
  kind: 'effect',
  example: { checkpoint: 'portraits@latest', samples: 250 },
  input,
  key: body => canonicalJson(body),
  async run(ctx, body): Promise<Json> {
    const kept = await findKept(ctx.store, body.checkpoint);
    const { head, checkpoint } = kept;
    const { split } = body;
    checkData(kept.name, head);
    const config = await readConfig(ctx.blobs, head);
    const dataset = await readDataset(ctx.blobs, head.dataset);
    const pages = await openPagePictures(ctx.blobs, dataset);
    const samples = Math.min(body.samples, pages.itemsOf(split).length);
    if (samples < 2) {
      throw new Unprocessable(
        `the dataset has ${samples} pictures of the split ${split}, and a table of quality needs more`,
        {
          expected: 'a dataset with at least 2 held-out pictures; 250 tell much more',
        },
      );
    }
    const { extractor: chosen, why } = chooseExtractor(config, await listInstalled(ctx), body.extractor);
    const extractor = await withWeights(ctx.store, chosen);
    const columns = chooseColumns(pages, pages.columnsOf([split]), body.reference);
    const real = await describeColumns(ctx, extractor, columns, head.engine);
    const { lpips: net, others = [], tooSmall } = await chooseLpips(ctx, config, dataset);
    const lpips = tooSmall === undefined ? net : undefined;
    const listed = await listDrawnRows(ctx.store, kept, body.beside, body.sweep);
    const configs = await Promise.all(listed.map(drawn => readConfig(ctx.blobs, drawn.kept.head)));
    const conditions = [...new Set(body.conditions ?? [usualCondition(config)])];
    for (const { model } of configs) {
      for (const condition of conditions) requireSignals(condition, signalsOf(model.conditions));
    }
    const clip = await findClip(ctx, configs);
    const pose = await findPoseJudge(ctx, dataset, body.pose_samples);
    const vqa = findVqaJudge(ctx, body.vqa);
    const truth = await makeControl(ctx, { dataset: head.dataset, real, split }, 'real', samples);
    // First of the real pictures: a server that is away says so before anything is drawn.
    if (vqa) await vqaRow(ctx, { columns: truth }, { ...vqa, dataset: head.dataset });
    const stick: Yardstick = {
      ...{ dataset: head.dataset, extractor, engine: head.engine, real, reference: body.reference },
      seed: body.seed,
      split,
      fidelity: { truth, lpips, others },
      vqa,
      clip: typeof clip === 'string' ? undefined : await prepareClip(ctx, clip, { columns, engine: head.engine }),
      pose: typeof pose === 'string' ? undefined : pose,
    };
    const rows: EvaluationRow[] = [];
    for (const [i, drawn] of listed.entries()) {
      const known = configs[i] ?? config;
      for (const condition of conditions) {
        const { steps, seed } = body;
        const plan = { kept: drawn.kept, config: known, dataset: head.dataset, split, condition } as const;
        const { weights, guidance = body.guidance } = drawn;
        const settings = { ...plan, pictures: samples, samples, seed, steps, guidance, weights };
        const set = await drawSet(ctx, settings);
        const title = { row: drawn.row, about: `${drawn.about}, from ${CONDITIONS[condition].about}`, condition };
        const of = weights === 'initial' ? {} : { checkpoint: drawn.kept.checkpoint };
        const row = await measureRow(ctx, stick, { ...title, ...settingsOf(drawn), ...of }, set);
        const again =
          body.noise_floor && drawn.row === 'drawn' && (await drawSet(ctx, { ...settings, seed: otherSeed(seed) }));
        rows.push(again ? { ...row, ...(await measureFloor(ctx, stick, set, again)) } : row);
      }
    }
    rows.push(...(await measureControls(ctx, stick, samples)));
    const document: Evaluation = evaluationSchema.parse({
      ...{ v: 1, kind: 'evaluation', checkpoint, dataset: head.dataset, extractor: extractor.name },
      sizes: await listSizes(ctx, pages, pages.itemsOf(split).slice(0, samples)),
      ...{ why_extractor: why, samples, seed: body.seed, rows, missing: listMissing(rows, split, { clip, pose, vqa }) },
      ...(split === 'test' && { split }),
      sampling: samplingFor({ config, ...body }),
      ...(lpips && { lpips: lpips.net }),
      ...(tooSmall && { no_lpips: tooSmall }),
      ...(stick.clip && { clip: stick.clip.model }),
      ...(vqa && { vqa: nameAsked(vqa.asked) }),
      ...(rows.some(row => row.pose?.parts) && { pose: dwposeEncoder.name }),
      links: [...new Set(rows.flatMap(listLinks))],
    });
    const { digest } = await putDocument(ctx.blobs, document);
    const { name, step } = await findMaker(ctx.store, kept);
    const { name: artifact, artifact: kind } = split === 'test' ? testEvaluationArtifact : evaluationArtifact;
    const folder = await recordArtifact(ctx, { name, step, artifact, folder: kind.folder }, digest);
    const before = split === 'test' ? await listTested(ctx, name, step) : [];
    const { links: _, ...table } = document;
    return {
      ...{ ...table, experiment: kept.name, step: kept.step, document: digest, ...(folder && { folder }) },
      ...(before.length > 0 && { tested_before: before }),
    } as Json;
  },
});

function listLinks({ comparison, clip, vqa }: EvaluationRow): string[] {
  return [comparison, ...(clip?.fits ? [clip.fits] : []), ...(vqa ? [vqa.answers] : [])];
}

/** Sizes of the compared pictures, commonest first. */
async function listSizes(
  { blobs }: EffectContext,
  pages: PagePictures,
  compared: readonly Item[],
): Promise<Evaluation['sizes']> {
  const counted = await countSizesOf(blobs, pages.byColumn(compared));
  return counted.map(({ width, height, pictures }) => ({ width, height, pictures }));
}

/** Far from the seeds that further rounds take. */
function otherSeed(seed: number): number {
  return seed >= OTHER_NOISE ? seed - OTHER_NOISE : seed + OTHER_NOISE;
}

/** How far two draws of one condition are apart. */
async function measureFloor(
  ctx: EffectContext,
  { dataset, engine, fidelity: { lpips } }: Yardstick,
  { columns: truth }: DrawnSet,
  { columns }: DrawnSet,
): Promise<Pick<EvaluationRow, 'noise_floor'>> {
  const { fidelity } = await scoreRow(ctx, { columns }, { dataset, engine, truth, lpips, others: [] });
  return fidelity ? { noise_floor: fidelity } : {};
}

/** Other checkpoints of the experiment that the split `test` has judged: what is chosen by it is no longer held out. */
async function listTested({ store, blobs }: EffectContext, name: string, step: number): Promise<number[]> {
  const chunks = await readChunks(blobs, (await readHead(store, name)).value);
  return chunks.flatMap(({ to, artifacts }) => (to !== step && artifacts[testEvaluationArtifact.name] ? [to] : []));
}

/** The CLIP with its features of the pages. */
async function prepareClip(
  ctx: EffectContext,
  clip: InstalledClip,
  { columns, engine }: { readonly columns: readonly Digest[]; readonly engine: EngineSpec },
): Promise<ClipJudge> {
  const extractor = { ...findExtractor(clip.model), weights: { model: clip.weights.model ?? [] } };
  return { ...clip, extractor, real: await describeColumns(ctx, extractor, columns, engine) };
}

/** Those that the row has for itself. */
function settingsOf({ guidance, weights }: DrawnRow): Pick<EvaluationRow, 'guidance' | 'weights'> {
  return {
    ...(guidance !== undefined && { guidance }),
    ...(weights !== undefined && weights !== 'initial' && { weights }),
  };
}

async function measureControls(ctx: EffectContext, stick: Yardstick, samples: number): Promise<EvaluationRow[]> {
  const rows: EvaluationRow[] = [];
  for (const control of CONTROL_NAMES) {
    const columns = await makeControl(ctx, stick, control, samples);
    ctx.progress({ phase: `control ${control}`, done: samples, total: samples, unit: 'pictures' });
    rows.push(await measureRow(ctx, stick, { row: control, about: CONTROLS[control].about }, { columns }));
  }
  return rows;
}

/** Columns of the pictures of a control row. */
async function makeControl(
  ctx: EffectContext,
  { dataset, real, split }: Pick<Yardstick, 'dataset' | 'real' | 'split'>,
  control: ControlName,
  samples: number,
): Promise<Digest[]> {
  const columns: Digest[] = [];
  for (let first = 0; first < samples; first += PAGE_SIZE) {
    const count = Math.min(PAGE_SIZE, samples - first);
    const held = { dataset, first, count, ...(split === 'test' && { split }) };
    const body = { ...held, control, ...(control === 'nearest' && { features: [...real] }) };
    columns.push(outputOf((await ctx.call('control-pictures', body)).result, 'pictures'));
  }
  return columns;
}

/**
 * Rows and columns of the protocol that the table lacks.
 * @param judges A text says why no network judges.
 */
function listMissing(
  rows: readonly EvaluationRow[],
  split: Yardstick['split'],
  { clip, pose, vqa }: Readonly<Record<'clip' | 'pose', object | string>> & { readonly vqa: VqaJudge | undefined },
): Evaluation['missing'] {
  const hasPeer = rows.some(({ row }) => row.startsWith('beside '));
  const noClip = typeof clip === 'string' ? clip : `no picture of the split ${split} has a caption`;
  const noPose = typeof pose === 'string' ? pose : `no picture of the split ${split} has a pose`;
  return [
    ...(hasPeer
      ? []
      : [{ row: 'beside', why: 'no other checkpoint was named: `beside` takes a peer at equal seconds' }]),
    ...(rows.some(row => row.clip) ? [] : [{ column: 'clip', why: noClip }]),
    ...listUnanswered(rows, split, vqa),
    ...(rows.some(row => row.pose) ? [] : [{ column: 'pose', why: noPose }]),
  ];
}

/** Why the answers of a model are missing, or say nothing. */
function listUnanswered(
  rows: readonly EvaluationRow[],
  split: Yardstick['split'],
  vqa: VqaJudge | undefined,
): Evaluation['missing'] {
  if (vqa === undefined) return [{ column: 'vqa', why: 'no model was to be asked: `vqa` names one' }];
  const { model } = vqa.asked;
  if (!rows.some(row => row.vqa)) {
    const why = `no picture of the split ${split} has a caption that others do not have, or no answer was yes or no`;
    return [{ column: 'vqa', why }];
  }
  const real = rows.find(({ row }) => row === 'real')?.vqa;
  if (real === undefined || real.difference.low > 0) return [];
  const why =
    `the answers say nothing: ${model} does not tell the captions of real pictures from those of others, it says yes ` +
    `to ${percent(real.right.mean)} of the right ones and ${percent(real.distractor.mean)} of the others`;
  return [{ column: 'vqa', why }];
}
