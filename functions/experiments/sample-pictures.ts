/** @file Makes pictures of a checkpoint: encodes the conditions, lets the gpu-runner sample, writes PNGs. */
import type { WeightChoice } from '../../configs/averages.ts';
import { checkSampleSize } from '../../configs/sample-size.ts';
import { type Sampling, samplingOf } from '../../configs/sampling.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Conditions } from '../../configs/signals.ts';
import { requireRoute } from '../../configs/tread.ts';
import { Internal, InvalidInput } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import type { SampleJob } from '../../gpu-runner/protocol.ts';
import { readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { BlobRef } from '../../storage/types.ts';
import type { PureContext, PureOutcome } from '../define.ts';
import { encodeSample, type Joints } from '../encoders/encode-sample.ts';
import type { Weights } from '../encoders/encoder.ts';
import { ENCODER_TOOLS } from '../encoders/encoders.ts';
import { notePrompts } from '../encoders/note-texts.ts';
import { type ConditionRows, packConditions } from '../encoders/pack-conditions.ts';
import { publishPng } from '../execution/publish-png.ts';
import { runJob } from '../execution/runner-job.ts';
import { addUpNotes } from '../notes/notes.ts';
import { encodePng, IMAGE_TOOLS } from '../pictures/image.ts';
import type { RgbImage } from '../pictures/planar.ts';
import { resolveWeights } from './sample-weights.ts';

/** They decide the bytes of the PNGs, and the numbers of the conditions. */
export const PICTURE_TOOLS = { ...IMAGE_TOOLS, ...ENCODER_TOOLS };

export interface PictureRequest extends Sampling {
  readonly checkpoint: Digest;
  readonly prompts: readonly string[];
  readonly negative_prompt?: string | undefined;
  readonly reference?: Digest | undefined;
  readonly pose?: Joints | undefined;
  /** One for each prompt, instead of `pose`. */
  readonly poses?: readonly Joints[] | undefined;
  /** A picture whose largest person has the pose. */
  readonly pose_picture?: Digest | undefined;
  readonly pose_weights?: Weights | undefined;
  /** Pixels; default: the width of the training pictures. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly first: number;
  readonly weights: WeightChoice;
  /** Checkpoints whose power traces may be combined, besides its own. */
  readonly traces?: readonly Digest[] | undefined;
  readonly engine: EngineSpec;
}

export interface Pictures {
  /** npy uint8 [n, height, width, 3]. */
  readonly pixels: BlobRef;
  /** image_000 ...: PNG, in the order of the prompts. */
  readonly images: Readonly<Record<string, BlobRef>>;
  /** Those of the job, and `notes` on the prompts, if there are any. */
  readonly stats: NonNullable<PureOutcome['stats']>;
}

export async function samplePictures(ctx: PureContext, request: PictureRequest): Promise<Pictures> {
  const { model, data, objective } = await readKeyedConfig(
    ctx.blobs,
    (await readCheckpoint(ctx.blobs, request.checkpoint)).config,
  );
  if (request.guidance_method === 'self_guidance') requireRoute(objective);
  const { width, height } = sizeOf(request, model, data);
  const { checkpoint, first, engine } = request;
  const { weights, notes: ofWeights } = await resolveWeights(ctx.blobs, request);
  const conditions = model.conditions ?? {};
  const rows = await encodeSample(ctx, conditions, {
    prompts: request.prompts,
    negativePrompt: request.negative_prompt,
    reference: request.reference && (await ctx.blobs.get(request.reference)),
    poses: request.poses ?? (request.pose && request.prompts.map(() => request.pose ?? [])),
    posePicture: request.pose_picture && (await ctx.blobs.get(request.pose_picture)),
    poseWeights: request.pose_weights,
    size: { width, height },
    engine,
  });
  const drawn = await drawRows(ctx, conditions, rows, {
    network: { checkpoint, weights },
    width,
    height,
    first,
    engine,
    ...samplingOf(request),
  });
  const ofPrompts = addUpNotes(
    await notePrompts(ctx.blobs, conditions, { prompts: request.prompts, negative: request.negative_prompt }),
  );
  const notes = [...ofPrompts, ...ofWeights];
  return { ...drawn, stats: { ...drawn.stats, ...(notes.length > 0 && { notes }) } };
}

type DrawSettings = Omit<SampleJob, 'kind' | 'conditions'>;

/** Samples one picture for each row of encoded conditions. */
export async function drawRows(
  ctx: PureContext,
  conditions: Conditions,
  rows: ConditionRows,
  settings: DrawSettings,
): Promise<Pictures> {
  const { pixels, rgb, stats } = await drawPixels(ctx, conditions, rows, settings);
  const refs = await Promise.all(
    rgb.map(async (picture, i) => {
      const png = await encodePng(picture);
      return [`image_${String(i).padStart(3, '0')}`, await publishPng(ctx, png)] as const;
    }),
  );
  return { pixels, images: Object.fromEntries(refs), stats };
}

/** As {@link drawRows}, without files: the pictures are views of one array. */
export async function drawPixels(
  ctx: PureContext,
  conditions: Conditions,
  rows: ConditionRows,
  settings: DrawSettings,
): Promise<Pick<Pictures, 'pixels' | 'stats'> & { readonly rgb: readonly RgbImage[] }> {
  const packed = await ctx.blobs.put(packConditions(conditions, rows), 'application/octet-stream');
  const { outputs, stats } = await runJob(ctx, { kind: 'sample', conditions: packed.digest, ...settings });
  if (!outputs.pixels) throw new Internal('the gpu-runner made no pixels');
  const shape = [rows.rows, settings.height, settings.width, 3] as const;
  return { pixels: outputs.pixels, rgb: await readRgb(ctx, outputs.pixels.digest, shape), stats };
}

function sizeOf(
  request: PictureRequest,
  model: KeyedConfig['model'],
  data: KeyedConfig['data'],
): { readonly width: number; readonly height: number } {
  const width = request.width ?? data.image_size?.width;
  const height = request.height ?? data.image_size?.height;
  if (width === undefined || height === undefined) {
    throw new InvalidInput('width and height are missing, and the config of the checkpoint has no data.image_size', {
      expected: 'width and height in pixels',
    });
  }
  checkSampleSize({ width, height }, model);
  return { width, height };
}

/** @param shape [n, height, width, 3] */
async function readRgb(
  ctx: PureContext,
  pixels: Digest,
  shape: readonly [number, number, number, number],
): Promise<RgbImage[]> {
  const array = decodeNpy(await ctx.blobs.get(pixels));
  if (array.dtype !== 'u8' || array.shape.join() !== shape.join()) {
    throw new Internal(`the gpu-runner made pixels of ${array.dtype}[${array.shape}], expected u8[${shape}]`);
  }
  const { data } = array;
  const [n, height, width] = shape;
  const bytes = height * width * 3;
  return Array.from({ length: n }, (_, i) => ({ data: data.subarray(i * bytes, (i + 1) * bytes), width, height }));
}
