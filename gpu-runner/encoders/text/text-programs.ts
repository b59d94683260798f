/** @file Runs texts through a tokenizer and a network on an engine: one program for each number and length of rows. */
import { type EngineName, isOnCpu } from '../../../configs/engines.ts';
import { Internal, Unprocessable } from '../../../errors.ts';
import type { TextTokenizer } from '../../../formats/tokenizer.ts';
import type { Engine, Executable, State } from '../../compiler/engine.ts';
import { optimize } from '../../compiler/passes/optimize.ts';
import { RecentPrograms } from '../../compiler/recent-programs.ts';
import type { EncodedSignals, EncoderBatch, EncoderInput, OpenEncoder } from '../encoder.ts';
import { groupTexts, type TextGroup } from './group-texts.ts';
import type { TextNet } from './text-net.ts';

/** Programs that are kept. */
const MAX_PROGRAMS = 16;
/** Tokens at once, padding included: enough to fill the device, few enough that waiting jobs soon run. */
const TOKENS = { cpu: 1024, gpu: 16_384 } as const;

export interface TextProgramsOptions {
  /** Most tokens of a text. */
  readonly most: number;
  /** Tokens at once; default: by the engine. */
  readonly budget?: number;
}

export class TextPrograms implements OpenEncoder {
  readonly #engine: Engine;
  readonly #net: TextNet;
  readonly #tokenizer: TextTokenizer;
  readonly #most: number;
  readonly #budget: number;
  readonly #state: State;
  readonly #programs = new RecentPrograms<{ readonly executable: Executable }>(MAX_PROGRAMS);

  constructor(engine: Engine, net: TextNet, tokenizer: TextTokenizer, options: TextProgramsOptions) {
    this.#engine = engine;
    this.#net = net;
    this.#tokenizer = tokenizer;
    this.#most = options.most;
    this.#budget = options.budget ?? TOKENS[isOnCpu(engine.name as EngineName) ? 'cpu' : 'gpu'];
    this.#state = engine.createState(net.state);
  }

  /** One result for each text, in their order. @throws Unprocessable for an input that is no text. */
  async encode(inputs: readonly EncoderInput[]): Promise<EncodedSignals[]> {
    const encoded: EncodedSignals[] = new Array(inputs.length);
    for (const { places, encode } of this.split(inputs)) {
      const made = await encode();
      for (const [i, place] of places.entries()) encoded[place] = made[i] ?? {};
    }
    return encoded;
  }

  /** Texts of about equal length in each batch. */
  split(inputs: readonly EncoderInput[]): EncoderBatch[] {
    const ids = inputs.map(input => this.#tokenizer.encode(requireText(input), this.#most));
    const groups = groupTexts(
      ids.map(each => each.length),
      this.#budget,
    );
    return groups.map(group => ({ places: group.places, encode: () => this.#run(group, ids) }));
  }

  async dispose(): Promise<void> {
    await this.#programs.dispose();
    this.#state.dispose();
  }

  async #run({ places, batch, length }: TextGroup, ids: readonly (readonly number[])[]): Promise<EncodedSignals[]> {
    const { dim } = this.#net;
    const tokens = new Float32Array(batch * length * dim);
    const mask = new Float32Array(batch * length);
    for (const [row, place] of places.entries()) {
      const own = ids[place] ?? [];
      this.#net.embed(own, tokens.subarray(row * length * dim, (row + 1) * length * dim));
      mask.fill(1, row * length, row * length + own.length);
    }
    const { executable } = await this.#programs.open(`${batch} ${length}`, async () => ({
      executable: await this.#engine.compile(optimize(this.#net.trace(batch, length), this.#engine)),
    }));
    const { text } = await executable.run(this.#state, {
      tokens: { shape: [batch, length, dim], dtype: 'f32', data: tokens },
      mask: { shape: [batch, length], dtype: 'f32', data: mask },
    });
    if (!(text?.data instanceof Float32Array)) throw new Internal('the text network made no f32 vectors');
    const { data } = text;
    const size = text.shape.at(-1) ?? dim;
    return places.map((place, row) => {
      const count = ids[place]?.length ?? 0;
      const own = data.slice(row * length * size, (row * length + count) * size);
      requireStorable(own);
      return { text: { shape: [count, size], data: own } };
    });
  }
}

function requireText(input: EncoderInput): string {
  if ('caption' in input) return input.caption;
  throw new Unprocessable('the encoder reads captions, not pictures');
}

/** The largest number that a column stores. */
const LARGEST_F16 = 65_504;

function requireStorable(values: Float32Array): void {
  if (values.every(value => Math.abs(value) <= LARGEST_F16)) return;
  throw new Unprocessable('the text network made numbers that are not finite, or larger than f16 has', {
    expected: 'weights of the encoder, whole',
    hint: 'install the weights again',
  });
}
