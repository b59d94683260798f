/**
 * @file Runs the network of a sampler. What depends on the conditions alone, such as the keys and values of the
 * context, is computed once for all steps of a sample, and stays on the device.
 */
import type { ModelConfig } from '../../configs/schema.ts';
import type { Engine, Executable, State, Tensors } from '../compiler/engine.ts';
import { graphInputs } from '../compiler/graph.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import { hashGraph } from '../compiler/print.ts';
import { RecentPrograms } from '../compiler/recent-programs.ts';
import type { TensorSpec } from '../compiler/tensor.ts';
import type { BatchShape } from '../model/batch.ts';
import { paramState } from '../model/params.ts';
import { traceSamplerGraphs } from './predict-graph.ts';

/** Programs of each kind that are kept: one for each size, count and text length. The least recently used one goes. */
const MOST_PROGRAMS = 8;
export type Specs = ReadonlyMap<string, TensorSpec>;

/** Conditions of one sample. Each object has its own keys and values, until {@link Predictor.release}. */
export interface Conditioning {
  /** Makes the inputs that the conditions decide. */
  feeds(inputs: Specs): Tensors;
}

/** A program, with the state that another one writes before it. */
interface StepProgram {
  readonly executable: Executable;
  /** Inputs that the conditions decide: none with a context. */
  readonly inputs: Specs;
  /** Absent: the program computes everything. */
  readonly context?: { readonly key: string; readonly names: readonly string[]; compile(): Promise<ContextProgram> };
}

interface ContextProgram {
  readonly executable: Executable;
  readonly inputs: Specs;
}

/** State that the conditions decided. */
interface Context {
  readonly key: string;
  readonly conditioning: Conditioning;
  readonly names: readonly string[];
  /** Start of the names while another context has theirs. */
  readonly parking: string;
}

export class Predictor {
  readonly #engine: Engine;
  readonly #model: ModelConfig;
  readonly #state: State;
  readonly #steps = new RecentPrograms<StepProgram>(MOST_PROGRAMS);
  readonly #contexts = new RecentPrograms<ContextProgram>(MOST_PROGRAMS);
  #known: Context[] = [];
  /** The context that the next step would read. */
  #current: Context | undefined;

  /** @param weights By name of the parameter, without prefix. */
  constructor(engine: Engine, model: ModelConfig, weights: Tensors) {
    this.#engine = engine;
    this.#model = model;
    this.#state = engine.createState(paramState(weights));
  }

  /** The prediction, in the shape of z. @param inputs z, t, and the route of a shape that has one. */
  async predict(shape: BatchShape, conditioning: Conditioning, inputs: Tensors): Promise<Float32Array> {
    const program = await this.#steps.open(JSON.stringify(shape), () => this.#compile(shape));
    if (program.context) await this.#enter(program.context, conditioning);
    const { prediction } = await program.executable.run(this.#state, {
      ...conditioning.feeds(program.inputs),
      ...inputs,
    });
    if (!(prediction?.data instanceof Float32Array)) throw new TypeError('the model predicts f32');
    return prediction.data;
  }

  /** Frees what the conditions decided. */
  release(): void {
    for (const context of this.#known) {
      for (const name of context.names) this.#state.move(nameIn(context === this.#current, context, name));
    }
    this.#known = [];
    this.#current = undefined;
  }

  async dispose(): Promise<void> {
    this.#state.dispose();
    await this.#steps.dispose();
    await this.#contexts.dispose();
  }

  async #enter(
    { key, names, compile }: NonNullable<StepProgram['context']>,
    conditioning: Conditioning,
  ): Promise<void> {
    const isSame = (context: Context) => context.key === key && context.conditioning === conditioning;
    if (this.#current && isSame(this.#current)) return;
    const { executable, inputs } = await this.#contexts.open(key, compile);
    const parked = this.#current;
    this.#current = undefined;
    if (parked) this.#rename(parked, name => [name, nameIn(false, parked, name)]);
    const known = this.#known.find(isSame);
    if (known) this.#rename(known, name => [nameIn(false, known, name), name]);
    else {
      await executable.run(this.#state, conditioning.feeds(inputs));
      this.#known.push({ key, conditioning, names, parking: `parked.${this.#known.length}.` });
    }
    this.#current = known ?? this.#known.at(-1);
  }

  #rename({ names }: Context, fromTo: (name: string) => [string, string]): void {
    for (const name of names) this.#state.move(...fromTo(name));
  }

  async #compile(shape: BatchShape): Promise<StepProgram> {
    const { step, context } = traceSamplerGraphs(this.#model, shape, this.#engine.tuning);
    const executable = await this.#engine.compile(optimize(step, this.#engine));
    if (context === undefined) return { executable, inputs: graphInputs(step) };
    const { graph, names } = context;
    const compile = async () => ({
      executable: await this.#engine.compile(optimize(graph, this.#engine)),
      inputs: graphInputs(graph),
    });
    return { executable, inputs: new Map(), context: { key: hashGraph(graph), names, compile } };
  }
}

const nameIn = (isCurrent: boolean, { parking }: Context, name: string): string =>
  isCurrent ? name : `${parking}${name}`;
