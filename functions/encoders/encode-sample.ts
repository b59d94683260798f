/**
 * @file Encodes the conditions of samples as the training data was encoded. The encoders that the config names encode
 * prompts and reference pictures, in the server's pool or in the gpu-runner. A pose comes as joints, or as a picture
 * of a person.
 */
import { type Conditions, type SignalName, signalsOf } from '../../configs/signals.ts';
import { Internal, Unprocessable } from '../../errors.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { FunctionContext } from '../define.ts';
import { coverRgb } from '../pictures/image.ts';
import { type PlanarImage, toPlanar } from '../pictures/planar.ts';
import { dwposeEncoder } from './dwpose.ts';
import { encodeOnRunner } from './encode-on-runner.ts';
import type { EncodeInputsTask } from './encode-tasks.ts';
import type { AnyEncoder, EncodedArray, EncodedSignals, EncoderInputs, EncoderSource, Weights } from './encoder.ts';
import { ENCODERS, findEncoder } from './encoders.ts';
import type { ConditionRows, SignalRows } from './pack-conditions.ts';
import { pickWeights } from './weights.ts';

/** Joints [x, y, confidence]. */
export type Joints = readonly (readonly number[])[];

export interface SampleConditions {
  /** One prompt for each picture. */
  readonly prompts: readonly string[];
  readonly negativePrompt?: string | undefined;
  /** A picture as a file. */
  readonly reference?: Uint8Array | undefined;
  /** One for each prompt. */
  readonly poses?: readonly Joints[] | undefined;
  /** A picture as a file, whose largest person has the pose. */
  readonly posePicture?: Uint8Array | undefined;
  /** Weights that find it, for a model whose config names none. */
  readonly poseWeights?: Weights | undefined;
  /** Pixels of the samples. */
  readonly size: { readonly width: number; readonly height: number };
  readonly engine: EngineSpec;
}

/** @throws Unprocessable for a condition without a signal in the model, and for an unknown encoder. */
export async function encodeSample(
  ctx: FunctionContext,
  conditions: Conditions,
  given: SampleConditions,
  encoders: readonly AnyEncoder[] = ENCODERS,
): Promise<ConditionRows> {
  const encode = (source: EncoderSource, inputs: readonly EncoderInputs[EncoderSource][]) =>
    encodeBy(ctx, conditions, source, inputs, given.engine, encoders);
  const rows = given.prompts.length;
  const texts = await encode('caption', given.prompts);
  if (Object.keys(texts).length === 0) throw untrained('text', 'a prompt');
  const negative = given.negativePrompt === undefined ? {} : await encode('caption', [given.negativePrompt]);
  const signals: SignalRows = { ...texts };
  if (given.reference) {
    const found = await encode('image', [await readReference(given.reference, given.size)]);
    if (Object.keys(found).length === 0) throw untrained('cls or patches', 'a reference picture');
    Object.assign(signals, repeatRows(found, rows));
  }
  if (given.poses) {
    if (!conditions.pose) throw untrained('pose', 'a pose');
    const pose = given.poses.map(joints => ({ shape: [joints.length, 3], data: Float32Array.from(joints.flat()) }));
    Object.assign(signals, { pose });
  }
  if (given.posePicture) {
    if (!conditions.pose) throw untrained('pose', 'the pose of a picture');
    const picture = await readReference(given.posePicture, given.size);
    const { encoder: name = dwposeEncoder.name, weights = given.poseWeights } = conditions.pose;
    const pose = await detectPose(ctx, findEncoder(name, encoders), conditions, { picture, weights }, given.engine);
    Object.assign(signals, repeatRows({ pose: [pose] }, rows));
  }
  return { rows, signals, negative: repeatRows(negative, rows) };
}

/** @throws Unprocessable for a picture without a person. */
async function detectPose(
  ctx: FunctionContext,
  encoder: AnyEncoder,
  conditions: Conditions,
  { picture, weights }: { readonly picture: PlanarImage; readonly weights: Weights | undefined },
  engine: EngineSpec,
): Promise<EncodedArray> {
  const [found] = await runEncoder(ctx, encoder, conditions, ['pose'], [picture], engine, weights);
  if (found?.pose === undefined) throw new Internal(`the encoder ${encoder.name} made no pose`);
  if (found.pose.data.some(x => x !== 0)) return found.pose;
  throw new Unprocessable('the picture of the pose shows no person that is found', {
    expected: 'a picture with a person in its middle part: it is cropped to the shape of the sample',
    hint: 'give another picture, or the joints themselves in `pose`',
  });
}

/** Encodes the inputs with every encoder of the model that reads `source`. */
async function encodeBy(
  ctx: FunctionContext,
  conditions: Conditions,
  source: EncoderSource,
  inputs: readonly EncoderInputs[EncoderSource][],
  engine: EngineSpec,
  all: readonly AnyEncoder[],
): Promise<SignalRows> {
  const bySignal = signalsOf(conditions).flatMap(signal => {
    const condition = conditions[signal];
    // A pose is asked for by itself: a reference picture says nothing of it.
    return condition && 'encoder' in condition && !('joints' in condition) ? [{ signal, name: condition.encoder }] : [];
  });
  const encoders = all.filter(({ name, reads }) => reads === source && bySignal.some(each => each.name === name));
  // An unknown encoder might read this source, too.
  if (encoders.length === 0) for (const { name } of bySignal) findEncoder(name, all);
  const rows: { [S in SignalName]?: readonly EncodedArray[] } = {};
  for (const encoder of encoders) {
    const signals = bySignal.filter(each => each.name === encoder.name).map(each => each.signal);
    const encoded = await runEncoder(ctx, encoder, conditions, signals, inputs, engine);
    for (const signal of signals) {
      rows[signal] = encoded.map(each => {
        const array = each[signal];
        if (array === undefined) throw new Internal(`the encoder ${encoder.name} made no ${signal}`);
        return array;
      });
    }
  }
  return rows;
}

async function runEncoder(
  ctx: FunctionContext,
  encoder: AnyEncoder,
  conditions: Conditions,
  signals: readonly SignalName[],
  inputs: readonly EncoderInputs[EncoderSource][],
  engine: EngineSpec,
  weights = weightsOf(conditions, signals),
): Promise<readonly EncodedSignals[]> {
  const options = encoder.options.parse(encoder.optionsOf(conditions)) as Record<string, unknown>;
  for (const signal of signals) checkDimensions(encoder, signal, conditions, options);
  if (encoder.runs === 'server') {
    const task: EncodeInputsTask = { encoder: encoder.name, options, inputs };
    return ctx.task('encode-inputs', task);
  }
  // A model that is conditioned on some signals alone does not need the parts of the others.
  const own = pickWeights(encoder, weights, options);
  return encodeOnRunner(ctx, encoder, { options, weights: own, signals, inputs, engine });
}

function weightsOf(conditions: Conditions, signals: readonly SignalName[]): Weights | undefined {
  for (const signal of signals) {
    const condition = conditions[signal];
    if (condition && 'weights' in condition && condition.weights) return condition.weights;
  }
  return undefined;
}

function checkDimensions(
  encoder: AnyEncoder,
  signal: SignalName,
  conditions: Conditions,
  options: Readonly<Record<string, unknown>>,
): void {
  const dims = encoder.makes[signal]?.(options);
  const made = dims?.dim;
  const condition = conditions[signal];
  const wanted = condition && 'dim' in condition ? condition.dim : undefined;
  if (made === wanted) return;
  throw new Unprocessable(`the encoder ${encoder.name} makes vectors of ${made} numbers, the model wants ${wanted}`, {
    hint: 'train on a dataset that this version encoded',
  });
}

/** Scales and crops a reference picture to the size of the sample, as `bucket` does with training pictures. */
async function readReference(file: Uint8Array, { width, height }: SampleConditions['size']): Promise<PlanarImage> {
  return toPlanar(await coverRgb(file, width, height));
}

function repeatRows(signals: SignalRows, rows: number): SignalRows {
  return Object.fromEntries(
    Object.entries(signals).map(([signal, arrays]) => [signal, Array.from({ length: rows }, () => arrays[0]!)]),
  );
}

function untrained(signal: string, given: string): Unprocessable {
  return new Unprocessable(`the model was trained without ${signal}, so ${given} says nothing to it`, {
    expected: `a model whose config has model.conditions.${signal.split(' ')[0]}`,
    hint: 'leave it out, or train on a dataset that has the signal',
  });
}
