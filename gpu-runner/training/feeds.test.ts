import { expect, test } from 'vitest';
import { toF16Bits } from '../../formats/half.ts';
import { FeedBuilder } from './feeds.ts';
import type { TrainingItem } from './source.ts';
import { tinyConfig, tinyItems } from './testing/tiny.ts';

const SHAPE = { batch: 3, height: 16, width: 16, textTokens: 8 };
/** The shares of the other categories of dropout. */
const NO_OTHERS = { p_text_only: 0, p_dino_cls_only: 0, p_dino_patches_only: 0, p_drop_pose: 0, p_pose_only: 0 };
const COLUMNS = new Map([['cls', () => [5]]] as const);

/** Three pictures: the second has no CLS, that of the third is stored in half precision. */
function pictures(): TrainingItem[] {
  return tinyItems(3).map((item, i) => {
    const { cls, ...others } = item.signals;
    if (i === 1) return { ...item, signals: others };
    if (i === 2)
      return { ...item, signals: { ...others, cls: { rows: 5, data: Uint16Array.from([1, 2, 3, 4, 5], toF16Bits) } } };
    return { ...item, signals: { ...others, ...(cls && { cls }) } };
  });
}

test('a loss gets a column whole, although the samples drop the signal', () => {
  const config = tinyConfig({ objective: { cfg_dropout: { p_uncond: 1, ...NO_OTHERS } } });
  const items = pictures();
  const feeds = new FeedBuilder(config).build(items, 0, SHAPE, { columns: COLUMNS });
  expect([...(feeds.keep_cls?.data ?? [])]).toEqual([0, 0, 0]);
  expect([...(feeds.has_cls?.data ?? [])]).toEqual([1, 0, 1]);
  const first = [...(items[0]?.signals.cls?.data ?? [])];
  expect([...(feeds.column_cls?.data ?? [])]).toEqual([...first, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]);
});

test('a loss gets a column that the model is not conditioned on', () => {
  const feeds = new FeedBuilder(tinyConfig({ model: { conditions: {} } })).build(pictures(), 0, SHAPE, {
    columns: COLUMNS,
  });
  expect(Object.keys(feeds)).toEqual(['x0', 'noise', 't', 'share', 'column_cls', 'has_cls']);
  expect([...(feeds.has_cls?.data ?? [])]).toEqual([1, 0, 1]);
});

test('a picture without the column leaves no numbers of the picture before it', () => {
  const [first, second, third] = pictures();
  if (!first || !second || !third) throw new Error('there are three pictures');
  const builder = new FeedBuilder(tinyConfig());
  builder.build([first, third, first], 0, SHAPE, { columns: COLUMNS });
  const feeds = builder.build([second, second, second], 3, SHAPE, { columns: COLUMNS });
  expect(new Set(feeds.column_cls?.data)).toEqual(new Set([0]));
  expect(new Set(feeds.has_cls?.data)).toEqual(new Set([0]));
});

test('the times of samples do not depend on how their update is cut into micro-batches', () => {
  const config = tinyConfig({ data: { batch_size: 6 } });
  const [items, shape] = [tinyItems(6), { ...SHAPE, batch: 6 }];
  const whole = new FeedBuilder(config).build(items, 12, shape);
  const [builder, times] = [new FeedBuilder(config), [] as number[]];
  for (const start of [0, 3]) {
    const feeds = builder.build(items.slice(start, start + 3), 12 + start, SHAPE);
    times.push(...(feeds.t?.data ?? []));
  }
  expect(times).toEqual([...(whole.t?.data ?? [])]);
  expect(new Set(times).size).toBe(6);
});

test('each sample has the share in the loss that it is given, or that of a whole update', () => {
  const builder = new FeedBuilder(tinyConfig({ data: { batch_size: 8 } }));
  expect([...(builder.build(pictures(), 0, SHAPE, { shares: [0.5, 0.5, 0] }).share?.data ?? [])]).toEqual([
    0.5, 0.5, 0,
  ]);
  expect([...(builder.build(pictures(), 0, SHAPE).share?.data ?? [])]).toEqual([0.125, 0.125, 0.125]);
});

test('a mask weighs the pixels of its picture, black a little, and a picture without a mask has 1', () => {
  const config = tinyConfig({ objective: { mask: { unmasked_weight: 0.25 } } });
  const [first, second, third] = tinyItems(3);
  if (!first || !second || !third) throw new Error('there are three pictures');
  const mask = Uint8Array.from({ length: 256 }, (_, k) => k);
  const feeds = new FeedBuilder(config).build([first, { ...second, mask }, third], 0, SHAPE);
  expect(feeds.mask?.shape).toEqual([3, 1, 16, 16]);
  const weights = [...(feeds.mask?.data ?? [])];
  expect(new Set([...weights.slice(0, 256), ...weights.slice(512)])).toEqual(new Set([1]));
  expect(weights.slice(256, 512)).toEqual([...mask].map(k => expect.closeTo(Math.max(0.25, k / 255), 6)));
  expect(new FeedBuilder(tinyConfig()).build([first, second, third], 0, SHAPE)).not.toHaveProperty('mask');
});
