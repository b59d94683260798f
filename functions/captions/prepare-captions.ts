/** @file Captions by a model as a part of `prepare`. */
import { z } from 'zod';
import { onlyOllamaTellsDigests } from '../../configs/asked-model.ts';
import { listSome } from '../../configs/quantity.ts';
import { InvalidInput, Unprocessable } from '../../errors.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Dataset } from '../../storage/records.ts';
import type { Describer } from '../define.ts';
import { captionShape } from './caption-options.ts';

/** Pictures that the error names. */
const MAX_NAMED = 5;

/** The key `captions` of `prepare`. */
export const captionsSchema = z
  .strictObject({
    source: z.enum(['ollama', 'openai']).describe('who writes captions; the environment says where it is reached'),
    ...captionShape,
  })
  .refine(onlyOllamaTellsDigests.check, onlyOllamaTellsDigests.params)
  .describe('lets a model describe pictures that have no caption, or all; default: only captions of files are taken');

/**
 * The parameters of `caption` for a call of `prepare`; the model of the environment if the call names none.
 * @throws InvalidInput if nothing names a model.
 */
export function paramsOfCaptions(
  captions: z.output<typeof captionsSchema> | undefined,
  { models }: Describer,
): Record<string, Json> {
  if (captions === undefined) return { missing: 'empty' };
  const { source, model = models[source], ...given } = captions;
  if (model === undefined) {
    throw new InvalidInput(`captions: nothing names a model of ${source}`, {
      expected: `a model, as in "captions": {"source": "${source}", "model": "gemma3:27b"}`,
      hint: `or set EASEL_${source.toUpperCase()}_MODEL and start Easel again`,
    });
  }
  const told = Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]));
  return { ...Object.fromEntries(told), source, model, missing: 'empty' };
}

/** @throws Unprocessable that counts and names pictures that no model could describe. */
export function refuseUndescribed({ notes = [] }: Dataset): void {
  const missing = notes.find(({ code }) => code === 'caption_missing');
  const refused = notes.find(({ code }) => code === 'caption_refused');
  if (missing === undefined || refused === undefined) return;
  const named = refused.examples.map(({ name, text }) => `${name} (${text})`);
  throw new Unprocessable(`${refused.text}: ${listSome(named, MAX_NAMED, refused.count)}`, {
    expected: 'a caption for each picture',
    hint:
      'Write captions into files beside these pictures; or raise captions.attempts, or ask otherwise (captions.words, ' +
      'captions.prompt, captions.model); or set missing_captions to "empty" to train on them without text. The captions that are there stay',
    details: { pictures: refused.examples },
  });
}
