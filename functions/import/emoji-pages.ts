/** @file The bundled emoji as pictures of a dataset: their bytes, attributes and captions. */
import { drawBackground, type Emoji, emojiKey, orderCodes } from '../../data/emoji/attributes.ts';
import { captionsOfEmoji, spokenName } from '../../data/emoji/captions.ts';
import { MARGIN } from '../../data/emoji/measure.ts';
import { codeOfFile, plainCode, readEmojiNames } from '../../data/emoji/names.ts';
import { BACKGROUNDS } from '../../data/portraits/palette.ts';
import { Internal, Unprocessable } from '../../errors.ts';
import { readTar } from '../../formats/tar.ts';
import { idOf, type NewOriginal } from '../datasets/originals.ts';
import { placeOnColor } from '../pictures/image.ts';
import { pictureName, type SetOptions } from './drawn-sets.ts';

export interface EmojiFiles {
  /** Tar of @lobehub/fluent-emoji-3d. */
  readonly pictures: Uint8Array;
  /** `en/data.json` of emojibase-data. */
  readonly names: Uint8Array;
}

/** Draws pictures [from, to): an emoji each, on a background of one colour. @throws Unprocessable for other files. */
export function renderEmoji(files: EmojiFiles, set: SetOptions, from: number, to: number): Promise<NewOriginal[]> {
  const names = readEmojiNames(Buffer.from(files.names).toString('utf8'));
  const bodies = new Map<string, Uint8Array>();
  for (const { name, kind, body } of readTar(files.pictures)) {
    const code = kind === 'file' ? codeOfFile(name) : undefined;
    if (code !== undefined && names.has(plainCode(code))) bodies.set(code, body);
  }
  const codes = orderCodes([...bodies.keys()], set.seed);
  if (codes.length === 0) throw new Unprocessable('the archive has no picture of an emoji');
  return Promise.all(
    Array.from({ length: to - from }, async (_, offset) => {
      const index = from + offset;
      const code = codes[index % codes.length] ?? '';
      const [name, body] = [names.get(plainCode(code)), bodies.get(code)];
      if (name === undefined || body === undefined) throw new Internal(`the emoji ${code} has no picture`);
      const background = drawBackground(set.seed, index);
      const bytes = await placeOnColor(body, { side: set.size, margin: MARGIN, color: BACKGROUNDS[background] });
      const emoji: Emoji = { code, name: spokenName(name.label), group: name.group, background };
      const captions = captionsOfEmoji(name, background, emojiKey(set.seed, index));
      const attributes = { ...emoji, caption: captions[0], captions };
      return { id: idOf(bytes), name: pictureName('emoji', set, index), bytes, attributes };
    }),
  );
}
