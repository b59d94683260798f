/** @file Makes the pixels to train on: scales each picture to cover its bucket and crops it. */

import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Internal, Unprocessable } from '../errors.ts';
import { streamMade } from '../formats/webdataset.ts';
import { readAllItems } from '../storage/blobs/items.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { mapAhead } from '../storage/map-ahead.ts';
import type { BucketCount, Item } from '../storage/records.ts';
import { bucketShape, cropShape } from './datasets/bucket-options.ts';
import { type CropOptions, type CroppedPicture, cropPicture } from './datasets/crop-picture.ts';
import { parseCropRecord } from './datasets/crop-record.ts';
import { readItemPoses } from './datasets/item-poses.ts';
import { readOriginals } from './datasets/originals.ts';
import { definePageFunction } from './define.ts';
import type { Noted, NotedItem } from './notes/notes.ts';
import { type Assignment, type Bucket, chooseBucket, fitBucket, scaleBuckets } from './pictures/buckets.ts';
import type { Filter } from './pictures/filters.ts';
import { coverRgb, IMAGE_TOOLS } from './pictures/image.ts';
import { NO_LIMITS } from './pictures/limits.ts';
import { createPacker, packedBytes, type RgbImage, takePixels } from './pictures/planar.ts';

/** Enlarging and cropping up to these shares goes without a word: one shape rarely fits another exactly. */
const ENLARGED_PERCENT = 5;
const CROPPED_PERCENT = 20;
/** Pictures of a page in work at once, so that memory does not hold the pixels of a page. */
const AT_ONCE = 3;

export const bucket = definePageFunction({
  name: 'bucket',
  summary: 'Scales and crops each picture to the bucket nearest to its shape. Stores uint8 pixels [3, height, width].',
  version: 3,
  tools: IMAGE_TOOLS,
  needs: [],
  uses: ['crop', 'pose'],
  // Without the key, the bytes do not depend on joints.
  reads: ({ crop }) => (crop === undefined ? [] : ['crop', 'pose']),
  adds: ['image', 'crop', 'pose'],
  makes: ({ crop }) =>
    crop === undefined ? ['image'] : crop === 'pose' ? ['image', 'crop', 'pose'] : ['image', 'crop'],
  voids: ['crop'],
  example: { dataset: 'portraits', size: 64 },
  input: z.strictObject({ ...bucketShape, ...cropShape }),
  async check({ blobs }, dataset, { crop }) {
    const { pages } = dataset;
    if (crop !== 'pose' || (await readAllItems(blobs, dataset)).some(item => item.pose !== undefined)) return;
    if (!pages.every(({ columns }) => columns.pose !== undefined)) {
      throw new Unprocessable('nobody has told the joints of these pictures, about which bucket could crop', {
        expected: 'joints of whole pictures',
        hint:
          'prepare finds them with "dwpose" among its image_encoders; or call bucket with crop "whole", and detect-pose ' +
          'on what it makes; or choose another crop',
      });
    }
    if (pages.some(({ columns }) => columns.image !== undefined && columns.crop === undefined)) {
      throw new Unprocessable('the column "pose" is about pictures that are cropped already', {
        expected: 'joints of whole pictures, or the column "crop" beside them',
        hint: 'call bucket with crop "whole" first, and detect-pose on what it makes',
      });
    }
  },
  async run(ctx, { items, columns }, input) {
    const buckets = bucketsOf(input);
    const sized = items.map(requireSize);
    const originals = await readOriginals(ctx.blobs, items);
    const poses = input.crop === undefined ? new Map() : await readItemPoses(ctx.blobs, items);
    const bucketOf = ({ width, height }: SizedItem) => chooseBucket(buckets, width, height, input.assign);
    const make = async (item: SizedItem): Promise<Made> => {
      const { id, name } = item;
      const bytes = originals.get(id);
      if (bytes === undefined) throw new Internal(`"${name}" (${id}) has no original`);
      const chosen = bucketOf(item);
      if (input.crop === undefined) {
        const rgb = await coverRgb(bytes, chosen.width, chosen.height, NO_LIMITS, input.filter);
        return { item, rgb };
      }
      const record = columns.crop?.get(memberName('crop', id));
      const options: CropOptions = {
        crop: input.crop,
        side: input.size,
        threshold: input.pose_threshold,
        filter: input.filter,
        ...jointsOf(poses.get(id), columns.pose?.get(memberName('pose', id)), record),
      };
      const { image: rgb, ...cropped } = await cropPicture(bytes, item, chosen, options);
      return { item, rgb, cropped };
    };
    const crops: Cropped[] = [];
    /** @param pack Makes the member of the pixels. */
    async function* members(pack: (rgb: RgbImage) => Uint8Array) {
      for await (const { item, rgb, cropped } of mapAhead(sized, AT_ONCE, make)) {
        if (cropped) crops.push({ item, ...cropped });
        yield [memberName('image', item.id), pack(rgb)] as const;
      }
    }
    const sizes = new Map(sized.map(item => [memberName('image', item.id), packedBytes(bucketOf(item))]));
    // Whole pictures have the sizes that scaling gives them.
    const image =
      input.crop === 'whole'
        ? await gather(members(rgb => takePixels(rgb)))
        : await ctx.blobs.putStream(streamMade(sizes, members(createPacker())), { mediaType: 'application/x-tar' });
    if (input.crop === undefined) return { columns: { image }, notes: noteFits(sized, buckets, input) };
    const records = crops.map(({ item: { id }, record }) => {
      return [memberName('crop', id), Buffer.from(canonicalJson(record))] as const;
    });
    const pose = crops.flatMap(({ item: { id }, pose }) => (pose ? [[memberName('pose', id), pose] as const] : []));
    return {
      columns: { image, crop: new Map(records), ...(input.crop === 'pose' && { pose: new Map(pose) }) },
      notes: [
        ...(input.crop === 'whole' ? [] : noteFits(sized, buckets, input)),
        { code: 'joints_lost', items: crops.flatMap(noteLost) },
      ],
    };
  },
  describe: (items, input) => ({
    // Whole pictures have sizes of their own.
    buckets: input.crop === 'whole' ? [] : countBuckets(items.map(requireSize), bucketsOf(input), input.assign),
  }),
});

async function gather(members: AsyncIterable<readonly [string, Uint8Array]>): Promise<Map<string, Uint8Array>> {
  const gathered = new Map<string, Uint8Array>();
  for await (const [name, bytes] of members) gathered.set(name, bytes);
  return gathered;
}

/** What the set says of the whole picture; else what was found in a view of it. */
function jointsOf(given: Uint8Array | undefined, found: Uint8Array | undefined, record: Uint8Array | undefined) {
  if (given !== undefined) return { joints: given, view: undefined };
  return { joints: found, view: record && parseCropRecord(record) };
}

interface BucketInput {
  readonly size: number;
  readonly quantum: number;
  readonly buckets?: readonly Bucket[] | undefined;
  readonly assign?: Assignment | undefined;
  readonly filter?: Filter | undefined;
}

function bucketsOf({ size, quantum, buckets }: BucketInput): readonly Bucket[] {
  return buckets ?? scaleBuckets(size, quantum);
}

type SizedItem = Item & { readonly width: number; readonly height: number };

interface Made {
  readonly item: SizedItem;
  readonly rgb: RgbImage;
  readonly cropped?: Omit<CroppedPicture, 'image'>;
}

type Cropped = Omit<CroppedPicture, 'image'> & Pick<Made, 'item'>;

/** @throws Unprocessable if the item was not inspected. */
function requireSize(item: Item): SizedItem {
  const { id, name, width, height } = item;
  if (width !== undefined && height !== undefined) return { ...item, width, height };
  throw new Unprocessable(`"${name}" (${id}) has no size yet`, { hint: 'run inspect and ingest first' });
}

function noteFits(items: readonly SizedItem[], buckets: readonly Bucket[], { assign }: BucketInput): Noted[] {
  const enlarged: NotedItem[] = [];
  const cropped: NotedItem[] = [];
  for (const { id, name, width, height } of items) {
    const chosen = chooseBucket(buckets, width, height, assign);
    const { scale, cut } = fitBucket(chosen, width, height);
    const size = `${width} x ${height}`;
    if (scale > 1 + ENLARGED_PERCENT / 100) {
      const text = `${Number(scale.toPrecision(2))} times, from ${size} to cover ${chosen.width} x ${chosen.height}`;
      enlarged.push({ id, name, amount: scale, text });
    }
    if (cut > CROPPED_PERCENT / 100) {
      cropped.push({ id, name, amount: cut, text: `${Math.round(100 * cut)} % of ${size}` });
    }
  }
  return [
    { code: 'enlarged', facts: { percent: ENLARGED_PERCENT }, items: enlarged },
    { code: 'cropped', facts: { percent: CROPPED_PERCENT }, items: cropped },
  ];
}

function noteLost({ item: { id, name }, record }: Cropped): NotedItem[] {
  const { seen = 0, lost = 0 } = record.joints ?? {};
  return lost === 0 ? [] : [{ id, name, amount: lost, text: `${lost} of ${seen} joints` }];
}

/** Commonest first; of equally common ones, the one that comes first. */
function countBuckets(items: readonly SizedItem[], buckets: readonly Bucket[], assign?: Assignment): BucketCount[] {
  const counts = new Map<Bucket, BucketCount>();
  for (const { width, height, split } of items) {
    const bucket = chooseBucket(buckets, width, height, assign);
    const { pictures = 0, train = 0 } = counts.get(bucket) ?? {};
    counts.set(bucket, { ...bucket, pictures: pictures + 1, train: train + (split === 'train' ? 1 : 0) });
  }
  return [...counts.values()].sort((a, b) => b.pictures - a.pictures);
}
