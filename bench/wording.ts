/**
 * @file How a model that reads captions by `words`, or by `minilm-l6`, follows prompts in wordings that no caption has.
 * Each arm is a training as long as the demo's: one encoder, with the captions of the portraits alone, or with three
 * further captions of each in other forms (data/portraits/wordings.ts). Pictures for 256 prompts worded as the captions
 * and for 256 free ones are measured; the attributes of both are the same, and so is the noise. Results are files in
 * `--out`; the same command goes on with the arms that are missing.
 *
 * `node bench/wording.ts --wheels DIR [--arms words,minilm-l6,words-varied,minilm-l6-varied] [--seeds 1]
 * [--samples 22000] [--engine openvino/cpu] [--precision bf16] [--threads N] [--out bench/results/wording] [--json]`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { loadPreset, overrideConfig } from '../configs/presets.ts';
import { type KeyedConfig, keyedConfig } from '../configs/schema.ts';
import { countRight } from '../data/portraits/checks.ts';
import { freshPrompts } from '../data/portraits/prompts.ts';
import { wilson } from '../data/portraits/statistics.ts';
import { freePrompts } from '../data/portraits/wordings.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { CONDITIONS, PATCH, SIDE } from './recipe/portraits.ts';
import { readResult, writeResult } from './recipe/results.ts';
import { BENCH_ENCODERS, type BenchEncoder } from './wording/encode-texts.ts';
import { drawItems } from './wording/items.ts';
import { samplePrompts } from './wording/sample-prompts.ts';
import { trainOn } from './wording/train-on.ts';

const { values: options } = parseArgs({
  options: {
    arms: { type: 'string', default: 'words,minilm-l6,words-varied,minilm-l6-varied' },
    seeds: { type: 'string', default: '1' },
    samples: { type: 'string', default: '22000' },
    prompts: { type: 'string', default: '256' },
    pictures: { type: 'string', default: '5400' },
    engine: { type: 'string', default: 'openvino/cpu' },
    precision: { type: 'string', default: 'bf16' },
    threads: { type: 'string', default: String(availableParallelism()) },
    wheels: { type: 'string', default: process.env.EASEL_WHEELS ?? '.' },
    out: { type: 'string', default: 'bench/results/wording' },
    json: { type: 'boolean', default: false },
  },
});

/** Of the set, the prompts and the noise, as the demo has it. */
const SEED = 1;
const VARIED = '-varied';
const { prompts: _, weights: __, ...settings } = (await loadPreset('portraits')).run.preview;
/** Settings of the demo's measurement. */
const SAMPLING = { ...settings, seed: SEED };

const { engine: name, precision } = options;
const engine = await openEngine(engineSpecSchema.parse({ name, precision, threads: Number(options.threads) }));
const count = Number(options.prompts);
const sets = { captions: freshPrompts(SEED, count), free: freePrompts(SEED, count) };

for (const seed of options.seeds.split(',').map(Number)) {
  for (const arm of options.arms.split(',')) report(await runArm(arm, seed));
}
process.exit(0);

interface WordingResult {
  readonly arm: string;
  readonly seed: number;
  readonly samples: number;
  readonly engine: string;
  readonly cpu_seconds: number;
  readonly losses: readonly number[];
  /** By wording of the prompts: pictures of `count` that show each attribute. */
  readonly right: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly count: number;
}

async function runArm(arm: string, seed: number): Promise<WordingResult> {
  const id = `${arm}-seed${seed}`;
  const known = await readResult<WordingResult>(options.out, id);
  if (known) return known;
  const isVaried = arm.endsWith(VARIED);
  const open = BENCH_ENCODERS[isVaried ? arm.slice(0, -VARIED.length) : arm];
  if (open === undefined) throw new Error(`--arms ${arm}: expected some of ${Object.keys(BENCH_ENCODERS).join(', ')}`);
  const encoder = await open(engine, options.wheels);
  const config = await configOf(encoder, seed, isVaried);
  say(`${id}: drawing and encoding`);
  const items = await drawItems(encoder, { seed: SEED, count: Number(options.pictures), isVaried });
  const { average, losses, cpuSeconds } = await trainOn(engine, config, items, (step, loss) => {
    if (step % 25 === 0)
      say(
        `${id}: ${step} of ${Math.ceil(config.optimizer.total_samples / config.data.batch_size)}, loss ${loss.toFixed(4)}`,
      );
  });
  const right: Record<string, Record<string, number>> = {};
  for (const [wording, prompts] of Object.entries(sets)) {
    right[wording] = countRight(await samplePrompts(engine, config, average, encoder, prompts, SAMPLING));
    say(`${id}: ${wording} ${JSON.stringify(right[wording])} of ${count}`);
  }
  const samples = config.optimizer.total_samples;
  const result = { arm, seed, samples, engine: `${name} ${precision}`, cpu_seconds: cpuSeconds, losses, right, count };
  await writeResult(options.out, id, result);
  return result;
}

/** The preset of the demo with another text encoder. */
async function configOf(
  { name: encoder, dim, tokens }: BenchEncoder,
  seed: number,
  isVaried: boolean,
): Promise<KeyedConfig> {
  const total_samples = Number(options.samples);
  return keyedConfig(
    overrideConfig(await loadPreset('portraits'), {
      seed,
      model: { tokens_per_side: SIDE / PATCH, conditions: { ...CONDITIONS, text: { encoder, dim, tokens } } },
      optimizer: { total_samples, warmup_samples: Math.min(2900, Math.floor(total_samples / 8)) },
      data: { image_size: { width: SIDE, height: SIDE }, ...(isVaried && { caption_variants: 'all' }) },
    }),
  );
}

function report({ arm, seed, samples, engine: on, right, count: of }: WordingResult): void {
  for (const [wording, shown] of Object.entries(right)) {
    const shares = Object.fromEntries(Object.entries(shown).map(([attribute, n]) => [attribute, n / of]));
    if (options.json)
      console.log(JSON.stringify({ bench: 'wording', arm, seed, wording, engine: on, samples, ...shares }));
    else {
      const told = Object.entries(shown).map(([attribute, n]) => {
        const { low, high } = wilson(n, of);
        return `${attribute} ${(100 * (n / of)).toFixed(1)} % (${(100 * low).toFixed(0)}-${(100 * high).toFixed(0)})`;
      });
      console.log(`${arm}, seed ${seed}, prompts ${wording}: ${told.join(', ')}`);
    }
  }
}

function say(line: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
}
