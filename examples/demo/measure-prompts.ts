/** @file Does it follow its prompts? Counted from the pixels of pictures for prompts that no training picture had. */
import { loadPreset } from '../../configs/presets.ts';
import type { Sampling } from '../../configs/sampling.ts';
import type { RgbPixels } from '../../data/pixels.ts';
import { seamRatio, wilson } from '../../data/portraits/statistics.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { type ExperimentAnswer, resultAnswer } from './answers.ts';
import type { DemoPlan } from './options.ts';
import { readRealPictures } from './real-pictures.ts';
import type { Asked, DemoSet, KnownPicture, MeasuredRow } from './sets/demo-set.ts';
import type { Terminal } from './terminal.ts';
import type { ToldApi } from './told-api.ts';

/** Pictures per call. */
const CALL = 64;
/** Of the noise that the pictures start from. */
const SEED = 1;

export interface Share {
  readonly share: number;
  /** Wilson's interval, 95 %. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/** A row of the table: the share of pictures, or of joints, that show what was asked for. */
export interface AccuracyRow {
  readonly key: string;
  readonly label: string;
  readonly samples: Share;
  readonly real: Share;
  /** For prompts in a wording that no caption has. */
  readonly free?: Share;
}

export interface Accuracy {
  readonly rows: readonly AccuracyRow[];
  /** Pictures that were counted. */
  readonly counts: { readonly samples: number; readonly real: number };
  /** A prompt in a wording that no caption has, if such prompts were measured. */
  readonly freePrompt?: string;
  /** Gradient across patch borders over inside, as a ratio to that of real pictures. */
  readonly seams: number;
  readonly cached: boolean;
  /** With the digests of their PNGs. */
  readonly samples: readonly Sampled[];
}

export interface Sampled extends KnownPicture {
  readonly image: string;
}

/** How pictures are drawn: the settings of the preset's previews, from other noise. */
export async function samplingOf({ preset }: DemoSet): Promise<Sampling> {
  const { prompts: _, weights: __, ...settings } = (await loadPreset(preset)).run.preview;
  return { ...settings, seed: SEED };
}

export function describeSampling({ steps, solver, guidance, guidance_interval: interval }: Sampling): string {
  const when = interval ? ` at times of ${interval.join(' to ')}` : '';
  return `guidance ${guidance}${when}, ${steps} ${solver} steps`;
}

export async function measurePrompts(
  api: ToldApi,
  terminal: Terminal,
  plan: DemoPlan,
  experiment: ExperimentAnswer,
  sampling: Sampling,
): Promise<Accuracy> {
  const { set } = plan;
  const real = await readRealPictures(api, plan.dataset, plan.prompts);
  if (real.length === 0)
    throw new Unprocessable('the set has no pictures aside from the trained ones', { hint: 'take more: --pictures' });
  const draw = (asked: readonly Asked[], name: string) => drawAsked(api, terminal, asked, experiment, sampling, name);
  const { samples, cached } = await draw(set.ask(plan.prompts, real), '');
  const free = plan.asksFreely && set.worded ? await draw(set.worded.askFreely(plan.prompts), 'free-') : undefined;
  terminal.endProgress();
  const share = ({ count }: MeasuredRow, pictures: readonly KnownPicture[]) => {
    const { right, of } = count(pictures);
    return { share: right / of, ...wilson(right, of), count: of };
  };
  const [first] = free?.samples ?? [];
  return {
    rows: set.rows.map(row => ({
      key: row.key,
      label: row.label,
      samples: share(row, samples),
      real: share(row, real),
      ...(free && { free: share(row, free.samples) }),
    })),
    counts: { samples: samples.length, real: real.length },
    ...(first && { freePrompt: first.caption }),
    seams: seamRatio(pixelsOf(samples), plan.patch) / seamRatio(pixelsOf(real), plan.patch),
    cached: cached && free?.cached !== false,
    samples,
  };
}

/** One picture for each prompt, with its pose if there is one. @param name Of the files that the calls write. */
async function drawAsked(
  api: ToldApi,
  terminal: Terminal,
  asked: readonly Asked[],
  experiment: ExperimentAnswer,
  sampling: Sampling,
  name: string,
) {
  const samples: Sampled[] = [];
  let cached = true;
  for (let first = 0; first < asked.length; first += CALL) {
    const part = asked.slice(first, first + CALL);
    const poses = part.flatMap(({ pose }) => (pose ? [listJoints(pose)] : []));
    const body = {
      checkpoint: experiment.checkpoint,
      prompts: part.map(({ caption }) => caption),
      ...(poses.length > 0 && { poses }),
      ...sampling,
      first,
      engine: experiment.engine,
    };
    const number = `${name}${String(first).padStart(3, '0')}`;
    const answer = await api.run(
      '/functions/sample',
      body,
      ({ phase, done }) => {
        if (phase !== 'sample' || done === undefined) return;
        const drawn = first + (part.length * done) / sampling.steps;
        terminal.progress({ phase: 'sample', done: Math.floor(drawn), total: asked.length, unit: 'pictures' });
      },
      `sample-${number}`,
    );
    cached &&= answer.cache === 'hit';
    const { outputs } = resultAnswer.parse(answer.result);
    if (outputs.pixels === undefined) throw new Unprocessable('sample answered without pixels');
    const bytes = await api.object(outputs.pixels.digest, `pixels-${number}.npy`, 'u8 [n, height, width, 3]');
    const pictures = cutPictures(bytes);
    for (const [i, each] of part.entries()) {
      const [pixels, image] = [pictures[i], outputs[`image_${String(i).padStart(3, '0')}`]];
      if (pixels && image) samples.push({ ...each, pixels, image: image.digest });
    }
  }
  return { samples, cached };
}

/** [133, (x, y, confidence)], rounded far finer than a pixel. */
function listJoints(pose: Float32Array): number[][] {
  return Array.from({ length: pose.length / 3 }, (_, i) =>
    Array.from(pose.subarray(3 * i, 3 * i + 3), value => Number(value.toFixed(4))),
  );
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

function pixelsOf(pictures: readonly KnownPicture[]): RgbPixels[] {
  return pictures.map(({ pixels }) => pixels);
}
