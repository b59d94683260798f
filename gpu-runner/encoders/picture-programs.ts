/** @file Runs pictures of any sizes through graphs of one size each, in batches, on an engine. */
import type { Engine, Executable, State } from '../compiler/engine.ts';
import type { Graph } from '../compiler/graph.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import { RecentPrograms } from '../compiler/recent-programs.ts';
import { sizeOf, type Tensor } from '../compiler/tensor.ts';
import type { PictureSize } from '../model/batch.ts';
import { type EncodedArray, type EncodedSignals, type EncoderInput, type Picture, requirePicture } from './encoder.ts';

/** A network over pictures. */
export interface PictureNet {
  /** Pictures of this size at once; at least 1. */
  batchOf(size: PictureSize): number;
  /** Input `pictures` f32 [batch, 3, height, width], levels from 0 to 255; an output [batch, ...] for each signal. */
  trace(batch: number, size: PictureSize): Graph;
}

/** Programs that are kept: one for each size and count. */
const MAX_PROGRAMS = 4;

export class PicturePrograms {
  readonly #engine: Engine;
  readonly #net: PictureNet;
  readonly #state: State;
  readonly #programs = new RecentPrograms<{ readonly executable: Executable }>(MAX_PROGRAMS);

  /** @param weights State that the graphs of the network read; none by default. */
  constructor(engine: Engine, net: PictureNet, weights: Iterable<readonly [string, Tensor]> = []) {
    this.#engine = engine;
    this.#net = net;
    this.#state = engine.createState({});
    for (const [name, tensor] of weights) this.#state.set({ [name]: tensor });
  }

  /** One result for each picture, in their order. @throws Unprocessable for an input that is no picture. */
  async encode(inputs: readonly EncoderInput[]): Promise<EncodedSignals[]> {
    const encoded: EncodedSignals[] = new Array(inputs.length);
    const groups = Map.groupBy(inputs.map(requirePicture).entries(), ([, { height, width }]) => `${height} ${width}`);
    for (const group of groups.values()) {
      const size = group[0]?.[1];
      if (size === undefined) continue;
      const batch = group.length === 1 ? 1 : this.#net.batchOf(size);
      for (let at = 0; at < group.length; at += batch) {
        const part = group.slice(at, at + batch);
        const pictures = part.map(([, picture]) => picture);
        const outputs = await this.#run(batch, size, packPictures(batch, size, pictures));
        for (const [row, [index]] of part.entries()) encoded[index] = rowOf(outputs, row);
      }
    }
    return encoded;
  }

  async dispose(): Promise<void> {
    await this.#programs.dispose();
    this.#state.dispose();
  }

  async #run(batch: number, size: PictureSize, pictures: Tensor): Promise<Readonly<Record<string, Tensor>>> {
    const key = `${batch} ${size.height} ${size.width}`;
    const { executable } = await this.#programs.open(key, async () => ({
      executable: await this.#engine.compile(optimize(this.#net.trace(batch, size), this.#engine)),
    }));
    return executable.run(this.#state, { pictures });
  }
}

/** Black pictures fill the batch. */
function packPictures(batch: number, { height, width }: PictureSize, pictures: readonly Picture[]): Tensor {
  const area = 3 * height * width;
  const data = new Float32Array(batch * area);
  for (const [row, picture] of pictures.entries()) data.set(picture.data, row * area);
  return { shape: [batch, 3, height, width], dtype: 'f32', data };
}

function rowOf(outputs: Readonly<Record<string, Tensor>>, row: number): EncodedSignals {
  const arrays = Object.entries(outputs).map(([signal, { shape: batched, data }]): [string, EncodedArray] => {
    const shape = batched.slice(1);
    const count = sizeOf(shape);
    return [signal, { shape, data: Float32Array.from(data.subarray(row * count, (row + 1) * count)) }];
  });
  return Object.fromEntries(arrays);
}
