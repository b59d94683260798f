/** @file The job `encode`: makes columns of signals from the members of a column, batch by batch. */
import { memberName, type SignalName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import { spreadIndexes } from '../../numerics/spread-indexes.ts';
import { encodeSignalMember } from '../../storage/blobs/column-member.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { BlobRef } from '../../storage/types.ts';
import type {
  EncodedArray,
  EncodedSignals,
  EncoderBatch,
  EncoderInput,
  OpenEncoder,
  RunnerEncoder,
} from '../encoders/encoder.ts';
import { RUNNER_ENCODERS, type RunnerEncoders } from '../encoders/encoders.ts';
import type { EncodeJob } from '../protocol.ts';
import type { JobContext, JobHandler } from './context.ts';

/** Creates the handler. It keeps the weights of the last encoder on its engine. */
export function createEncodeJob(encoders: RunnerEncoders = RUNNER_ENCODERS): JobHandler<'encode'> {
  let resident: { readonly key: string; readonly encoder: OpenEncoder } | undefined;

  async function open(ctx: JobContext, job: EncodeJob, row: RunnerEncoder): Promise<OpenEncoder> {
    const key = canonicalJson([job.encoder, job.options, job.weights, job.engine]);
    if (resident?.key === key) return resident.encoder;
    await resident?.encoder.dispose();
    resident = undefined;
    const engine = await ctx.engine(job.engine);
    const readWeights = async (part: string, isOptional = false) => {
      const digests = job.weights[part] ?? (isOptional ? [] : undefined);
      if (digests) return Promise.all(digests.map(digest => ctx.blobs.get(digest)));
      throw new Unprocessable(`the encoder ${job.encoder} needs the weights "${part}"`, {
        expected: `weights.${part}: the digests of its blobs`,
      });
    };
    const encoder = await row.open(engine, job.options, readWeights);
    resident = { key, encoder };
    if (encoder.cost !== undefined) ctx.progress({ phase: 'encode', message: encoder.cost });
    return encoder;
  }

  return async (ctx, job) => {
    const row = findRow(encoders, job);
    const encoder = await open(ctx, job, row);
    const started = performance.now();
    const wanted = job.sample && new Set(job.sample.ids.map(id => memberName(job.reads, id)));
    const members = [...readColumn(await ctx.blobs.get(job.column))].filter(([name]) => wanted?.has(name) ?? true);
    const columns = new Map<SignalName, Map<string, Uint8Array>>(row.signals.map(signal => [signal, new Map()]));
    const made: (readonly (readonly [SignalName, StoredMember])[])[] = new Array(members.length);
    const facts: Record<string, Readonly<Record<string, number>>> = {};
    const total = members.length;
    let done = 0;
    for (const { places, encode } of divide(encoder, members, job.reads, row.batch)) {
      const encoded = await encode();
      for (const [i, place] of places.entries()) {
        const id = members[place]?.[0].slice(0, -memberName(job.reads, '').length) ?? '';
        const found = encoded[i]?.facts;
        if (found) facts[id] = found;
        made[place] = storeSignals(row.signals, id, encoded[i] ?? {}, job.sample?.patches);
      }
      done += places.length;
      ctx.progress({ phase: 'encode', done, total, unit: 'items' });
      await ctx.breathe();
    }
    // In the order of the members, whatever the batches were.
    for (const [signal, member] of made.flat()) columns.get(signal)?.set(...member);
    const outputs: Record<string, BlobRef> = {};
    for (const [signal, column] of columns) {
      outputs[signal] = await ctx.blobs.put(packColumn(column), 'application/x-tar');
    }
    if (Object.keys(facts).length > 0) {
      outputs.facts = await ctx.blobs.put(Buffer.from(canonicalJson(facts)), 'application/json');
    }
    return { outputs, links: [], stats: { seconds: (performance.now() - started) / 1000, items: members.length } };
  };
}

type StoredMember = readonly [name: string, bytes: Uint8Array];

/** The members of one input, which take half the memory of its numbers. @param patches How many are taken; all. */
function storeSignals(
  signals: readonly SignalName[],
  id: string,
  encoded: EncodedSignals,
  patches: number | undefined,
): (readonly [SignalName, StoredMember])[] {
  return signals.flatMap(signal => {
    const array = encoded[signal];
    if (array === undefined) return [];
    const taken = signal === 'patches' && patches !== undefined ? spreadRows(array, patches) : array;
    return [[signal, encodeSignalMember(signal, id, taken)] as const];
  });
}

/** [rows, columns, dim] -> [count, dim]: at most so many cells, evenly spread over all. */
function spreadRows({ shape, data }: EncodedArray, most: number): EncodedArray {
  const dim = shape.at(-1) ?? 0;
  const cells = data.length / dim;
  const chosen = spreadIndexes(cells, most);
  const taken = new Float32Array(chosen.length * dim);
  for (const [i, cell] of chosen.entries()) taken.set(data.subarray(cell * dim, (cell + 1) * dim), i * dim);
  return { shape: [chosen.length, dim], data: taken };
}

/** Batches as the encoder divides them; else so many members at a time, which are read only then. */
function divide(
  encoder: OpenEncoder,
  members: readonly (readonly [name: string, bytes: Uint8Array])[],
  reads: EncodeJob['reads'],
  size: number,
): readonly EncoderBatch[] {
  const inputsOf = (some: typeof members) => some.map(([name, bytes]) => readInput(reads, name, bytes));
  if (encoder.split) return encoder.split(inputsOf(members));
  return Array.from({ length: Math.ceil(members.length / size) }, (_, batch) => {
    const some = members.slice(batch * size, (batch + 1) * size);
    return { places: some.map((_, i) => batch * size + i), encode: () => encoder.encode(inputsOf(some)) };
  });
}

function findRow(encoders: RunnerEncoders, { encoder: name, version }: EncodeJob): RunnerEncoder {
  const row = Object.hasOwn(encoders, name) ? encoders[name] : undefined;
  if (row === undefined) {
    throw new Unprocessable(`the gpu-runner has no encoder "${name}"`, {
      expected: `one of: ${Object.keys(encoders).join(', ') || 'none'}`,
    });
  }
  if (row.version !== version) {
    throw new Unprocessable(`the gpu-runner has version ${row.version} of the encoder ${name}, not ${version}`, {
      expected: 'server and gpu-runner of one version of Easel',
      hint: 'restart both from the same clone',
    });
  }
  return row;
}

function readInput(reads: EncodeJob['reads'], name: string, bytes: Uint8Array): EncoderInput {
  if (reads === 'caption') return { caption: Buffer.from(bytes).toString('utf8') };
  const { dtype, shape, data } = decodeNpy(bytes);
  const [channels, height = 0, width = 0] = shape;
  if (dtype === 'u8' && channels === 3 && shape.length === 3) return { image: { data, height, width } };
  throw new Unprocessable(`${name} is ${dtype}[${shape}]`, { expected: 'u8[3, height, width]' });
}
