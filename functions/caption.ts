/** @file Writes the caption of each picture: the one that import found, or one that a model writes. */

import { z } from 'zod';
import { memberName, variantId } from '../configs/signals.ts';
import { InvalidInput } from '../errors.ts';
import type { Item } from '../storage/records.ts';
import { captionShape, completeOptions } from './captions/caption-options.ts';
import { type DescribedPage, describePage } from './captions/describe-page.ts';
import { definePageFunction } from './define.ts';
import { captionOf, captionsOf, refuseUncaptioned } from './import/refuse-uncaptioned.ts';
import type { Noted } from './notes/notes.ts';

/** Characters of a caption that a note shows. */
const SHOWN_CHARS = 60;
const NOBODY: DescribedPage = { captions: new Map(), refused: [], modelDigests: [] };

export const caption = definePageFunction({
  name: 'caption',
  summary:
    'Writes the captions of each picture: the texts that import read, or those that a model of Ollama or of an ' +
    'OpenAI-compatible server writes about the bucketed picture.',
  version: 4,
  needs: [],
  adds: ['caption'],
  example: { dataset: 'portraits' },
  input: z
    .strictObject({
      source: z
        .enum(['auto', 'ollama', 'openai'])
        .default('auto')
        .describe(
          'auto: the captions that import found; ollama, openai: a model of the server that EASEL_OLLAMA or ' +
            'EASEL_OPENAI names',
        ),
      missing: z
        .enum(['error', 'empty'])
        .default('error')
        .describe('auto: a picture without a caption is an error that names it, or gets an empty caption and a note'),
      ...captionShape,
    })
    .superRefine(({ source, missing: _, ...options }, issues) => {
      for (const [key, value] of Object.entries(options)) {
        if (!(key in captionShape) || value === undefined) continue;
        if (source === 'auto') {
          issues.addIssue({ code: 'custom', path: [key], message: 'only for the sources ollama and openai' });
        } else if (source === 'openai' && key === 'model_digest') {
          issues.addIssue({ code: 'custom', path: [key], message: 'only ollama tells the digests of its models' });
        }
      }
    }),
  complete({ source, missing, ...given }) {
    if (source === 'auto') return { source, missing };
    const { model, model_digest } = given;
    return { source, missing, model, ...(model_digest !== undefined && { model_digest }), ...completeOptions(given) };
  },
  alsoNeeds: ({ source }) => (source === 'auto' ? [] : ['image']),
  // Pictures are read one by one.
  leavesUnread: () => true,
  waitsForOthers: ({ source }) => source !== 'auto',
  async check({ blobs }, dataset, { source, missing, model }) {
    if (source === 'auto') {
      if (missing === 'error') await refuseUncaptioned(blobs, dataset, 'missing');
    } else if (model === undefined) {
      throw new InvalidInput('model is missing', {
        expected: 'the name of a model, such as gemma3:27b',
        hint: 'prepare takes the model that the environment names',
      });
    }
  },
  async run(ctx, page, { source, missing: _, ...given }) {
    const { items } = page;
    const options = completeOptions(given);
    const { model = '', model_digest } = given;
    const asked = items.filter(item => source !== 'auto' && (options.which === 'all' || captionOf(item) === ''));
    const described =
      source === 'auto'
        ? NOBODY
        : await describePage(ctx, page, asked, captionOf, { source, model, model_digest, ...options });
    // A caption that import found is better than none.
    const textsOf = (item: Item) => {
      const written = described.captions.get(item.id) ?? [];
      return written.length > 0 ? written : captionsOf(item);
    };
    const members = items.flatMap(item => {
      return textsOf(item).map(
        (text, i) => [memberName('caption', i === 0 ? item.id : variantId(item.id, i)), Buffer.from(text)] as const,
      );
    });
    const uncaptioned = items.filter(item => textsOf(item)[0] === '');
    const noted = uncaptioned.map(({ id, name }) => ({ id, name, amount: 0, text: 'no caption' }));
    return {
      columns: { caption: new Map(members) },
      notes: [{ code: 'caption_missing', items: noted }, ...noteDescribed(described, asked, source, model)],
    };
  },
});

/** Who has described pictures, and whose captions were refused. */
function noteDescribed(
  { captions, refused, modelDigests }: DescribedPage,
  asked: readonly Item[],
  source: string,
  model: string,
): Noted[] {
  const by = modelDigests.map(digest => digest.slice(0, 12)).join(', ');
  const facts = { source, model, ...(by !== '' && { digest: by }) };
  const written = asked.flatMap(({ id, name }) => {
    const [first] = captions.get(id) ?? [];
    return first === undefined ? [] : [{ id, name, amount: 0, text: cutShort(first) }];
  });
  return [
    { code: 'caption_written', facts, items: written },
    { code: 'caption_refused', facts: { source, model }, items: [...refused] },
  ];
}

/** The beginning of a caption, to be recognized. */
function cutShort(caption: string): string {
  const chars = [...caption];
  return chars.length > SHOWN_CHARS ? `${chars.slice(0, SHOWN_CHARS).join('').trimEnd()} ...` : caption;
}
