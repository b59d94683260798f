/** @file A small document of compared runs with all that a page shows: two arms of two seeds, previews, losses. */
import { configSchema } from '../../../configs/schema.ts';
import { putDocument } from '../../../storage/blobs/document-blobs.ts';
import { type Digest, digestOf } from '../../../storage/digest.ts';
import type { BlobStore } from '../../../storage/types.ts';
import { encodePng } from '../../pictures/image.ts';
import type { ComparedRun, ComparedRuns } from '../compared-runs.ts';

const STEPS = [1, 2, 3, 4];
const ENGINE = { name: 'reference', precision: 'f32', threads: 1 } as const;

export async function putComparedRuns(blobs: BlobStore): Promise<Digest> {
  const arms = await Promise.all(
    [1, 2].map(async rate => ({
      name: `rate ${rate}`,
      runs: await Promise.all([0, 1].map(seed => putRun(blobs, rate, seed))),
    })),
  );
  const document: ComparedRuns = {
    v: 1,
    kind: 'compared-runs',
    title: 'Two <rates>',
    arms,
    questions: [{ question: 'Which is faster?', base: 'rate 1', arm: 'rate 2', measures: ['loss', 'speed'] }],
    links: [],
  };
  return (await putDocument(blobs, document)).digest;
}

/** A run of four steps with a preview and a loss on held-out pictures. */
export async function putRun(blobs: BlobStore, rate: number, seed: number): Promise<ComparedRun> {
  const config = configSchema.parse({
    seed,
    model: { hidden_size: 16, depth: 1, num_heads: 1, patch_size: 8, patch_overlap: 0 },
    optimizer: { learning_rate: rate / 1000, total_samples: 32, warmup_samples: 0 },
    data: { batch_size: 8, image_size: { width: 16, height: 16 } },
  });
  const rows = STEPS.map(step => JSON.stringify({ step, samples: 8 * step, loss: (1 + seed / 50) / (rate * step) }));
  const picture = await encodePng({ data: new Uint8Array(768).fill(100 * rate + seed), width: 16, height: 16 });
  const image = await blobs.put(picture, 'image/png');
  const checkpoint = digestOf(`${rate} ${seed}`);
  const preview = await putDocument(blobs, {
    ...{ v: 1, kind: 'previews', checkpoint, steps: 2, seed: 0 },
    pictures: [{ prompt: 'a hat', image: { ...image } }],
    links: [image.digest],
  });
  const validation = await putDocument(blobs, {
    ...{ v: 1, kind: 'validation', checkpoint, times: [0.5], links: [] },
    held_out: { loss: (1 + seed / 100) / rate, by_time: [1], velocity_norm: 1, pictures: 4 },
  });
  return {
    experiment: `rate-${rate}-${seed}`,
    seed,
    state: 'done',
    target: 32,
    config: (await putDocument(blobs, config)).digest,
    dataset: digestOf('a dataset'),
    engine: ENGINE,
    plan: { micro_batch: 8, gradient_checkpointing: false },
    chunks: [
      {
        from: 0,
        to: 4,
        log: (await blobs.put(Buffer.from(`${rows.join('\n')}\n`), 'application/jsonl')).digest,
        metrics: { 'sys/iter_per_sec': rate, 'sys/cpu_seconds_per_iter': 2 / rate, 'memory/rss_gb': 0.5 },
        artifacts: { preview: preview.digest, validation: validation.digest },
      },
    ],
  };
}
