/** @file Does it follow its prompts? Counted from the pixels of pictures for prompts that no training picture had. */
import { type Attribute, countRight, type KnownPortrait } from '../../data/portraits/checks.ts';
import type { RgbPixels } from '../../data/portraits/measure.ts';
import { freshPrompts } from '../../data/portraits/prompts.ts';
import { seamRatio, wilson } from '../../data/portraits/statistics.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { type ExperimentAnswer, resultAnswer } from './answers.ts';
import type { DemoPlan } from './options.ts';
import { readRealPortraits } from './real-portraits.ts';
import type { Terminal } from './terminal.ts';
import type { ToldApi } from './told-api.ts';

/** Pictures per call. */
const CALL = 64;
/** Of the prompts, and of the noise that the pictures start from. */
const SEED = 1;
export const GUIDANCE = 1.5;
export const EULER_STEPS = 25;

export interface Share {
  readonly share: number;
  /** Wilson's interval, 95 %. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

export interface Accuracy {
  readonly table: Readonly<Record<Attribute, { readonly samples: Share; readonly real: Share }>>;
  /** Gradient across patch borders over inside, as a ratio to that of real pictures. */
  readonly seams: number;
  readonly cached: boolean;
}

export async function measurePrompts(
  api: ToldApi,
  terminal: Terminal,
  plan: DemoPlan,
  experiment: ExperimentAnswer,
): Promise<Accuracy> {
  const { samples, cached } = await samplePortraits(api, terminal, plan, experiment);
  terminal.endProgress();
  const real = await readRealPortraits(api, plan.dataset, plan.prompts);
  if (real.length === 0)
    throw new Unprocessable('the set has no pictures aside from the trained ones', { hint: 'take more: --pictures' });
  return {
    table: compare(samples, real),
    seams: seamRatio(pixelsOf(samples), plan.patch) / seamRatio(pixelsOf(real), plan.patch),
    cached,
  };
}

/** One picture for each fresh prompt. */
async function samplePortraits(api: ToldApi, terminal: Terminal, plan: DemoPlan, experiment: ExperimentAnswer) {
  const prompts = freshPrompts(SEED, plan.prompts);
  const samples: KnownPortrait[] = [];
  let cached = true;
  for (let first = 0; first < prompts.length; first += CALL) {
    const part = prompts.slice(first, first + CALL);
    const body = {
      checkpoint: experiment.checkpoint,
      prompts: part.map(({ prompt }) => prompt),
      steps: EULER_STEPS,
      guidance: GUIDANCE,
      seed: SEED,
      first,
      engine: experiment.engine,
    };
    const number = String(first).padStart(3, '0');
    const answer = await api.run(
      '/functions/sample',
      body,
      ({ phase, done }) => {
        if (phase !== 'sample' || done === undefined) return;
        const drawn = first + (part.length * done) / EULER_STEPS;
        terminal.progress({ phase: 'sample', done: Math.floor(drawn), total: prompts.length, unit: 'pictures' });
      },
      `sample-${number}`,
    );
    cached &&= answer.cache === 'hit';
    const { pixels } = resultAnswer.parse(answer.result).outputs;
    if (pixels === undefined) throw new Unprocessable('sample answered without pixels');
    const pictures = cutPictures(await api.object(pixels.digest, `pixels-${number}.npy`, 'u8 [n, height, width, 3]'));
    for (const [i, { attributes }] of part.entries()) {
      const pixels = pictures[i];
      if (pixels) samples.push({ attributes, pixels });
    }
  }
  return { samples, cached };
}

/** npy u8 [n, height, width, 3] -> n pictures. */
function cutPictures(bytes: Uint8Array): RgbPixels[] {
  const { dtype, shape, data } = decodeNpy(bytes);
  const [count = 0, height = 0, width = 0] = shape;
  if (dtype !== 'u8')
    throw new Unprocessable(`pictures of ${dtype}[${shape}]`, { expected: 'u8[n, height, width, 3]' });
  const size = height * width * 3;
  return Array.from({ length: count }, (_, i) => ({ data: data.subarray(i * size, (i + 1) * size), width, height }));
}

function compare(samples: readonly KnownPortrait[], real: readonly KnownPortrait[]): Accuracy['table'] {
  const [ours, theirs] = [countRight(samples), countRight(real)];
  const row = (attribute: Attribute) => ({
    samples: shareOf(ours[attribute], samples.length),
    real: shareOf(theirs[attribute], real.length),
  });
  return { background: row('background'), clothes: row('clothes'), hair: row('hair'), glasses: row('glasses') };
}

function shareOf(right: number, count: number): Share {
  return { share: right / count, ...wilson(right, count), count };
}

function pixelsOf(portraits: readonly KnownPortrait[]): RgbPixels[] {
  return portraits.map(({ pixels }) => pixels);
}
