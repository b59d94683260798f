/** @file As much of the server's answers as the demo reads. */
import { z } from 'zod';

export const healthAnswer = z.looseObject({ store: z.string() });

const counts = z.looseObject({ total: z.int(), computed: z.int(), cached: z.int() });
export const prepareAnswer = z.looseObject({
  digest: z.string(),
  stages: z.record(z.string(), z.looseObject({ pages: counts, items: counts })),
  counts: z.record(z.string(), z.int()),
});

export const experimentAnswer = z.looseObject({
  name: z.string(),
  state: z.string(),
  step: z.int(),
  steps: z.int(),
  samples: z.int(),
  target: z.int(),
  checkpoint: z.string().optional(),
  /** Handed on as it is. */
  engine: z.looseObject({ name: z.string(), precision: z.string(), threads: z.int() }),
  checkpoints: z.array(z.looseObject({ step: z.int(), result: z.string() })),
});
export type ExperimentAnswer = z.infer<typeof experimentAnswer>;

const preview = z.looseObject({
  step: z.int(),
  steps: z.int(),
  guidance: z.number(),
  pictures: z.array(z.looseObject({ prompt: z.string(), digest: z.string(), url: z.string() })),
});
export type Preview = z.infer<typeof preview>;
export const previewsAnswer = z.looseObject({ previews: z.array(preview) });

/** The result of a pure function. */
export const resultAnswer = z.looseObject({
  outputs: z.record(z.string(), z.looseObject({ digest: z.string() })),
});

/** GET /runs/<action> of a train-chunk. */
export const chunkRunAnswer = z.looseObject({
  result: z.looseObject({ stats: z.looseObject({ samples_per_second: z.number() }) }),
});

export const datasetNameAnswer = z.looseObject({ dataset: z.string() });

/** A dataset, as it is stored. */
export const datasetDocument = z.looseObject({
  pages: z.array(
    z.looseObject({ items: z.string(), columns: z.looseObject({ image: z.string(), pose: z.string().optional() }) }),
  ),
  removed: z.array(z.string()),
});

/** A line of a page's items. */
export const itemLine = z.looseObject({
  id: z.string(),
  split: z.string().optional(),
  attributes: z.record(z.string(), z.json()),
});
