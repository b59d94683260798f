/**
 * @file Compares recipes for the bundled portraits. Each arm changes the recipe that the preset `portraits` had before.
 * All arms are trained for an equal time and measured alike.
 *
 * Equal time: other work on a machine would make seconds unfair, so the time is counted in updates. The base takes
 * `--updates` of them. Before an arm starts, its update and that of the base take turns, and their processor time is
 * compared. An arm whose update costs half of the base's takes twice as many updates.
 *
 * 250 updates of the base are about 240 seconds on two quiet cores of an Intel Xeon, by ONNX Runtime in f32. This is
 * part measured, part estimated: the gradient of an update took 763 ms. With the optimizer, whose time is estimated, an
 * update takes 0.95 s.
 *
 * Captions and pictures of the measurements were not trained on:
 *
 * - the attributes that pictures for 256 captions show
 * - KID: the distance of these pictures to training pictures, by features of EfficientNet-Lite0
 * - seams between patches
 * - grain in flat corners
 * - the mean squared error of the predicted picture at four t (0: data, 1: noise)
 *
 * Controls are real pictures, and real pictures with noise of 8 levels. The eye hardly sees that noise, but KID says
 * that these pictures are far from real ones. So a KID tells little without grain and attributes beside it.
 *
 * All arms run on the first seed. The best three and the base then run on the others. Results are files in `--out`, one
 * for each arm and seed. The same command goes on after a kill.
 *
 * `node bench/recipe.ts [--arms a,b] [--seeds 1,2,3] [--updates 250] [--engine onnxruntime/cpu] [--precision f32]
 * [--threads N] [--out bench/results/recipe] [--weights out/recipe] [--best 3]`
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { RgbPixels } from '../data/pixels.ts';
import { encodeSafetensors } from '../formats/safetensors.ts';
import { toInterleaved } from '../functions/pictures/planar.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import { createMemorySource } from '../gpu-runner/training/source.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { ARMS, type Arm } from './recipe/arms.ts';
import { FeatureNet } from './recipe/features.ts';
import { addNoise, measurePictures, type PictureMeasures, type Reference } from './recipe/measure.ts';
import { measurePixelErrors } from './recipe/pixel-errors.ts';
import { drawPortraits, SIDE } from './recipe/portraits.ts';
import { type ArmResult, readResult, scoreOf, writeResult } from './recipe/results.ts';
import { SAMPLINGS, samplePortraits, samplingWith } from './recipe/sample-portraits.ts';
import { averageOf, type Costs, configOf, EMA_GAMMAS, timeArm, trainArm } from './recipe/train-arm.ts';

/** About 240 seconds of the base, as the head of this file says. */
const BASE_UPDATES = '250';

const { values: options } = parseArgs({
  options: {
    arms: { type: 'string', default: ARMS.map(({ name }) => name).join() },
    seeds: { type: 'string', default: '1,2,3' },
    updates: { type: 'string', default: BASE_UPDATES },
    best: { type: 'string', default: '3' },
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    precision: { type: 'string', default: 'f32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    out: { type: 'string', default: 'bench/results/recipe' },
    weights: { type: 'string', default: 'out/recipe' },
  },
});
const { out } = options;
const [first = 1, ...others] = options.seeds.split(',').map(Number);
const asked = options.arms.split(',').map(findArm);
const [base] = ARMS;
if (base === undefined) throw new Error('there are no arms');

const { engine: name, precision } = options;
const engine = await openEngine(engineSpecSchema.parse({ name, precision, threads: Number(options.threads) }));
const { trained, heldOut, prompts } = await drawPortraits();
const heldOutItems = heldOut.map(({ item }) => item);
const net = await FeatureNet.open(engine, SIDE);
/** Training pictures that the features are compared with. */
const REFERENCES = 1000;
const reference: Reference = {
  net,
  features: await net.describe(trained.slice(0, REFERENCES).map(({ pixels }) => interleave(pixels))),
  real: heldOut.map(({ pixels }) => pixels),
};
if ((await readResult(out, 'controls')) === undefined) {
  await writeResult(out, 'controls', {
    real: await measurePictures(heldOut, reference),
    real_with_noise_8: await measurePictures(addNoise(heldOut, 8), reference),
  });
}

const results = new Map<Arm, ArmResult>();
for (const arm of asked) results.set(arm, await runArm(arm, first));
const baseResult = results.get(base);
const ranked = [...results]
  .filter(([arm]) => arm !== base)
  .sort(([, a], [, b]) => scoreOf(a, baseResult ?? a) - scoreOf(b, baseResult ?? b));
for (const [arm, result] of ranked) say(`${arm.name}: score ${scoreOf(result, baseResult ?? result).toFixed(3)}`);
const finalists = [...(baseResult ? [base] : []), ...ranked.slice(0, Number(options.best)).map(([arm]) => arm)];
for (const seed of others) for (const arm of finalists) await runArm(arm, seed);
process.exit(0);

async function runArm(arm: Arm, seed: number): Promise<ArmResult> {
  const id = `${arm.name}-seed${seed}`;
  const known = await readResult<ArmResult>(out, id);
  if (known) return known;
  const { cost, costs } = await timeArm(engine, arm, trained, (await readResult<Costs>(out, 'costs')) ?? {});
  await writeResult(out, 'costs', costs);
  const updates = Math.round(Number(options.updates) / cost);
  const config = await configOf(arm, seed, updates);
  say(`${id}: ${updates} updates, each ${cost.toFixed(3)} times the cost of the base's`);
  const { tensors, losses, skipped, cpuSeconds } = await trainArm(
    engine,
    { config, ...(arm.later && { later: await configOf(arm, seed, updates, arm.later) }) },
    createMemorySource(trained),
    (step, loss) => {
      if (step % 25 === 0) say(`${id}: ${step} of ${updates}, loss ${loss.toFixed(4)}`);
    },
  );
  const weights = {
    raw: tensors.model,
    ...Object.fromEntries(EMA_GAMMAS.map((gamma, i) => [`ema${gamma}`, averageOf(tensors.ema, i)])),
  };
  const pixel_errors: Record<string, number[]> = {};
  for (const [kind, each] of Object.entries(weights)) {
    pixel_errors[kind] = await measurePixelErrors(engine, config, each, heldOutItems);
    await mkdir(options.weights, { recursive: true });
    await writeFile(join(options.weights, `${id}-${kind}.safetensors`), encodeSafetensors({ ...each }));
  }
  const pictures: Record<string, PictureMeasures> = {};
  for (const [name, changes] of Object.entries(SAMPLINGS)) {
    const model = { config, weights: averageOf(tensors.ema, 0) };
    pictures[name] = await measurePictures(
      await samplePortraits(engine, model, prompts, samplingWith(changes)),
      reference,
    );
  }
  const result: ArmResult = {
    arm: arm.name,
    seed,
    changes: arm.changes,
    ...(arm.later && { later: arm.later }),
    engine: `${name} ${precision}`,
    cost,
    updates,
    samples: updates * config.data.batch_size,
    cpu_seconds: cpuSeconds,
    losses,
    skipped,
    pixel_errors,
    pictures,
  };
  await writeResult(out, id, result);
  say(`${id}: ${JSON.stringify(pictures)} ${JSON.stringify(pixel_errors.ema10)}`);
  return result;
}

function interleave(planes: Uint8Array): RgbPixels {
  return toInterleaved({ data: planes, width: SIDE, height: SIDE });
}

function findArm(name: string): Arm {
  const arm = ARMS.find(each => each.name === name);
  if (arm) return arm;
  throw new Error(`--arms ${name}: expected some of ${ARMS.map(each => each.name).join(', ')}`);
}

function say(line: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
}
