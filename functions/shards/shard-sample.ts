/**
 * @file One sample of a shard in the members of the original project: its columns as they are stored, turned into the
 * arrays that its loader reads. Work of a worker thread.
 */
import { memberName, type SignalName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { toF16Bits } from '../../formats/half.ts';
import { decodeNpy, encodeNpy, readNpyHeader } from '../../formats/npy.ts';
import { reshapeSignalMember } from '../../storage/blobs/column-member.ts';
import { canonicalJson, type Json } from '../../storage/canonical.ts';
import type { ShardOptions } from './shard-options.ts';
import type { PlannedSample, ShardPlan } from './shard-plan.ts';

/** Version of the record `easel` in the JSON of a sample. */
export const EASEL_RECORD = 1;
/** That of the original project's records, whose keys the JSON has. */
const FORMAT_VERSION = 2;

/** Columns in the order of the original's members, and those that it does not have. */
export const SHARD_COLUMNS = ['cls', 'patches', 'text', 'pose', 'image', 'mask'] as const;

export interface ShardSampleTask extends Pick<ShardPlan, 'split' | 'bucket' | 'encoders'> {
  readonly sample: PlannedSample;
  /** Number of its page in the dataset. */
  readonly page: number;
  readonly caption: string;
  /** Members of the columns by their names there. */
  readonly members: ReadonlyMap<string, Uint8Array>;
  readonly options: ShardOptions;
}

export type ShardMembers = (readonly [name: string, body: Uint8Array])[];

/** Name and bytes of each member, in order. @throws Unprocessable naming the picture whose column cannot be written. */
export function makeShardSample(task: ShardSampleTask): ShardMembers {
  const { sample, members, options } = task;
  const { id } = sample;
  const bytesOf = (column: SignalName | 'image' | 'mask') => members.get(memberName(column, id));
  const made: ShardMembers = [[`${id}.json`, Buffer.from(`${canonicalJson(describe(task))}\n`)]];
  const add = (name: string, bytes: Uint8Array | undefined) => bytes && made.push([`${id}.${name}`, bytes]);
  add('dinov3.npy', bytesOf('cls'));
  add('dinov3_patches.npy', flattenGrid(bytesOf('patches'), `the patches of "${task.sample.name}"`));
  const text = padText(task, bytesOf('text'));
  add('t5h.npy', text?.states);
  add('pose.npy', options.pose === 'float16' ? toHalves(bytesOf('pose')) : bytesOf('pose'));
  add('t5m.npy', text?.mask);
  add('image.npy', options.pixels === 'float16' ? toBrightness(bytesOf('image')) : bytesOf('image'));
  if (options.pixels === 'uint8') add('mask.npy', bytesOf('mask'));
  // Further captions: the original has one.
  if (options.text === 'trimmed') {
    for (let i = 1; ; i++) {
      const variant = members.get(memberName('text', `${id}.${i}`));
      if (variant === undefined) break;
      add(`${i}.t5h.npy`, variant);
    }
  }
  return made;
}

function describe({ sample, page, split, bucket, encoders, caption }: ShardSampleTask): Json {
  const { id, name, width, height, cluster, attributes, place } = sample;
  return {
    image_id: id,
    image_path: name,
    caption,
    width: width ?? bucket.width,
    height: height ?? bucket.height,
    aspect_bucket: `${bucket.width}x${bucket.height}`,
    format_version: FORMAT_VERSION,
    easel: {
      v: EASEL_RECORD,
      split,
      page,
      place,
      ...(cluster !== undefined && { cluster }),
      ...(attributes && { attributes }),
      encoders: Object.fromEntries(
        Object.entries(encoders).map(([signal, { weights: _, ...entry }]) => [signal, entry]),
      ),
    } as Json,
  };
}

/** [rows, columns, dim] -> [rows x columns, dim]. */
function flattenGrid(bytes: Uint8Array | undefined, which: string): Uint8Array | undefined {
  if (bytes === undefined) return undefined;
  const [rows = 0, columns = 0, dim = 0] = readNpyHeader(bytes).shape;
  return reshapeSignalMember(bytes, [rows * columns, dim], which);
}

/** The states of the tokens, and the mask that says which rows are tokens. */
function padText({ sample, encoders, options }: ShardSampleTask, bytes: Uint8Array | undefined) {
  if (bytes === undefined) return undefined;
  const { dtype, shape, data } = decodeNpy(bytes);
  const [rows = 0, dim = 0] = shape;
  const ones = (count: number) => {
    const mask = new Uint8Array(count).fill(1, 0, rows);
    return encodeNpy({ dtype: 'u8', shape: [count], data: mask });
  };
  if (options.text === 'trimmed') return { states: bytes, mask: ones(rows) };
  const tokens = Number(encoders.text?.tokens);
  if (dtype !== 'f16' || !(rows <= tokens)) {
    throw new Unprocessable(`the text of "${sample.name}" is ${dtype}[${shape}], its encoder reads ${tokens} tokens`, {
      expected: 'f16 [tokens, dim] with at most as many tokens',
      hint: 'run encode-text again',
    });
  }
  const padded = new Uint16Array(tokens * dim);
  padded.set(data);
  return { states: encodeNpy({ dtype: 'f16', shape: [tokens, dim], data: padded }), mask: ones(tokens) };
}

function toHalves(bytes: Uint8Array | undefined): Uint8Array | undefined {
  if (bytes === undefined) return undefined;
  const { dtype, shape, data } = decodeNpy(bytes);
  if (dtype !== 'f32') return bytes;
  return encodeNpy({ dtype: 'f16', shape, data: Uint16Array.from(data, toF16Bits) });
}

let brightness: Uint16Array | undefined;

/** 0 to 255 -> 0 to 1 in float16, rounded as NumPy does by way of float32. */
function toBrightness(bytes: Uint8Array | undefined): Uint8Array | undefined {
  if (bytes === undefined) return undefined;
  brightness ??= Uint16Array.from({ length: 256 }, (_, step) => toF16Bits(Math.fround(step / 255)));
  const { shape, data } = decodeNpy(bytes);
  const halves = new Uint16Array(data.length);
  for (let i = 0; i < halves.length; i++) halves[i] = brightness[data[i] ?? 0] ?? 0;
  return encodeNpy({ dtype: 'f16', shape, data: halves });
}
