/**
 * @file Speed of import, inspect and bucket on photographs of 2 megapixels, beside what the original project does with
 * Pillow in one process: decode, scale, crop, and save as float16.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { runPython } from '../torch-peer.ts';
import { linkFirst, runPhotographs } from './photograph-run.ts';

const STAGES = ['import', 'inspect', 'bucket'];
const SIZES = [256, 1024];

export interface ImportOptions {
  /** Keeps the photographs, so that they are drawn once. It is made if it is missing. */
  readonly folder: string;
  readonly pictures: number;
  /** Sides of the square bucket in pixels; default: 256 and 1,024. */
  readonly sizes?: readonly number[];
  readonly port: number;
  readonly hasPeer: boolean;
}

export interface ImportRow {
  readonly bench: 'import';
  readonly net: string;
  readonly stages: string;
  /** Of the processor, all stages together. */
  readonly processor_ms_per_picture: number;
  readonly pictures_per_second: number;
  readonly peer?: 'pillow';
  readonly peer_processor_ms_per_picture?: number;
  readonly peer_pictures_per_second?: number;
  /** Pictures in a second of one core, ours over those of the peer. */
  readonly ratio?: number;
  /** By the clock. */
  readonly ratio_by_clock?: number;
  /** Of a machine whose cores have nothing else to do: the peer has one process. */
  readonly ratio_on_all_cores?: number;
}

const peerSchema = z.strictObject({ ms: z.number(), cpu_ms: z.number() });

export async function measureImport(options: ImportOptions, report: (row: ImportRow) => void): Promise<void> {
  const { folder, pictures, sizes = SIZES, port, hasPeer } = options;
  await mkdir(folder, { recursive: true });
  for (const size of sizes) {
    const store = await mkdtemp(join(folder, 'store-'));
    try {
      const { stages } = await runPhotographs(store, [{ pictures, size }], { folder, port, log: () => {} });
      const own = stages.filter(({ name }) => STAGES.includes(name));
      const ours = { ms: 0, cpu_ms: 0 };
      for (const { ms, processorMs } of own) {
        ours.ms += ms / pictures;
        ours.cpu_ms += processorMs / pictures;
      }
      const peer = hasPeer ? await timePillow(await linkFirst(folder, pictures), size) : undefined;
      const told = own.map(({ name, processorMs }) => `${name} ${round(processorMs / pictures)}`);
      report({
        bench: 'import',
        net: `${pictures} photographs to ${size} px`,
        stages: told.join(', '),
        processor_ms_per_picture: round(ours.cpu_ms),
        pictures_per_second: round(1000 / ours.ms),
        ...(peer && {
          peer: 'pillow',
          peer_processor_ms_per_picture: round(peer.cpu_ms),
          peer_pictures_per_second: round(1000 / peer.ms),
          ratio: round(peer.cpu_ms / ours.cpu_ms),
          ratio_by_clock: round(peer.ms / ours.ms),
          ratio_on_all_cores: round((availableParallelism() * peer.cpu_ms) / ours.cpu_ms),
        }),
      });
    } finally {
      await rm(store, { recursive: true, force: true });
    }
  }
}

/** For one picture. */
async function timePillow(folder: string, size: number): Promise<z.infer<typeof peerSchema> | undefined> {
  const { lines, errors, status } = await runPython('import_pillow.py', ['--folder', folder, '--size', String(size)]);
  if (status !== 0) console.error(`the peer did not run: ${errors.split('\n').at(-1)}; pip install pillow numpy`);
  return lines[0] === undefined ? undefined : peerSchema.parse(JSON.parse(lines[0]));
}

const round = (value: number) => Number(value.toPrecision(3));
