/** @file Makes the outputs of a lineage again in a second store, and compares them with the recorded digests. */
import { z } from 'zod';
import { tryJson } from '../../configs/try-json.ts';
import { Conflict } from '../../errors.ts';
import { type ApiClient, type CallOptions, isStored, type JsonValue, unlessMissing } from '../http.ts';
import { type Lineage, nameOf, type Step } from './lineage.ts';

/** The part of a server that a rebuild uses. */
export type Site = Pick<ApiClient, 'request' | 'bytes' | 'upload' | 'call'>;

/** The first place at which the second store has something else. */
export interface Difference {
  readonly step: Step;
  /** Name of the output; absent: the call was another action. */
  readonly output?: string;
  readonly expected: string;
  readonly got: string;
  /** `tensors.model.0` of a document, `byte 1234 of 5678`; absent: the first store has no such blob any more. */
  readonly where?: string;
}

export interface Rebuilt {
  /** Blobs copied into the second store. */
  readonly copied: number;
  /** Actions that were computed, and those that it already had. */
  readonly computed: number;
  readonly found: number;
  readonly difference?: Difference;
}

export interface RebuildListener extends Pick<CallOptions, 'stop' | 'onEvent'> {
  onCopied?(done: number, total: number): void;
  onStep?(step: Step, place: number, seconds: number, cache: 'hit' | 'miss'): void;
}

const resultSchema = z.looseObject({ outputs: z.record(z.string(), z.looseObject({ digest: z.string() })) });

/**
 * Copies what no action made, then makes every call in its order. Stops at the first difference.
 * @param from The store of the lineage: only its leaves are read. @param to The second store.
 */
export async function rebuild(
  from: Site,
  to: Site,
  { steps, leaves }: Pick<Lineage, 'steps' | 'leaves'>,
  listener: RebuildListener = {},
): Promise<Rebuilt> {
  let copied = 0;
  for (const [i, { digest, media_type, text }] of leaves.entries()) {
    listener.stop?.throwIfAborted();
    if (!(await isStored(to, digest))) {
      const bytes = text === undefined ? await from.bytes(`/objects/${digest}`) : Buffer.from(text);
      await to.upload(digest, bytes, media_type);
      copied++;
    }
    listener.onCopied?.(i + 1, leaves.length);
  }
  const count = { computed: 0, found: 0 };
  for (const [i, step] of steps.entries()) {
    const startedAt = performance.now();
    const { stop, onEvent } = listener;
    const { result, cache, action } = await to.call(step.function, step.body, {
      ...(stop && { stop }),
      ...(onEvent && { onEvent }),
    });
    count[cache === 'hit' ? 'found' : 'computed']++;
    const difference = await compareStep(from, to, step, { result, ...(action !== undefined && { action }) });
    if (difference) return { copied, ...count, difference };
    listener.onStep?.(step, i + 1, (performance.now() - startedAt) / 1000, cache ?? 'miss');
  }
  return { copied, ...count };
}

async function compareStep(
  from: Site,
  to: Site,
  step: Step,
  { result, action }: { readonly result: JsonValue; readonly action?: string },
): Promise<Difference | undefined> {
  if (action !== step.action) return { step, expected: step.action, got: action ?? 'no action' };
  const { outputs } = resultSchema.parse(result);
  for (const [output, expected] of Object.entries(step.outputs)) {
    const got = outputs[output]?.digest;
    if (got === expected) continue;
    if (got === undefined) return { step, output, expected, got: 'nothing' };
    const where = await findDifference(from, to, expected, got);
    return { step, output, expected, got, ...(where !== undefined && { where }) };
  }
  return undefined;
}

/** Where two blobs differ; undefined if the first store no longer has its own. */
async function findDifference(from: Site, to: Site, expected: string, got: string): Promise<string | undefined> {
  const before = await from.bytes(`/objects/${expected}`).catch(unlessMissing);
  if (before === undefined) return undefined;
  const after = await to.bytes(`/objects/${got}`);
  const [one, other] = [readObject(before), readObject(after)];
  const path = one !== undefined && other !== undefined ? firstPath(one, other) : undefined;
  return path ?? firstByte(before, after);
}

/** The keys to the first value that differs, such as `tensors.model.0`. */
function firstPath(one: unknown, other: unknown, path: readonly string[] = []): string | undefined {
  if (JSON.stringify(one) === JSON.stringify(other)) return undefined;
  if (typeof one === 'object' && typeof other === 'object' && one && other) {
    for (const key of Object.keys({ ...one, ...other })) {
      const inner = [one, other].map(each => (each as Readonly<Record<string, unknown>>)[key]);
      const found = firstPath(inner[0], inner[1], [...path, key]);
      if (found !== undefined) return found;
    }
  }
  return path.join('.');
}

function firstByte(one: Uint8Array, other: Uint8Array): string {
  const at = one.findIndex((byte, i) => byte !== other[i]);
  return `byte ${at < 0 ? one.length : at} of ${one.length}`;
}

/** A document; undefined for other bytes. */
function readObject(bytes: Uint8Array): unknown {
  return bytes[0] === '{'.charCodeAt(0) ? tryJson(Buffer.from(bytes).toString('utf8')) : undefined;
}

/** @throws Conflict naming what makes the walk impossible. */
export function checkLineage({ steps, holes }: Pick<Lineage, 'steps' | 'holes'>): void {
  const stale = steps.find(step => step.stale !== undefined);
  if (stale) {
    throw new Conflict(`${nameOf(stale)} would be another action in this version of Easel: ${stale.stale}`, {
      expected: 'the version of Easel, and of its libraries, that made the picture',
      hint: 'check that version out, and call again',
    });
  }
  const [hole] = holes;
  if (hole === undefined) return;
  const reader = steps.find(({ action }) => action === hole.needed_by);
  throw new Conflict(
    `${holes.length === 1 ? 'a blob is' : `${holes.length} blobs are`} gone, and no record tells how they were made: ` +
      `${hole.digest} (${hole.role}), which ${reader ? nameOf(reader) : 'the picture'} reads`,
    {
      expected: 'originals, configs, weights and uploads that are still stored',
      hint: 'PUT them to /objects/DIGEST if you have them elsewhere; pictures that were deleted on purpose stay deleted',
    },
  );
}
