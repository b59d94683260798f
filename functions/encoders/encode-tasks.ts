/** @file Runs server encoders in the worker pool: on a page of a dataset, or on the conditions of samples. */
import { type ColumnName, isSignal, memberName, type SignalName } from '../../configs/signals.ts';
import { Internal, Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { encodeSignalMember } from '../../storage/blobs/column-member.ts';
import type { PlanarImage } from '../pictures/planar.ts';
import {
  type AnyEncoder,
  type EncodedSignals,
  type EncoderInputs,
  type EncoderSource,
  signalsMadeBy,
} from './encoder.ts';
import { ENCODERS, findEncoder } from './encoders.ts';

interface EncodeTask {
  readonly encoder: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface EncodePageTask extends EncodeTask {
  readonly ids: readonly string[];
  /** Members of the column that the encoder reads. */
  readonly members: ReadonlyMap<string, Uint8Array>;
}

/** Members of each column that the encoder makes. */
export type EncodedPage = Readonly<Partial<Record<ColumnName, Map<string, Uint8Array>>>>;

export interface EncodeInputsTask extends EncodeTask {
  readonly inputs: readonly EncoderInputs[EncoderSource][];
}

/** @throws Unprocessable naming the picture whose member is missing or has another type. */
export function encodePage(
  { encoder: name, options, ids, members }: EncodePageTask,
  encoders: readonly AnyEncoder[] = ENCODERS,
): EncodedPage {
  const { encode, reads, columns } = openEncoder(findEncoder(name, encoders), options);
  const made: Partial<Record<SignalName, Map<string, Uint8Array>>> = {};
  for (const column of columns) made[column] = new Map();
  for (const id of ids) {
    const member = members.get(memberName(reads, id));
    if (member === undefined) {
      throw new Unprocessable(`${id} has no ${reads}`, {
        hint: `run the stage that makes the column "${reads}" again`,
      });
    }
    const signals = encode(reads === 'caption' ? Buffer.from(member).toString('utf8') : readImage(id, member));
    for (const column of columns) {
      const array = signals[column];
      if (array) made[column]?.set(...encodeSignalMember(column, id, array));
    }
  }
  return made;
}

export function encodeInputs({ encoder: name, options, inputs }: EncodeInputsTask): EncodedSignals[] {
  return inputs.map(openEncoder(findEncoder(name), options).encode);
}

function openEncoder(encoder: AnyEncoder, given: EncodeTask['options']) {
  if (encoder.runs !== 'server') throw new Internal(`the encoder ${encoder.name} runs in the gpu-runner`);
  const options = encoder.options.parse(given);
  const reads: EncoderSource = encoder.reads;
  return {
    reads,
    columns: signalsMadeBy(encoder).filter(isSignal),
    encode: (input: EncoderInputs[EncoderSource]): EncodedSignals => encoder.encode(input, options),
  };
}

function readImage(id: string, member: Uint8Array): PlanarImage {
  const { dtype, shape, data } = decodeNpy(member);
  const [channels, height = 0, width = 0] = shape;
  if (dtype === 'u8' && channels === 3 && shape.length === 3) return { data, width, height };
  throw new Unprocessable(`the image of ${id} is ${dtype}[${shape}]`, { expected: 'u8[3, height, width]' });
}
