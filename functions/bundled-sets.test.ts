/** The bundled sets through the data stages: names, captions and joints of their pictures. */
import { describe, expect, test } from 'vitest';
import { findSideWord } from '../configs/side-words.ts';
import { memberName } from '../configs/signals.ts';
import { measureBackground } from '../data/emoji/measure.ts';
import { poseOf } from '../data/figures/joints.ts';
import { placeFigure } from '../data/figures/place.ts';
import { decodeNpy } from '../formats/npy.ts';
import { readColumn } from '../formats/webdataset.ts';
import type { Digest } from '../storage/digest.ts';
import { renderEmoji } from './import/emoji-pages.ts';
import { captionsOf } from './import/refuse-uncaptioned.ts';
import { decodeRgb } from './pictures/image.ts';
import { EMOJI_NAMES, EMOJI_PICTURES } from './testing/emoji-files.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';

describe('portraits', () => {
  const BODY = { dataset: 'portraits', source: 'portraits', count: 70, size: 16 };
  const importAs = async ({ executor }: PictureLab, wording: object) =>
    (await executor.callEffect('import', { ...BODY, ...wording })) as {
      readonly originals: Digest;
      readonly pages: { readonly total: number; readonly computed: number };
    };

  test('in varied wording they have further captions, and are the same pictures', async () => {
    const lab = createPictureLab();
    const plain = await importAs(lab, {});
    const varied = await importAs(lab, { wording: 'varied' });
    const [before, after] = [await lab.items(plain.originals), await lab.items(varied.originals)];
    expect(after.map(({ id, original }) => ({ id, original }))).toEqual(
      before.map(({ id, original }) => ({ id, original })),
    );
    for (const [i, item] of after.entries()) {
      expect(captionsOf(before[i]!)).toHaveLength(1);
      expect(captionsOf(item)[0]).toBe(captionsOf(before[i]!)[0]);
      expect(captionsOf(item).length).toBeGreaterThanOrEqual(2);
      expect(item.name).toBe(before[i]!.name.replace('portraits-1-16/', 'portraits-1-16-varied/'));
    }
  });

  test('the wording of a dataset changes back and forth, and the same call again computes nothing', async () => {
    const lab = createPictureLab();
    const plain = await importAs(lab, { wording: 'plain' });
    const varied = await importAs(lab, { wording: 'varied' });
    expect(varied.originals).not.toBe(plain.originals);
    const again = await importAs(lab, { wording: 'varied' });
    expect(again).toMatchObject({ originals: varied.originals, pages: { total: 2, computed: 0 } });
    expect((await importAs(lab, {})).originals).toBe(plain.originals);
    // Two stores make the same bytes, whatever they imported before.
    expect((await importAs(createPictureLab(), { wording: 'varied' })).originals).toBe(varied.originals);
  });

  test('a wording of another source is refused', async () => {
    const { executor } = createPictureLab();
    for (const source of [{ source: 'figures', count: 4 }, { folder: 'pictures' }]) {
      const body = { dataset: 'others', ...source, wording: 'varied' };
      for (const call of ['import', 'prepare'])
        await expect(executor.callEffect(call, body)).rejects.toThrow(/wording: expected source: portraits/);
    }
    const unknown = { ...BODY, wording: 'many' };
    await expect(executor.callEffect('import', unknown)).rejects.toThrow(/wording/);
  });
});

describe('figures', () => {
  test('prepare makes a column of joints, those of the drawings, and several captions', {
    timeout: 30_000,
  }, async () => {
    const lab = createPictureLab();
    const answer = await lab.executor.callEffect('prepare', {
      dataset: 'figures',
      source: 'figures',
      count: 6,
      size: 32,
    });
    const { digest, stages } = answer as { readonly digest: never; readonly stages: Record<string, unknown> };
    expect(Object.keys(stages)).toContain('pose');
    const { pages } = await lab.dataset(digest);
    const column = readColumn(await lab.blobs.get(pages[0]!.columns.pose!));
    const items = await lab.items(digest);
    expect(items).toHaveLength(6);
    for (const { id, name, attributes } of items) {
      const index = Number(/(\d{6})\.png$/.exec(name)?.[1]);
      const { dtype, shape, data } = decodeNpy(column.get(memberName('pose', id))!);
      expect({ dtype, shape }).toEqual({ dtype: 'f32', shape: [133, 3] });
      const drawn = poseOf(placeFigure(1, index));
      expect(Math.max(...drawn.map((value, i) => Math.abs(value - Number(data[i]))))).toBeLessThan(1e-6);
      expect(attributes?.activity).toBe(placeFigure(1, index).figure.activity);
      for (const caption of captionsOf({ attributes })) expect(findSideWord(caption), caption).toBeDefined();
    }
    const captions = readColumn(await lab.blobs.get(pages[0]!.columns.caption!));
    expect(captions.size).toBeGreaterThan(6);
  });

  test('a crop moves the joints with the pixels, and one that is cut off is absent', { timeout: 30_000 }, async () => {
    const lab = createPictureLab();
    const body = { dataset: 'figures', source: 'figures', count: 4, size: 64, quantum: 8, stride: 8 };
    const buckets = [{ width: 32, height: 64 }];
    const answer = await lab.executor.callEffect('prepare', { ...body, buckets });
    const { pages } = await lab.dataset((answer as { readonly digest: never }).digest);
    const column = readColumn(await lab.blobs.get(pages[0]!.columns.pose!));
    for (const { id, name } of await lab.items((answer as { readonly digest: never }).digest)) {
      const drawn = poseOf(placeFigure(1, Number(/(\d{6})\.png$/.exec(name)?.[1])));
      const { data } = decodeNpy(column.get(memberName('pose', id))!);
      for (let at = 0; at < drawn.length; at += 3) {
        const [x = 0, y = 0] = drawn.subarray(at, at + 3);
        // The middle half of the width stays.
        const wanted = Math.abs(x) < 0.5 ? [2 * x, y, 1] : [0, 0, 0];
        for (const [i, value] of wanted.entries()) expect(Number(data[at + i])).toBeCloseTo(value, 5);
      }
    }
  });

  test('a page of figures has the same bytes in two stores', async () => {
    const body = { seed: 3, size: 32, from: 2, to: 5 };
    const pages = await Promise.all(
      [createPictureLab(), createPictureLab()].map(({ executor }) => executor.call('render-figures', body)),
    );
    expect(outputOf(pages[0]!, 'items')).toBe(outputOf(pages[1]!, 'items'));
  });
});

describe('emoji', () => {
  test('an emoji stands on the background that attributes and captions name; one without a name is left out', async () => {
    const made = await renderEmoji({ pictures: EMOJI_PICTURES, names: EMOJI_NAMES }, { seed: 1, size: 64 }, 0, 4);
    expect(new Set(made.map(({ attributes }) => attributes?.code))).toEqual(new Set(['1f600', '1f44b-1f3fb']));
    for (const { bytes, attributes } of made) {
      expect(measureBackground(await decodeRgb(bytes))).toBe(attributes?.background);
      for (const caption of captionsOf({ attributes })) {
        expect(caption).toContain(attributes?.background);
        expect(caption.toLowerCase()).toContain(attributes?.name);
      }
    }
    expect(made.find(({ attributes }) => attributes?.code === '1f44b-1f3fb')?.attributes).toMatchObject({
      name: 'waving hand with light skin tone',
      group: 'people and body',
    });
  });

  test('an import of emoji whose packages are not there says how to install them', async () => {
    const { executor } = createPictureLab();
    const body = { dataset: 'emoji', source: 'emoji', count: 4, size: 32 };
    await expect(executor.callEffect('import', body)).rejects.toMatchObject({
      code: 'not_found',
      hint: expect.stringContaining('easel sets install emoji'),
    });
  });

  test('names that are no JSON of emojibase are refused', () => {
    const files = { pictures: EMOJI_PICTURES, names: Buffer.from('{}') };
    expect(() => renderEmoji(files, { seed: 1, size: 64 }, 0, 1)).toThrow('not those of emojibase-data');
  });
});
