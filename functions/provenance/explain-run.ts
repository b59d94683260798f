/** @file Why an action ran: what differs from the most similar action before it, and from where that comes. */
import { z } from 'zod';
import { BlobMissing } from '../../errors.ts';
import { canonicalDigest, type Json } from '../../storage/canonical.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { Made } from '../../storage/lineage-record.ts';
import { digestSchema } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { unknownAction } from './describe-lineage.ts';
import { anyJsonSchema, diffJson, type JsonDifference } from './diff-json.ts';
import { createMadeIndex, type Dated, type MadeIndex } from './made-index.ts';

const differenceSchema = z.strictObject({ path: z.string(), before: anyJsonSchema, after: anyJsonSchema });

export const whyAnswerSchema = z.strictObject({
  v: z.literal(1),
  action: digestSchema,
  function: z.string(),
  /** The action of the same function, committed before, that differs in the least. Null: it is the first one. */
  similar: digestSchema.nullable(),
  /** What differs in the actions themselves. */
  differences: z.array(differenceSchema),
  /** What these come from: a changed digest is followed to the parameter, config key or original that changed. */
  causes: z.array(
    differenceSchema.extend({
      /** The function with the difference, or the document. */
      in: z.string(),
      /** The inputs through which it came: `preview.checkpoint`, `train-chunk.dataset`. */
      through: z.array(z.string()),
    }),
  ),
});
export type WhyAnswer = z.infer<typeof whyAnswerSchema>;

/** Causes in an answer. */
const MOST_CAUSES = 50;

/** @throws NotFound when nothing is known of the action. */
export async function explainRun(store: ObjectStore, blobs: BlobStore, action: Digest): Promise<WhyAnswer> {
  const index = createMadeIndex(store, blobs);
  const made = await index.action(action);
  if (made === undefined) throw unknownAction(action);
  const similar = await findSimilar(index, made);
  const differences = similar ? diffJson(similar.action as Json, made.action as Json) : [];
  const causes = similar ? await new CauseSearch(index, blobs).follow(made.action.function, differences) : [];
  return {
    v: 1,
    action,
    function: made.action.function,
    similar: similar ? canonicalDigest(similar.action) : null,
    differences,
    causes: causes.slice(0, MOST_CAUSES),
  };
}

/** Of those before it the one with the fewest differences; of equals the newest. */
async function findSimilar(index: MadeIndex, { action }: Made): Promise<Made | undefined> {
  const all = await index.actionsOf(action.function);
  const digest = canonicalDigest(action);
  const own = all.find(({ made }) => canonicalDigest(made.action) === digest)?.at ?? Number.POSITIVE_INFINITY;
  const later = listLater(all, digest);
  let found: { readonly made: Made; readonly count: number } | undefined;
  for (const { made, at = 0 } of all) {
    // A page of a dataset and the dataset are actions of one function, and not alike.
    if (at > own || later.has(made) || 'items' in made.action.inputs !== 'items' in action.inputs) continue;
    const count = diffJson(made.action as Json, action as Json).length;
    if (count > 0 && (found === undefined || count < found.count)) found = { made, count };
  }
  return found?.made;
}

/** Those that were computed after an action because they read, in some steps, what it made: records have no time. */
function listLater(all: readonly Dated[], action: Digest): ReadonlySet<Made> {
  const readers = new Map<Digest, Made[]>();
  for (const { made } of all) {
    for (const input of Object.values(made.action.inputs)) {
      const known = readers.get(input);
      if (known) known.push(made);
      else readers.set(input, [made]);
    }
  }
  const later = new Set<Made>();
  const open = all.flatMap(({ made }) => (canonicalDigest(made.action) === action ? [made] : []));
  for (let made = open.pop(); made; made = open.pop()) {
    for (const reader of Object.values(made.outputs).flatMap(output => readers.get(output) ?? [])) {
      if (later.has(reader)) continue;
      later.add(reader);
      open.push(reader);
    }
  }
  return later;
}

type Cause = WhyAnswer['causes'][number];

class CauseSearch {
  readonly #index: MadeIndex;
  readonly #blobs: BlobStore;
  /** Pairs of digests that were followed: a chain of chunks meets the same config again and again. */
  readonly #followed = new Set<string>();

  constructor(index: MadeIndex, blobs: BlobStore) {
    this.#index = index;
    this.#blobs = blobs;
  }

  async follow(
    place: string,
    differences: readonly JsonDifference[],
    through: readonly string[] = [],
  ): Promise<Cause[]> {
    const causes: Cause[] = [];
    // Chunks of unlike steps have unlike parents.
    const isOtherRange = place === 'train-chunk' && differences.some(({ path }) => path === 'params.from');
    for (const difference of differences) {
      const { path, before, after } = difference;
      if (isOtherRange && path === 'inputs.parent') continue;
      if (typeof before !== 'string' || typeof after !== 'string' || !isDigest(before) || !isDigest(after)) {
        causes.push({ ...difference, in: place, through: [...through] });
        continue;
      }
      const pair = `${before} ${after}`;
      if (this.#followed.has(pair)) continue;
      this.#followed.add(pair);
      const way = `${place}.${path.replace(/^inputs\./, '')}`;
      causes.push(...(await this.#followDigests(difference, before, after, place, [...new Set([...through, way])])));
    }
    return causes;
  }

  async #followDigests(
    difference: JsonDifference,
    before: Digest,
    after: Digest,
    place: string,
    through: readonly string[],
  ): Promise<Cause[]> {
    const [one, other] = await Promise.all([before, after].map(each => this.#makerOf(each)));
    if (one && other && one.action.function === other.action.function) {
      return this.follow(one.action.function, diffJson(one.action as Json, other.action as Json), through);
    }
    const [first, second] = await Promise.all([before, after].map(each => this.#readDocument(each)));
    if (!one && !other && first !== undefined && second !== undefined) {
      return this.follow(difference.path.replace(/^inputs\./, ''), diffJson(first, second), through);
    }
    return [{ ...difference, in: place, through: [...through.slice(0, -1)] }];
  }

  async #makerOf(digest: Digest): Promise<Made | undefined> {
    return (await this.#index.makersOf(digest))[0];
  }

  /** Undefined if the blob is not stored, or is not JSON. */
  async #readDocument(digest: Digest): Promise<Json | undefined> {
    try {
      const ref = await this.#blobs.head(digest);
      if (ref?.media_type !== 'application/json') return undefined;
      return z.json().parse(JSON.parse(Buffer.from(await this.#blobs.get(digest)).toString('utf8')));
    } catch (error) {
      if (error instanceof BlobMissing || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
}
