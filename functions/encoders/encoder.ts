/** @file An encoder makes signals from captions or from pictures. It is a row of the table in encoders.ts. */
import type { z } from 'zod';
import type { Precision } from '../../configs/engines.ts';
import type { Conditions, SignalName, VectorNorm } from '../../configs/signals.ts';
import type { Noted } from '../notes/notes.ts';
import type { PlanarImage } from '../pictures/planar.ts';

/** Inputs of encoders, by column of a page. The condition of a sample that is encoded in the same way has this type. */
export interface EncoderInputs {
  /** For a sample: a prompt. */
  readonly caption: string;
  /** For a sample: a reference picture, scaled and cropped to the size of the sample. */
  readonly image: PlanarImage;
}
export type EncoderSource = keyof EncoderInputs;

/** One signal of one input, in the shape of a member of its column. */
export interface EncodedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type EncodedSignals = Readonly<Partial<Record<SignalName, EncodedArray>>>;

/** Dimensions as `model.conditions` and the dataset state them: { dim: 64 }, { dim: 27, stride: 8 }. */
export type Dimensions = Readonly<Record<string, number>>;

/** Digests of the blobs that hold weights, by part. */
export type Weights = Readonly<Record<string, readonly string[]>>;

/** What an encoder in the gpu-runner finds out about inputs besides their signals, by id: { persons: 2 }. */
export type InputFacts = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** An encoder reads the first units of a text. */
export interface TextLimit<O> {
  /** Units that it reads. */
  most(options: O): number;
  /** As people call it, in the singular: 'word'. */
  readonly unit: string;
  /** Part of the weights that the counter needs; absent: none. */
  readonly part?: string;
  /** Returns what counts the units of a whole text: 0 if it has none that the encoder knows. */
  open(file: Uint8Array): (text: string) => number;
}

interface EncoderRow<R extends EncoderSource, O extends z.ZodObject> {
  readonly name: string;
  /** Raised if equal inputs give other numbers. Enters the action. */
  readonly version: number;
  readonly reads: R;
  /** Keys of the body of `encode-text` or `encode-image`, besides `encoder`. */
  readonly options: O;
  /** Dimensions of each signal that it makes. */
  readonly makes: Readonly<Partial<Record<SignalName, (options: z.output<O>) => Dimensions>>>;
  /** `model.conditions.SIGNAL.norm` of an experiment on its vectors; absent: rms. */
  readonly norms?: Readonly<Partial<Record<SignalName, VectorNorm>>>;
  /** Options under which a sample is encoded like the model's training data. */
  optionsOf(conditions: Conditions): z.input<O>;
  /** Names of the parts whose weights the action carries; absent: no weights. */
  readonly weights?: readonly string[];
  /** Parts of weights that are fitted to the data set, with these options; absent: none. */
  fitted?(options: z.output<O>): readonly string[];
  /** Parts that the action carries if they are there. */
  readonly optionalWeights?: readonly string[];
  /** How much of a caption or prompt it reads; absent: all. */
  readonly limit?: R extends 'caption' ? TextLimit<z.output<O>> : never;
  /** Versions of libraries that change numbers. They enter the action. */
  readonly tools?: Readonly<Record<string, string>>;
}

/** Encoder that runs in the server's pool of worker threads. */
interface ServerEncoder<R extends EncoderSource, O extends z.ZodObject> extends EncoderRow<R, O> {
  readonly runs: 'server';
  /** @throws Unprocessable for an input that the options do not fit. */
  encode(input: EncoderInputs[R], options: z.output<O>): EncodedSignals;
}

/** Encoder that runs in the gpu-runner, where gpu-runner/encoders/encoders.ts has a row of the same name. */
interface RunnerEncoder<R extends EncoderSource, O extends z.ZodObject> extends EncoderRow<R, O> {
  readonly runs: 'runner';
  /** Precisions in which its numbers are right, and why not in others; absent: all. */
  readonly precisions?: { readonly allowed: readonly Precision[]; readonly why: string };
  /** Notes on the pictures of a page, by what the gpu-runner found out about them. */
  noteFacts?(items: readonly { readonly id: string; readonly name: string }[], facts: InputFacts): readonly Noted[];
}

export type Encoder<R extends EncoderSource = EncoderSource, O extends z.ZodObject = z.ZodObject> =
  | ServerEncoder<R, O>
  | RunnerEncoder<R, O>;

// Variance: the table holds encoders of any input and options. A call passes what `reads` and `options` describe.
// biome-ignore lint/suspicious/noExplicitAny: the one place where the types of an encoder are forgotten
export type AnyEncoder = Encoder<any, any>;

export function defineEncoder<R extends EncoderSource, O extends z.ZodObject>(encoder: Encoder<R, O>): Encoder<R, O> {
  return encoder;
}

export function signalsMadeBy({ makes }: AnyEncoder): SignalName[] {
  return Object.keys(makes) as SignalName[];
}
