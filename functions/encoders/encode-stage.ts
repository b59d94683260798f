/** @file Makes the stages that encode, one for each column that encoders read. The encoder decides the signals. */
import { z } from 'zod';
import { describeMistake } from '../../configs/issue-text.ts';
import { type SignalName, variantsOf } from '../../configs/signals.ts';
import { Internal } from '../../errors.ts';
import type { EncodeJob } from '../../gpu-runner/protocol.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import type { BlobRef } from '../../storage/types.ts';
import type { PageFunction, PageOutcome } from '../define.ts';
import { requireEngine, runJob } from '../execution/runner-job.ts';
import type { Noted } from '../notes/notes.ts';
import type { EncodedPage, EncodePageTask } from './encode-tasks.ts';
import { type AnyEncoder, type EncoderSource, signalsMadeBy } from './encoder.ts';
import { encodersOf, findEncoder, toolsOfEncoder } from './encoders.ts';
import { type NoteCaptionsTask, readCounterFile } from './note-texts.ts';
import { requirePrecision } from './precision.ts';
import { requireWeights } from './weights.ts';

export interface EncodeStage {
  readonly name: string;
  readonly summary: string;
  readonly version: number;
  readonly reads: EncoderSource;
  /** Encoder of a body that names no encoder. */
  readonly usual: string;
  readonly example: Json;
}

type EncodeInput = { readonly encoder: string } & Readonly<Record<string, unknown>>;

/**
 * A page function whose body has `encoder` and the options of that encoder.
 * @param encoders Encoders that read the stage's column; default: those of the table.
 */
export function encodeStage(
  { reads, usual, ...stage }: EncodeStage,
  encoders: readonly AnyEncoder[] = encodersOf(reads),
): Omit<PageFunction, 'kind'> {
  const names = encoders.map(({ name }) => name);
  /** The encoder that a body names, and its options with defaults. */
  const read = (given: unknown) => {
    const { encoder: name, engine: _, weights: __, ...options } = given as EncodeInput;
    const encoder = findEncoder(name, encoders);
    return { encoder, options: encoder.options.parse(withoutUndefined(options)) as Readonly<Record<string, unknown>> };
  };
  return {
    ...stage,
    needs: [reads],
    adds: [...new Set(encoders.flatMap(signalsMadeBy))],
    input: bodySchema(encoders, names, usual),
    complete: given => {
      const { encoder, options } = read(given);
      return { encoder: encoder.name, ...options };
    },
    makes: given => signalsMadeBy(read(given).encoder),
    tools: given => toolsOfEncoder(read(given).encoder),
    usesEngine: true,
    usesWeights: true,
    leavesUnread(given) {
      const { encoder } = read(given);
      return encoder.runs === 'runner' && encoder.limit === undefined;
    },
    encoders(given, weights) {
      const { encoder, options } = read(given);
      const made = Object.entries(encoder.makes) as [
        SignalName,
        (options: unknown) => Readonly<Record<string, number>>,
      ][];
      return Object.fromEntries(
        made.map(([signal, dims]) => [
          signal,
          { name: encoder.name, ...dims(options), ...(encoder.weights && weights && { weights }) },
        ]),
      );
    },
    async run(ctx, { items, columns, digests }, { engine, weights, ...given }): Promise<PageOutcome> {
      const { encoder, options } = read(given);
      const members = columns[reads] ?? new Map<string, Uint8Array>();
      const noteCut = async (): Promise<Pick<PageOutcome, 'notes'>> => {
        if (encoder.limit === undefined) return {};
        const counter = await readCounterFile(ctx.blobs, encoder, weights);
        const toNote: NoteCaptionsTask = { encoder: encoder.name, options, items, members, counter };
        return { notes: await ctx.task<Noted[]>('note-captions', toNote) };
      };
      if (encoder.runs === 'runner') {
        const column = digests[reads];
        if (column === undefined) throw new Internal(`${stage.name} ran on a page without the column ${reads}`);
        const { outputs } = await runJob(ctx, {
          kind: 'encode',
          encoder: encoder.name,
          version: encoder.version,
          reads,
          options: options as EncodeJob['options'],
          weights: requireWeights(encoder, weights, options),
          column,
          engine: requirePrecision(encoder, requireEngine(engine)),
        });
        const facts =
          outputs.facts && (await readDocument(ctx.blobs, outputs.facts.digest, factsSchema, 'facts of an encoder'));
        const { notes = [] } = await noteCut();
        return {
          columns: pick(outputs, encoder),
          notes: [...notes, ...(encoder.noteFacts?.(items, facts ?? {}) ?? [])],
        };
      }
      const task: EncodePageTask = {
        encoder: encoder.name,
        options,
        ids: items.flatMap(({ id }) => [id, ...variantsOf(members, reads, id)]),
        members,
      };
      const made = await ctx.task<EncodedPage>('encode-page', task);
      return { columns: made, ...(await noteCut()) };
    },
  };
}

/** Options are optional in this schema, since their defaults depend on the encoder. The encoder's schema has them. */
function bodySchema(encoders: readonly AnyEncoder[], names: readonly string[], usual: string): z.ZodObject {
  const rows = encoders.flatMap(({ name, options: { shape } }) =>
    Object.entries(shape as Record<string, z.ZodType>).map(([key, schema]) => ({ name, key, schema })),
  );
  const options: Record<string, z.ZodType> = {};
  for (const [key, same] of Map.groupBy(rows, row => row.key)) {
    const forms = same.map(({ schema }) => (schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema));
    const [form = z.never(), ...others] = forms;
    options[key] = (others.length > 0 ? anyFormOf([form, ...others]) : form)
      .optional()
      .describe(
        [...Map.groupBy(same, ({ schema }) => schema.description ?? '')]
          .map(([about, rows]) => `${rows.map(({ name }) => name).join(', ')}: ${about}`)
          .join('; '),
      );
  }
  const encoder = z.enum(names as [string, ...string[]]).default(usual);
  return z
    .strictObject({ encoder: encoder.describe(`one of ${names.join(', ')}`), ...options })
    .superRefine((body, issues) => {
      const { encoder: name, engine, weights } = body as EncodeInput;
      const { runs } = findEncoder(name, encoders);
      for (const [key, value] of Object.entries({ engine, weights })) {
        if (runs === 'runner' || value === undefined) continue;
        issues.addIssue({ code: 'custom', path: [key], message: `the encoder ${name} has no ${key}` });
      }
      // The stage adds further keys to the body.
      const given = Object.fromEntries(
        Object.entries(body).filter(([key, value]) => key in options && value !== undefined),
      );
      const parsed = findEncoder(name, encoders).options.safeParse(given, { reportInput: true });
      for (const issue of parsed.error?.issues ?? []) {
        const { code, path } = issue;
        if (code !== 'unrecognized_keys') issues.addIssue({ code: 'custom', path, message: describeMistake(issue) });
        else
          for (const key of issue.keys)
            issues.addIssue({ code: 'custom', path: [key], message: `the encoder ${name} has no option "${key}"` });
      }
    });
}

/** Accepts all, since a mistake in an option is one against the form of its encoder, and told as such. */
function anyFormOf(forms: readonly z.ZodType[]): z.ZodType {
  const { $schema: _, ...shown } = z.toJSONSchema(z.union(forms), { io: 'input' });
  return z.unknown().meta(shown);
}

const factsSchema = z.record(z.string(), z.record(z.string(), z.number()));

function withoutUndefined(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function pick(outputs: Readonly<Record<string, BlobRef>>, encoder: AnyEncoder): PageOutcome['columns'] {
  return Object.fromEntries(
    signalsMadeBy(encoder).map(signal => {
      const output = outputs[signal];
      if (output === undefined) throw new Internal(`the encoder ${encoder.name} made no column ${signal}`);
      return [signal, output];
    }),
  );
}
