/**
 * @file Speed at which pictures of a dataset are read from columns into batches, in bytes of tensors per second of the
 * processor: from pages in memory, and from the disk, whose files the system has in its cache.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openColumnSource } from '../../gpu-runner/jobs/column-source.ts';
import { packItems } from '../../gpu-runner/process/packed-batch.ts';
import type { TrainingSource } from '../../gpu-runner/training/source.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { openStore } from '../../storage/open.ts';
import { LARGE_SHAPE, type PictureShape, SMALL_SHAPE, writeDatasets } from './data-set.ts';

const BATCH = 8;
/** Coprime to the numbers of pictures: visits each once, and neighbours lie on different pages. */
const STRIDE = 389;

const CASES: readonly (readonly [shape: PictureShape, pictures: number])[] = [
  [SMALL_SHAPE, 1024],
  [LARGE_SHAPE, 64],
];

/** Shares of the data that may be kept in memory. */
const BUDGETS = { memory: 2, 'disk, but small columns': 0.15, disk: 0 } as const;

export interface ColumnRow {
  readonly bench: 'columns';
  readonly net: string;
  /** Where the bytes come from. */
  readonly from: keyof typeof BUDGETS;
  /** Of the processor. */
  readonly ms_per_picture: number;
  readonly kb_per_picture: number;
  readonly gb_per_processor_s: number;
}

/** @param folder Where a folder for the data is made, and deleted. */
export async function measureColumns(folder: string, rounds: number, report: (row: ColumnRow) => void): Promise<void> {
  for (const [shape, pictures] of CASES) {
    const path = await mkdtemp(join(folder, 'easel-columns-'));
    try {
      const [dataset] = await writeDatasets(`file:${path}`, [pictures], shape);
      if (dataset === undefined) throw new Error('no dataset was written');
      // As the thread of the gpu-runner that reads.
      const store = await openStore(`file:${path}`, { mayBlock: true });
      for (const [from, share] of Object.entries(BUDGETS) as [keyof typeof BUDGETS, number][]) {
        const budgetBytes = share * pictures * bytesOf(shape);
        const signals = ['text', 'cls', 'patches', 'pose'] as const;
        const source = await openColumnSource(createBlobStore(store), { dataset, signals, budgetBytes }, () => {});
        const { ms, bytes } = await readFastest(source, rounds);
        report({
          bench: 'columns',
          net: `${shape.side} px with all signals`,
          from,
          ms_per_picture: Number((ms / pictures).toFixed(3)),
          kb_per_picture: Math.round(bytes / pictures / 1000),
          gb_per_processor_s: Number((bytes / ms / 1e6).toFixed(2)),
        });
      }
      await store.close();
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  }
}

/** About: the pixels, captions and patches of a picture. */
function bytesOf({ side, tokens, textDim, patchDim }: PictureShape): number {
  return side * side * (3 + (2 * patchDim) / 256) + 2 * tokens * textDim;
}

/** The fastest of `rounds` epochs, after one that does not count. */
async function readFastest(source: TrainingSource, rounds: number) {
  let fastest = Number.POSITIVE_INFINITY;
  let bytes = 0;
  for (let round = -1; round < rounds; round++) {
    const used = process.cpuUsage();
    bytes = await readEpoch(source);
    const { user, system } = process.cpuUsage(used);
    if (round >= 0) fastest = Math.min(fastest, (user + system) / 1000);
  }
  return { ms: fastest, bytes };
}

async function readEpoch({ index: { ids }, load }: TrainingSource): Promise<number> {
  const order = ids.map((_, i) => (i * STRIDE) % ids.length);
  let bytes = 0;
  for (let at = 0; at < order.length; at += BATCH) {
    const { buffers } = packItems(await load(order.slice(at, at + BATCH)));
    bytes += buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
  return bytes;
}
