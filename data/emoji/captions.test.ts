import { expect, test } from 'vitest';
import { drawBackground, emojiKey, orderCodes } from './attributes.ts';
import { captionsOfEmoji, spokenName } from './captions.ts';
import { codeOfFile, plainCode } from './names.ts';

test.each([
  ['grinning face', 'grinning face'],
  ['waving hand: light skin tone', 'waving hand with light skin tone'],
  ['man: light skin tone, curly hair', 'man with light skin tone and curly hair'],
  ['flag: France', 'flag of France'],
  ['kiss: woman, man', 'kiss of woman and man'],
  ['kiss: woman, man, dark skin tone', 'kiss of woman and man with dark skin tone'],
  ['keycap: #', 'keycap #'],
])('the name %s is said "%s"', (label, spoken) => {
  expect(spokenName(label)).toBe(spoken);
});

test.each([
  ['0023-fe0f-20e3', '0023-20e3'],
  ['39-fe0f-20e3', '0039-20e3'],
  ['1F44B-1F3FB', '1f44b-1f3fb'],
  ['1F3F4-E0067-E0062-E0065-E006E-E0067-E007F', '1f3f4-e0067-e0062-e0065-e006e-e0067'],
  ['1f3f4-e0067_e0062_e0065_e006e_e0067', '1f3f4-e0067-e0062-e0065-e006e-e0067'],
])('the code points %s are those of %s', (code, plain) => {
  expect(plainCode(code)).toBe(plain);
});

test('only pictures of the package have code points', () => {
  expect(codeOfFile('package/assets/1f600.webp')).toBe('1f600');
  expect(codeOfFile('package/README.md')).toBeUndefined();
});

test('captions vary, name emoji and background, and are pure functions of their key', () => {
  const name = { label: 'mushroom', tags: ['fungus', 'toadstool', 'mushroom'], group: 'food and drink' };
  const all = Array.from({ length: 60 }, (_, i) => captionsOfEmoji(name, 'light blue', emojiKey(1, i))).flat();
  expect(new Set(all).size).toBeGreaterThan(6);
  for (const caption of all) expect(caption.toLowerCase()).toMatch(/mushroom.*light blue|light blue.*mushroom/);
  expect(captionsOfEmoji(name, 'mint', emojiKey(1, 3))).toEqual(captionsOfEmoji(name, 'mint', emojiKey(1, 3)));
});

test('the order of the emoji depends on the seed alone, and backgrounds on seed and index', () => {
  const codes = ['1f600', '1f601', '1f602', '1f603', '1f604', '1f605'];
  expect(orderCodes(codes.toReversed(), 1)).toEqual(orderCodes(codes, 1));
  expect(orderCodes(codes, 1)).not.toEqual(orderCodes(codes, 2));
  expect(drawBackground(1, 5)).toBe(drawBackground(1, 5));
});
