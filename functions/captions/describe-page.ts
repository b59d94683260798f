/** @file The captions that a model writes for the pictures of a page. Each caption is kept as soon as it is there. */
import { z } from 'zod';
import { memberName } from '../../configs/signals.ts';
import { Internal } from '../../errors.ts';
import { openColumn } from '../../storage/blobs/read-column.ts';
import { digestOf } from '../../storage/digest.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Item } from '../../storage/records.ts';
import type { CaptionSource, PageContext, PageInput } from '../define.ts';
import type { NotedItem } from '../notes/notes.ts';
import { encodePng } from '../pictures/image.ts';
import { readPixels } from '../pictures/planar.ts';
import type { CompleteOptions } from './caption-options.ts';
import { readAnswer } from './judge-caption.ts';
import { fillPrompt } from './prompt.ts';

export interface DescribeOptions extends CompleteOptions {
  readonly source: CaptionSource;
  readonly model: string;
  readonly model_digest?: string | undefined;
}

/** Seeds of a variant: more than there are attempts. */
const SEEDS_OF_VARIANT = 1000;

export interface DescribedPage {
  /** By id of a picture: its captions, all that are good. */
  readonly captions: ReadonlyMap<string, readonly string[]>;
  /** Pictures that have fewer captions than were asked for, with the reason; amount: captions that are missing. */
  readonly refused: readonly NotedItem[];
  /** Digests that the server told of the model. */
  readonly modelDigests: readonly string[];
}

class Refused extends Error {}

/** One caption as it is kept. */
const pieceSchema = z.strictObject({
  v: z.literal(1),
  caption: z.string(),
  /** Absent: the server did not tell it. */
  model_digest: z.string().optional(),
  links: z.tuple([]),
});

/** @param items The pictures to describe, of the page. @param said The caption that a picture has already. */
export async function describePage(
  ctx: PageContext,
  { digests }: PageInput,
  items: readonly Item[],
  said: (item: Item) => string,
  options: DescribeOptions,
): Promise<DescribedPage> {
  if (digests.image === undefined) throw new Internal('a picture is described on a page without the column image');
  const column = await openColumn(ctx.blobs, digests.image);
  const modelDigests = new Set<string>();
  const refused: NotedItem[] = [];
  let done = 0;

  async function describeItem(item: Item): Promise<readonly [string, string[]]> {
    const member = await column.read(memberName('image', item.id));
    if (member === undefined) throw new Internal(`the page has no picture of "${item.name}" (${item.id})`);
    const asked = askAbout(ctx, member, said(item), options, digest => modelDigests.add(digest));
    const captions: string[] = [];
    const problems: string[] = [];
    for (let variant = 0; variant < options.variants; variant++) {
      try {
        captions.push(await asked(variant));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        problems.push(error.message);
      }
    }
    if (problems.length > 0) {
      const text = [...new Set(problems)].join('; ');
      refused.push({ id: item.id, name: item.name, amount: problems.length, text });
    }
    ctx.progress({ phase: 'caption', done: ++done, unit: 'pictures' });
    return [item.id, [...new Set(captions)]];
  }

  const bound = { width: ctx.describer.concurrency, signal: ctx.signal };
  const described = await mapBounded(items, bound, describeItem);
  return {
    captions: new Map(described),
    refused: refused.sort((a, b) => (a.name < b.name ? -1 : 1)),
    modelDigests: [...modelDigests].sort(),
  };
}

/** Asks for one variant of the caption, until an answer is good. @throws Refused with the reason of the last answer. */
function askAbout(
  ctx: PageContext,
  member: Uint8Array,
  caption: string,
  options: DescribeOptions,
  onDigest: (digest: string) => void,
) {
  const { source, model, model_digest, prompt: templates, words, language, temperature, seed, attempts } = options;
  let png: Promise<Uint8Array> | undefined;

  return async (variant: number): Promise<string> => {
    const prompt = fillPrompt(templates[variant % templates.length] ?? '', { words, language, caption });
    const firstSeed = seed + SEEDS_OF_VARIANT * variant;
    // The attempts are missing: with more of them, only refused pictures are asked about again.
    const params = {
      picture: digestOf(member),
      source,
      model,
      ...(model_digest !== undefined && { model_digest }),
      prompt,
      words: [...words],
      language,
      temperature,
      seed: firstSeed,
      max_tokens: options.max_tokens,
    };
    const kept = await ctx.piece(params, async () => {
      png ??= encodePng(readPixels(member));
      let problem = '';
      for (let attempt = 0; attempt < attempts; attempt++) {
        const description = await ctx.describer.describe(
          {
            source,
            model,
            modelDigest: model_digest,
            prompt,
            png: await png,
            temperature,
            seed: firstSeed + attempt,
            maxTokens: options.max_tokens,
          },
          ctx.signal,
          message => ctx.progress({ phase: 'caption', message }),
        );
        const read = readAnswer(description, { words, language });
        const by = description.modelDigest;
        if ('caption' in read) return { v: 1, caption: read.caption, ...(by && { model_digest: by }), links: [] };
        problem = read.problem;
      }
      throw new Refused(problem);
    });
    const piece = pieceSchema.parse(kept);
    if (piece.model_digest !== undefined) onDigest(piece.model_digest);
    return piece.caption;
  };
}
