/**
 * @file Whether a sample fits into the memory that is free, before it begins. A bound decides most cases at once; what
 * it leaves open is predicted from the graph, in about a second.
 */
import { isOnCpu } from '../../configs/engines.ts';
import { gibibytes } from '../../configs/gibibytes.ts';
import { type MachineMemory, readMachineMemory } from '../../configs/machine-memory.ts';
import { MOST_PER_RUN, mostSamplingBytes } from '../../configs/model-size.ts';
import type { ModelConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import type { EngineSpec } from '../../storage/records.ts';
import { openPlanner } from '../planning/planners.ts';
import { samplingPeak, samplingProgram } from '../planning/programs.ts';

/** A sample is refused only if its prediction is above the free memory by this factor. Measured: 0.95 to 1.2. */
export const MARGIN = 1.5;
/** Smaller samples that are tried for the error, each by this factor smaller than the last. */
const OFFERS = 6;
const STEP = 0.8;

export interface SampleSize {
  readonly width: number;
  readonly height: number;
  readonly textTokens: number;
  /** Number of prompts. */
  readonly pictures: number;
}

/**
 * Checks engines on the CPU: the compiler of a card knows its own memory.
 * @param loadedBytes Weights of the model, which are in memory already.
 * @throws Unprocessable with both numbers, and with what would fit.
 */
export async function checkSample(
  model: ModelConfig,
  size: SampleSize,
  engine: EngineSpec,
  loadedBytes: number,
  { free, limit }: MachineMemory = readMachineMemory(),
): Promise<void> {
  if (free === undefined || !isOnCpu(engine.name) || mostSamplingBytes(model, size, size.pictures) <= free) return;
  const planner = await openPlanner(engine.name, { precision: engine.precision, quick: true });
  const predictNeed = async ({ pictures, ...frame }: SampleSize) => {
    const shape = { ...frame, batch: Math.min(MOST_PER_RUN, pictures) };
    return (await samplingPeak(planner, samplingProgram(model, shape, planner))) - loadedBytes;
  };
  const needed = await predictNeed(size);
  if (needed <= free * MARGIN) return;
  const { width, height, pictures } = size;
  const fits = async (smaller: SampleSize) => (await predictNeed(smaller)) <= free;
  const hint = await offerSize(model, size, needed / free, fits);
  throw new Unprocessable(
    `${pictures === 1 ? 'a picture takes' : `${pictures} pictures take`} about ${gibibytes(needed)} of memory at ` +
      `${width} x ${height} pixels, and ${gibibytes(free)} of ${gibibytes(limit)} are free`,
    { expected: `a sample of at most ${gibibytes(free)}`, ...(hint !== undefined && { hint }) },
  );
}

/**
 * The first smaller sample that fits, in words: fewer prompts, then smaller pictures.
 * @param excess What the sample needs, divided by what is free.
 */
async function offerSize(
  { patch_size: patch }: ModelConfig,
  size: SampleSize,
  excess: number,
  fits: (smaller: SampleSize) => Promise<boolean>,
): Promise<string | undefined> {
  const batch = Math.min(MOST_PER_RUN, size.pictures);
  for (let i = 0, prompts = batch / excess; i < OFFERS && prompts >= 1; i++, prompts *= STEP) {
    const pictures = Math.floor(prompts);
    if (await fits({ ...size, pictures }))
      return pictures === 1 ? '1 prompt fits' : `${pictures} prompts at a time fit`;
  }
  const shrink = (side: number, scale: number) => Math.max(1, Math.floor((side * scale) / patch)) * patch;
  // The scores of attention grow with the fourth power of the side.
  for (let i = 0, scale = Math.min(1, batch / excess) ** 0.25; i < OFFERS; i++, scale *= STEP) {
    const smaller = { ...size, pictures: 1, width: shrink(size.width, scale), height: shrink(size.height, scale) };
    if (await fits(smaller)) return `one picture of ${smaller.width} x ${smaller.height} fits`;
  }
  return undefined;
}
