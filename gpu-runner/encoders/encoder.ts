/** @file What an encoder that runs on an engine is: a row of the table in encoders.ts. */
import type { SignalName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import type { Engine } from '../compiler/engine.ts';

/** uint8 [3, height, width], RGB. */
export interface Picture {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
}

export type EncoderInput = { readonly caption: string } | { readonly image: Picture };

/** @throws Unprocessable for a caption. */
export function requirePicture(input: EncoderInput): Picture {
  if ('image' in input) return input.image;
  throw new Unprocessable('the encoder reads pictures, not captions');
}

/** One signal of one input, in the shape of its column's members. */
export interface EncodedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** Steps in which it is stored as i8; absent: it is stored in the type of its signal. */
  readonly steps?: Float32Array;
}

export type EncodedSignals = Readonly<Partial<Record<SignalName, EncodedArray>>>;

/** The signals of one input, and what else was found out about it: { persons: 2 }. */
export type EncodedInput = EncodedSignals & { readonly facts?: Readonly<Record<string, number>> };

/** Inputs that are encoded at once. */
export interface EncoderBatch {
  /** Their indices. */
  readonly places: readonly number[];
  /** One result for each of them, in the order of `places`. */
  encode(): Promise<readonly EncodedInput[]>;
}

/** Weights loaded onto an engine. */
export interface OpenEncoder {
  /** What one input takes, as a line for a person. Absent: nothing that a person would ask about. */
  readonly cost?: string;
  /** One result for each input, in their order. */
  encode(inputs: readonly EncoderInput[]): Promise<readonly EncodedInput[]>;
  /** Divides inputs into batches; between two of them waiting jobs run. Absent: `batch` inputs after the others. */
  split?(inputs: readonly EncoderInput[]): readonly EncoderBatch[];
  dispose(): Promise<void>;
}

export interface RunnerEncoder {
  /** That of the encoder's row in functions/encoders/encoders.ts. */
  readonly version: number;
  readonly signals: readonly SignalName[];
  /** Inputs encoded at once, unless the open encoder divides them itself; between two batches waiting jobs run. */
  readonly batch: number;
  /**
   * @param readWeights The blobs of a part, in their order; of an optional part that is not given, none.
   * @throws Unprocessable when options or weights do not fit the encoder.
   */
  open(
    engine: Engine,
    options: Readonly<Record<string, unknown>>,
    readWeights: (part: string, isOptional?: boolean) => Promise<readonly Uint8Array[]>,
  ): Promise<OpenEncoder>;
}
