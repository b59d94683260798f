/** @file How well pictures fit their captions, by a model that is asked whether it sees what a caption says. */
import { z } from 'zod';
import { onlyOllamaTellsDigests } from '../configs/asked-model.ts';
import { fillQuestion, noModel, VQA_QUESTION, vqaShape } from '../configs/vqa-options.ts';
import type { VqaScores } from '../configs/vqa-scores.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { digestOf } from '../storage/digest.ts';
import { mapBounded } from '../storage/map-bounded.ts';
import { PAGE_SIZE } from '../storage/records.ts';
import { readYes } from './captions/read-yes.ts';
import { defineFunction, type PureContext } from './define.ts';
import { captionedShape, readCaptioned } from './evaluation/captioned-pictures.ts';
import { readPictures } from './evaluation/describe-pictures.ts';
import { encodePng } from './pictures/image.ts';
import type { PlanarImage } from './pictures/planar.ts';

/** Yes or no, and room for a remark that is not read. */
const MAX_TOKENS = 16;

/** An answer as it is kept. */
const pieceSchema = z.strictObject({
  v: z.literal(1),
  /** In [0, 1]; null: neither yes nor no. */
  yes: z.number().nullable(),
  by: z.enum(['probability', 'text', 'unclear']),
  model_digest: z.string().optional(),
  links: z.tuple([]),
});
type Answer = z.output<typeof pieceSchema>;

export const vqaScore = defineFunction({
  name: 'vqa-score',
  summary:
    'Asks a model of Ollama or of an OpenAI-compatible server whether each picture shows what its caption says, and ' +
    'what the caption of another picture says. Each answer is kept: the first one stands. Output scores (JSON).',
  version: 1,
  kind: 'pure',
  digests: { drawn: 'blob', dataset: 'dataset', pictures: 'blob' },
  example: { drawn: `sha256:${'0'.repeat(64)}`, source: 'ollama', model: 'gemma3:27b' },
  input: z
    .strictObject({
      ...captionedShape,
      ...vqaShape,
      most: z.int().min(1).max(PAGE_SIZE).optional().describe('pictures that are asked about, the first ones'),
    })
    .refine(onlyOllamaTellsDigests.check, onlyOllamaTellsDigests.params),
  async run(ctx, { drawn, pictures: given, dataset, most, source, model, model_digest, question = VQA_QUESTION }) {
    if (model === undefined) throw noModel(source);
    const { column, captions, all } = await readCaptioned(ctx.blobs, { drawn, pictures: given, dataset });
    const pairs = readPictures(await ctx.blobs.get(column)).flatMap(({ id, picture }) => {
      const right = captions.get(id);
      const distractor = right === undefined ? undefined : chooseDistractor(id, right, all);
      return right === undefined || distractor === undefined ? [] : [{ id, picture, right, distractor }];
    });
    const asked = pairs.slice(0, most);
    const digests = new Set<string>();
    const answers = { probability: 0, text: 0, unclear: 0 };
    let done = 0;
    const items = await mapBounded(
      asked,
      { width: ctx.describer.concurrency, signal: ctx.signal },
      async ({ id, picture, ...texts }) => {
        const ask = askAbout(ctx, picture, { source, model, model_digest });
        const [right, distractor] = [
          await ask(fillQuestion(question, texts.right)),
          await ask(fillQuestion(question, texts.distractor)),
        ];
        for (const { by, model_digest: digest } of [right, distractor]) {
          answers[by]++;
          if (digest !== undefined) digests.add(digest);
        }
        ctx.progress({ phase: `answers of ${model}`, done: ++done, total: asked.length, unit: 'pictures' });
        return { id, right: right.yes, distractor: distractor.yes };
      },
    );
    const document: VqaScores = {
      ...{ v: 1, kind: 'vqa-score', source, model, model_digests: [...digests].sort(), question, pictures: column },
      ...(drawn && { drawn }),
      ...{ items, answers, links: [drawn ?? column] },
    };
    return { outputs: { scores: await putDocument(ctx.blobs, document) }, stats: { pictures: items.length } };
  },
});

/** A caption of the dataset that says something else: the same for all pictures of this id. */
function chooseDistractor(id: string, right: string, all: readonly string[]): string | undefined {
  const others = all.filter(text => text.trim() !== right.trim());
  return others[Number.parseInt(digestOf(id).slice(-8), 16) % others.length];
}

interface Asked {
  readonly source: 'ollama' | 'openai';
  readonly model: string;
  readonly model_digest: string | undefined;
}

/** The PNG is made for the first question that has no answer yet. */
function askAbout(ctx: PureContext, picture: PlanarImage, { source, model, model_digest }: Asked) {
  const { data, width, height } = picture;
  const digest = digestOf(Buffer.concat([Buffer.from(canonicalJson([width, height])), data]));
  let png: Promise<Uint8Array> | undefined;
  return async (prompt: string): Promise<Answer> => {
    const params = { picture: digest, source, model, ...(model_digest !== undefined && { model_digest }), prompt };
    const kept = await ctx.piece(params, async () => {
      png ??= encodePng(picture);
      const request = { source, model, modelDigest: model_digest, prompt, png: await png, maxTokens: MAX_TOKENS };
      const description = await ctx.describer.describe(
        { ...request, temperature: 0, seed: 1, likelihoods: true },
        ctx.signal,
        message => ctx.progress({ phase: `answers of ${model}`, message }),
      );
      const { yes, by } = readYes(description);
      const told = description.modelDigest;
      return { v: 1, yes: yes ?? null, by, ...(told !== undefined && { model_digest: told }), links: [] };
    });
    return pieceSchema.parse(kept);
  };
}
