/** @file The files of the set emoji, small: three pictures and the names of two. */
import { packTar } from '../../formats/tar.ts';

/** A WebP without loss: a transparent picture of 8 x 8 pixels with an opaque middle. Made by sharp once. */
const WEBP = Buffer.from('UklGRiAAAABXRUJQVlA4TBQAAAAvB8ABEA8wKIM8KPMf8BieiP4HDw==', 'base64');
/** As en/data.json of emojibase-data, with two emoji. */
export const EMOJI_NAMES = Buffer.from(
  JSON.stringify([
    { hexcode: '1F600', label: 'grinning face', tags: ['cheery', 'face', 'smile'], group: 0 },
    {
      hexcode: '1F44B',
      label: 'waving hand',
      tags: ['bye', 'hello'],
      group: 1,
      skins: [{ hexcode: '1F44B-1F3FB', label: 'waving hand: light skin tone', group: 1 }],
    },
  ]),
);
/** As the tar of @lobehub/fluent-emoji-3d; the third picture has no name. */
export const EMOJI_PICTURES = packTar([
  ['package/package.json', Buffer.from('{}')],
  ['package/assets/1f600.webp', WEBP],
  ['package/assets/1f44b-1f3fb.webp', WEBP],
  ['package/assets/1f9ff.webp', WEBP],
]);
