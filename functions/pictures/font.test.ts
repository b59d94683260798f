import { expect, test } from 'vitest';
import { loadFont, wrapText } from './font.ts';
import { renderSvgRgb } from './image.ts';

const font = loadFont();

/** Rows of a drawn line, with '#' for dark pixels. */
async function rasterize(text: string, size: number, width: number): Promise<string[]> {
  const path = font.trace(text, size, 1, size);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${size + 4}">` +
    `<rect width="100%" height="100%" fill="#fff"/><path d="${path}"/></svg>`;
  const { data } = await renderSvgRgb(svg);
  return Array.from({ length: size + 4 }, (_, y) =>
    Array.from({ length: width }, (_, x) => ((data[(y * width + x) * 3] ?? 255) < 128 ? '#' : ' '))
      .join('')
      .trimEnd(),
  );
}

test('a traced text looks like its letters', async () => {
  expect((await rasterize('HLi', 16, 40)).join('\n')).toMatchInlineSnapshot(`
    "



       #      #    #       ##
       #      #    #        #
       #      #    #
       #      #    #        #
       #      #    #       ##
       ########    #       ##
       ##    ##    #       ##
       #      #    #       ##
       #      #    #       ##
       #      #    #       ##
       #      #    #       ##
       #      #    ####### ##



    "
  `);
});

test('letters keep their holes open, and accents sit above', async () => {
  const o = (await rasterize('o', 24, 24)).filter(row => row.includes('#'));
  expect(o[Math.floor(o.length / 2)]).toMatch(/#+ {4,}#+/);
  const plain = (await rasterize('e', 24, 24)).findIndex(row => row.includes('#'));
  const accented = (await rasterize('é', 24, 24)).findIndex(row => row.includes('#'));
  expect(accented).toBeLessThan(plain);
  expect(accented).toBeGreaterThanOrEqual(0);
});

test('widths of letters add up and grow with the size', () => {
  expect(font.measure('ab', 10)).toBeCloseTo(font.measure('a', 10) + font.measure('b', 10), 10);
  expect(font.measure('ab', 20)).toBeCloseTo(2 * font.measure('ab', 10), 10);
  expect(font.measure('iii', 10)).toBeLessThan(font.measure('mmm', 10));
  // DejaVu Sans: an m is 1995 of 2048 units wide.
  expect(font.measure('m', 2048)).toBe(1995);
});

test('wrapText breaks at spaces, breaks long words anywhere, and ends too many lines in an ellipsis', () => {
  const lines = wrapText(font, 'a person with red hair in a navy hoodie', 11, 100, 9);
  expect(lines.join(' ')).toBe('a person with red hair in a navy hoodie');
  for (const line of lines) expect(font.measure(line, 11)).toBeLessThanOrEqual(100);
  const broken = wrapText(font, 'x'.repeat(60), 11, 100, 9);
  expect(broken.length).toBeGreaterThan(3);
  expect(broken.join('')).toBe('x'.repeat(60));
  const cut = wrapText(font, 'one two three four five six seven eight nine ten', 11, 60, 2);
  expect(cut).toHaveLength(2);
  expect(cut[1]).toMatch(/…$/);
  expect(font.measure(cut[1] ?? '', 11)).toBeLessThanOrEqual(60);
});

test('a character that the font lacks becomes a box', () => {
  expect(font.trace('\u{1F600}', 10, 0, 10)).not.toBe('');
  expect(font.trace(' ', 10, 0, 10)).toBe('');
});
