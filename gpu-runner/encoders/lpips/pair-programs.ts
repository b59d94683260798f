/** @file Runs pairs of pictures of any sizes through LPIPS, in batches of one size, on an engine. */
import type { LpipsNet } from '../../../configs/lpips.ts';
import type { Engine, Executable, State } from '../../compiler/engine.ts';
import { optimize } from '../../compiler/passes/optimize.ts';
import { RecentPrograms } from '../../compiler/recent-programs.ts';
import type { Shape, Tensor } from '../../compiler/tensor.ts';
import { trace } from '../../compiler/trace.ts';
import { lpipsDistance } from './distance.ts';

/** data: u8 [3, height, width]. */
export interface PairedPicture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface PicturePair {
  readonly first: PairedPicture;
  readonly second: PairedPicture;
}

/** Where the tensors of a net come from. */
export interface LpipsWeights {
  /** @throws Unprocessable if the net has no such tensor of that shape */
  read(name: string, shape: Shape): Tensor;
}

/** Programs that are kept: one for each size and count. */
const MOST_PROGRAMS = 4;
/** Pixels of one picture of each pair of a batch: the first features of VGG take 64 numbers for each, twice. */
const BATCH_PIXELS = 2 ** 18;
const MOST_PAIRS = 16;

export class PairPrograms {
  readonly #engine: Engine;
  readonly #net: LpipsNet;
  readonly #weights: LpipsWeights;
  readonly #state: State;
  readonly #programs = new RecentPrograms<{ readonly executable: Executable }>(MOST_PROGRAMS);

  constructor(engine: Engine, net: LpipsNet, weights: LpipsWeights) {
    this.#engine = engine;
    this.#net = net;
    this.#weights = weights;
    this.#state = engine.createState({});
  }

  /** Pairs of this size at once, of so many. */
  batchOf({ width, height }: Pick<PairedPicture, 'width' | 'height'>, pairs: number): number {
    const most = Math.min(MOST_PAIRS, Math.floor(BATCH_PIXELS / (width * height)));
    return Math.max(1, Math.min(most, pairs));
  }

  /**
   * The distance of each pair.
   * @param pairs Up to `batch`, of one size; black ones fill the batch.
   * @throws Unprocessable if the pictures are too small for the net, or its weights are not those of the net.
   */
  async compare(pairs: readonly PicturePair[], batch: number): Promise<Float32Array> {
    const { width = 0, height = 0 } = pairs[0]?.first ?? {};
    const shape = [batch, 3, height, width] as const;
    const { executable } = await this.#programs.open(shape.join(), async () => ({
      executable: await this.#compile(shape),
    }));
    const pack = (side: keyof PicturePair) => packPictures(pairs, side, shape);
    const { distances } = await executable.run(this.#state, { first: pack('first'), second: pack('second') });
    return Float32Array.from(distances?.data.subarray(0, pairs.length) ?? []);
  }

  async #compile(shape: Shape): Promise<Executable> {
    const missing = new Map<string, Shape>();
    const graph = trace(builder => {
      const [first, second] = (['first', 'second'] as const).map(side => builder.input(side, { shape, dtype: 'f32' }));
      const distances = lpipsDistance(first!, second!, this.#net, (name, of) => {
        if (!this.#state.names.includes(name)) missing.set(name, of);
        return builder.state(name, { shape: of, dtype: 'f32' });
      });
      return { outputs: { distances } };
    });
    for (const [name, of] of missing) this.#state.set({ [name]: this.#weights.read(name, of) });
    return this.#engine.compile(optimize(graph, this.#engine));
  }

  async dispose(): Promise<void> {
    await this.#programs.dispose();
    this.#state.dispose();
  }
}

/** Levels 0-255 become -1 to 1. */
function packPictures(pairs: readonly PicturePair[], side: keyof PicturePair, shape: Shape): Tensor {
  const size = shape.slice(1).reduce((product, length) => product * length, 1);
  const data = new Float32Array((shape[0] ?? 0) * size).fill(-1);
  for (const [row, pair] of pairs.entries()) {
    const levels = pair[side].data;
    for (let k = 0; k < size; k++) data[row * size + k] = levels[k]! / 127.5 - 1;
  }
  return { shape, dtype: 'f32', data };
}
