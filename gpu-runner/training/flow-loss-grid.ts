/**
 * @file The flow-matching loss of pictures on a fixed grid: equal t, noise and kept signals at every call, so that two
 * numbers differ by the weights and the pictures alone.
 */
import { type KeyedConfig, keyedConfigSchema } from '../../configs/schema.ts';
import type { Engine, Executable, State, Tensors } from '../compiler/engine.ts';
import { graphInputs } from '../compiler/graph.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import { RecentPrograms } from '../compiler/recent-programs.ts';
import type { BatchShape } from '../model/batch.ts';
import { paramState } from '../model/params.ts';
import { FeedBuilder } from './feeds.ts';
import { traceFlowLoss } from './flow-loss-graph.ts';
import type { TrainingItem } from './source.ts';

const PARTS = 8;
/** The middles of equal parts of [0, 1]; 0 is data, 1 is noise. */
export const GRID_TIMES: readonly number[] = Array.from({ length: PARTS }, (_, part) => (part + 0.5) / PARTS);

/** Of noise and kept signals, for every training. */
const SEED = 20_260_101;

/** Pictures that have places of their own for each further noise: more are never measured at once. */
const MOST_PICTURES = 4096;

/** Programs that are kept: one for each size of pictures. */
const MOST_PROGRAMS = 8;

export interface GridOptions {
  /** Of each picture and time; the first is the same however many there are. Default: 1. */
  readonly noises?: number | undefined;
  /** Called after each run. */
  readonly breathe?: () => Promise<unknown>;
}

export interface GridLoss {
  /** The mean over pictures, times and noises. */
  readonly loss: number;
  /** The mean over pictures at each of {@link GRID_TIMES}. */
  readonly by_time: readonly number[];
  /** The root mean square of the predicted velocity, in the mean over pictures and times. */
  readonly velocity_norm: number;
  readonly pictures: number;
}

interface Program {
  readonly executable: Executable;
  readonly inputs: ReadonlySet<string>;
}

export class FlowLossGrid {
  readonly #engine: Engine;
  readonly #config: KeyedConfig;
  readonly #batch: number;
  readonly #state: State;
  readonly #feeds: FeedBuilder;
  readonly #programs = new RecentPrograms<Program>(MOST_PROGRAMS);

  /** @param batch Samples at once: divides the 8 places that a picture has on the grid. */
  constructor(engine: Engine, config: KeyedConfig, batch: number) {
    this.#engine = engine;
    this.#config = config;
    this.#batch = batch;
    this.#state = engine.createState({});
    this.#feeds = new FeedBuilder(keyedConfigSchema.parse({ ...config, seed: SEED }));
  }

  /** @param weights By name of the parameter, without prefix. */
  load(weights: Tensors): void {
    this.#state.set(paramState(weights));
  }

  /**
   * Picture i of each list has the same noise and, if both have the same signals, keeps the same ones.
   * @param items At most 4,096, if there are several noises.
   * @param textTokens Of the longest text that is measured.
   */
  async measure(
    items: readonly TrainingItem[],
    textTokens: number,
    { noises = 1, breathe = async () => {} }: GridOptions = {},
  ): Promise<GridLoss> {
    const sums = GRID_TIMES.map(() => 0);
    let norms = 0;
    for (const [picture, item] of items.entries()) {
      const shape = { batch: this.#batch, height: item.height, width: item.width, textTokens };
      const { executable, inputs } = await this.#programs.open(JSON.stringify(shape), () => this.#compile(shape));
      for (let run = 0; run < PARTS * noises; run += this.#batch) {
        const [noise, start] = [Math.floor(run / PARTS), run % PARTS];
        const times = GRID_TIMES.slice(start, start + this.#batch);
        const samples = times.map(() => item);
        const built = this.#feeds.build(samples, (noise * MOST_PICTURES + picture) * PARTS + start, shape, { times });
        const given = Object.fromEntries(Object.entries(built).filter(([name]) => inputs.has(name)));
        const { loss, velocity_norm } = await executable.run(this.#state, given);
        for (const place of times.keys()) {
          sums[start + place]! += loss?.data[place] ?? Number.NaN;
          norms += velocity_norm?.data[place] ?? Number.NaN;
        }
        await breathe();
      }
    }
    const by_time = sums.map(sum => sum / (items.length * noises));
    const loss = by_time.reduce((a, b) => a + b, 0) / PARTS;
    return { loss, by_time, velocity_norm: norms / (PARTS * items.length * noises), pictures: items.length };
  }

  async dispose(): Promise<void> {
    this.#state.dispose();
    await this.#programs.dispose();
  }

  async #compile(shape: BatchShape): Promise<Program> {
    const graph = traceFlowLoss(this.#config, shape, this.#engine.tuning);
    const executable = await this.#engine.compile(optimize(graph, this.#engine));
    return { executable, inputs: new Set(graphInputs(graph).keys()) };
  }
}
