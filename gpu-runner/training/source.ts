/** @file The source of training samples: an index of all items, and the items of a batch on demand. */
import type { DataConfig } from '../../configs/schema.ts';
import type { SignalName } from '../../configs/signals.ts';
import { trainedSize } from '../../configs/trained-size.ts';
import { type PictureSize, sizeKey } from '../model/batch.ts';

/** The stored numbers of one signal of a picture: f32, or the bits of f16. `rows` is the length of the first axis. */
export interface StoredSignal {
  readonly rows: number;
  readonly data: Float32Array | Uint16Array;
}

/** One picture and its signals. An absent signal is dropped in every sample. */
export interface TrainingItem {
  readonly id: string;
  readonly height: number;
  readonly width: number;
  /** uint8 [3, height, width] */
  readonly pixels: Uint8Array;
  /** Weight of each pixel in the loss, uint8 [height, width]; absent: 255 everywhere, or not read. */
  readonly mask?: Uint8Array;
  readonly signals: Readonly<Partial<Record<SignalName, StoredSignal>>>;
  /** `text` of its further captions. */
  readonly texts?: readonly StoredSignal[];
  /** Its caption or its attributes say that it must not be mirrored. */
  readonly isSided?: true;
}

export interface SourceSet {
  readonly name: string;
  /** The position after its last item. */
  readonly end: number;
  /** How often a pass takes each of its items on average. */
  readonly times: number;
}

/** Ids and sizes of all items, known before any item is loaded. Item i has the position i. */
export interface SourceIndex {
  readonly ids: readonly string[];
  readonly sizes: readonly PictureSize[];
  /** Rows of the longest member of a padded signal; absent: no item has this signal. */
  readonly longest: Readonly<Partial<Record<SignalName, number>>>;
  /** Sets that are trained on together, in the order of their items; absent: one set. */
  readonly sets?: readonly SourceSet[];
  /** Names of the encoders of signals, as the dataset has them. */
  readonly encoders?: Readonly<Partial<Record<SignalName, string>>>;
}

export interface TrainingSource {
  readonly index: SourceIndex;
  /**
   * The items at these positions, in that order. Of a source that reads columns, the caller owns their buffers.
   * @throws BlobMissing, Unprocessable
   */
  load(positions: readonly number[]): Promise<readonly TrainingItem[]>;
  close(): Promise<void>;
}

/** The source with the sizes at which its pictures are trained. Its items have the sizes at which they are stored. */
export function trainedSource(source: TrainingSource, data: DataConfig): TrainingSource {
  const known = new Map<string, PictureSize>();
  const sizes = source.index.sizes.map(size => {
    const key = sizeKey(size);
    const trained = known.get(key) ?? trainedSize(size, data);
    known.set(key, trained);
    return trained;
  });
  return { ...source, index: { ...source.index, sizes } };
}

/** A source of items in memory, for tests and benchmarks. */
export function createMemorySource(items: readonly TrainingItem[]): TrainingSource {
  const longest: Partial<Record<SignalName, number>> = {};
  for (const { signals } of items) {
    for (const [name, { rows }] of Object.entries(signals) as [SignalName, StoredSignal][]) {
      longest[name] = Math.max(longest[name] ?? 0, rows);
    }
  }
  return {
    index: { ids: items.map(({ id }) => id), sizes: items.map(({ height, width }) => ({ height, width })), longest },
    load: async positions =>
      positions.map(position => {
        const item = items[position];
        if (item === undefined) throw new RangeError(`there is no item ${position} of ${items.length}`);
        return item;
      }),
    close: async () => {},
  };
}
