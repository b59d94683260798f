/** @file Runs inputs that lie in no dataset through an encoder of the gpu-runner. */
import { memberName, type SignalName } from '../../configs/signals.ts';
import { Internal } from '../../errors.ts';
import { fromF16Bits } from '../../formats/half.ts';
import { encodeNpy } from '../../formats/npy.ts';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import type { EncodeJob } from '../../gpu-runner/protocol.ts';
import { decodeSignalMember } from '../../storage/blobs/column-member.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { FunctionContext } from '../define.ts';
import { runJob } from '../execution/runner-job.ts';
import type { AnyEncoder, EncodedArray, EncodedSignals, EncoderInputs, EncoderSource, Weights } from './encoder.ts';
import { allowedPrecision } from './precision.ts';
import { requireWeights } from './weights.ts';

export interface RunnerInputs {
  readonly options: Readonly<Record<string, unknown>>;
  readonly weights: Weights | undefined;
  /** Those that are read from the answer. */
  readonly signals: readonly SignalName[];
  readonly inputs: readonly EncoderInputs[EncoderSource][];
  readonly engine: EngineSpec;
}

/** One row of signals for each input, as the columns of a dataset would hold them. */
export async function encodeOnRunner(
  ctx: FunctionContext,
  encoder: AnyEncoder,
  { options, weights, signals, inputs, engine }: RunnerInputs,
): Promise<readonly EncodedSignals[]> {
  const ids = inputs.map((_, i) => String(i));
  const members = inputs.map((input, i) => [memberName(encoder.reads, ids[i] ?? ''), encodeInput(input)] as const);
  const { outputs } = await runJob(ctx, {
    kind: 'encode',
    encoder: encoder.name,
    version: encoder.version,
    reads: encoder.reads,
    options: options as EncodeJob['options'],
    weights: requireWeights(encoder, weights, options),
    column: (await ctx.blobs.put(packColumn(new Map(members)), 'application/x-tar')).digest,
    engine: allowedPrecision(encoder, engine),
  });
  const columns = await Promise.all(
    signals.map(async signal => {
      const output = outputs[signal];
      if (output === undefined) throw new Internal(`the encoder ${encoder.name} made no column ${signal}`);
      return [signal, readColumn(await ctx.blobs.get(output.digest))] as const;
    }),
  );
  return ids.map(id =>
    Object.fromEntries(columns.map(([signal, column]) => [signal, readArray(column.get(memberName(signal, id)))])),
  );
}

function encodeInput(input: EncoderInputs[EncoderSource]): Uint8Array {
  if (typeof input === 'string') return Buffer.from(input);
  return encodeNpy({ dtype: 'u8', shape: [3, input.height, input.width], data: input.data });
}

/** The numbers of a stored member; undefined without one. */
export function readArray(member: Uint8Array | undefined): EncodedArray | undefined {
  if (member === undefined) return undefined;
  const { shape, data } = decodeSignalMember(member, 'a signal');
  return { shape, data: data instanceof Float32Array ? data : Float32Array.from(data, fromF16Bits) };
}
