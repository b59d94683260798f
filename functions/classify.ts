/** @file Asks a classifier what it thinks of each picture: a number for each of its labels. */
import { z } from 'zod';
import { LONGEST_LABEL } from '../configs/classifier.ts';
import { PICTURE_NET_PARTS } from '../configs/picture-net.ts';
import { memberName } from '../configs/signals.ts';
import { Internal, InvalidInput } from '../errors.ts';
import { readDocument } from '../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { definePageFunction } from './define.ts';
import { requireEngine, runJob } from './execution/runner-job.ts';

const ENCODER = { name: 'onnx-classifier', version: 1 } as const;

const WEIGHT = 'sha256:0000000000000000000000000000000000000000000000000000000000000000';
const scoresSchema = z.record(z.string(), z.record(z.string(), z.number()));

export const classify = definePageFunction({
  name: 'classify',
  summary: 'Asks a classifier in an ONNX file for a score of each picture for each label, for rules of `select`.',
  version: 1,
  needs: ['image'],
  adds: ['scores'],
  usesEngine: true,
  usesWeights: true,
  leavesUnread: () => true,
  example: {
    dataset: 'portraits',
    labels: ['text', 'logo'],
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 },
    weights: { model: [WEIGHT], config: [WEIGHT] },
  },
  input: z.strictObject({
    labels: z
      .array(z.string().min(1).max(LONGEST_LABEL))
      .min(1)
      .optional()
      .describe('labels whose scores are kept; default: all'),
  }),
  async run(ctx, { items, digests }, { labels, engine, weights }) {
    if (digests.image === undefined) throw new Internal('classify ran on a page without the column image');
    const { outputs } = await runJob(ctx, {
      kind: 'encode',
      encoder: ENCODER.name,
      version: ENCODER.version,
      reads: 'image',
      options: {},
      weights: Object.fromEntries(
        PICTURE_NET_PARTS.map(part => {
          const digests = weights?.[part] ?? [];
          if (digests.length > 0) return [part, [...digests]];
          throw new InvalidInput(`a classifier needs its part "${part}"`, {
            expected: `weights with the parts ${PICTURE_NET_PARTS.join(', ')}: an ONNX file, and JSON that describes it`,
            hint: 'GET /models/NAME has the digests of a stored classifier',
          });
        }),
      ),
      column: digests.image,
      engine: requireEngine(engine),
    });
    const found = outputs.facts
      ? await readDocument(ctx.blobs, outputs.facts.digest, scoresSchema, 'scores of a classifier')
      : {};
    const members = items.flatMap(({ id }) => {
      const scores = found[id];
      if (scores === undefined) return [];
      const member = canonicalJson({ v: 1, scores: pickLabels(scores, labels) });
      return [[memberName('scores', id), Buffer.from(member)] as const];
    });
    return { columns: { scores: new Map(members) } };
  },
});

/** @throws InvalidInput naming a label that the classifier does not have. */
function pickLabels(scores: Readonly<Record<string, number>>, labels: readonly string[] | undefined) {
  if (labels === undefined) return { ...scores };
  return Object.fromEntries(
    labels.map(label => {
      const score = Object.hasOwn(scores, label) ? scores[label] : undefined;
      if (score !== undefined) return [label, score];
      throw new InvalidInput(`the classifier has no label "${label}"`, {
        expected: `one of: ${Object.keys(scores).slice(0, 20).join(', ')}`,
      });
    }),
  );
}
