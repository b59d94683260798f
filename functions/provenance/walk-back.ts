/** @file Walks from an action or a blob back to what no action made: originals, configs, weights, uploads. */
import { z } from 'zod';
import { tryJson } from '../../configs/try-json.ts';
import { Unprocessable } from '../../errors.ts';
import { canonicalDigest, type Json } from '../../storage/canonical.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { Made } from '../../storage/lineage-record.ts';
import { digestSchema } from '../../storage/records.ts';
import type { BlobRef, BlobStore } from '../../storage/types.ts';
import { actionOfPng } from '../execution/publish-png.ts';
import type { MadeIndex } from './made-index.ts';

/** What a blob that no action made is for. */
export type LeafRole = 'originals' | 'config' | 'weights' | 'checkpoint' | 'other';

export interface Leaf {
  readonly blob: BlobRef;
  readonly role: LeafRole;
  /** Of a dataset: its text. */
  readonly text?: string;
  /** False: the text is in a record only. */
  readonly isStored: boolean;
}

/** A blob that the walk needs, that no known action made, and that the store does not have. */
export interface Hole {
  readonly digest: Digest;
  readonly role: LeafRole;
  /** Action that needs it; absent: the walk began with it. */
  readonly neededBy?: Digest;
}

export interface Walk {
  /** Actions, each after those that make its inputs. */
  readonly steps: readonly Made[];
  readonly leaves: readonly Leaf[];
  readonly holes: readonly Hole[];
}

export interface WalkOptions {
  /** `originals`: as far as it goes. `checkpoint`: only to checkpoints and datasets that are stored. */
  readonly from?: 'originals' | 'checkpoint';
}

const sourcesSchema = z.object({
  sets: z.array(z.object({ dataset: digestSchema })).optional(),
  init_from: z.object({ checkpoint: digestSchema.optional() }).optional(),
});

/** A larger blob is not a document. */
const MAX_DOCUMENT_BYTES = 64 << 20;
const DOCUMENT_TYPE = 'application/json';

/** The digests in a JSON value, each once. */
export function digestsIn(value: unknown): Digest[] {
  const found = new Set<Digest>();
  const look = (each: unknown) => {
    if (typeof each === 'string') {
      if (isDigest(each)) found.add(each);
    } else if (typeof each === 'object' && each !== null) {
      for (const inner of Object.values(each)) look(inner);
    }
  };
  look(value);
  return [...found];
}

export class BackWalk {
  readonly #index: MadeIndex;
  readonly #blobs: BlobStore;
  readonly #from: 'originals' | 'checkpoint';
  readonly #steps = new Map<Digest, Made>();
  readonly #leaves = new Map<Digest, Leaf>();
  readonly #holes = new Map<Digest, Hole>();
  /** Actions whose inputs are being walked: an action may not need itself. */
  readonly #open = new Set<Digest>();

  constructor(index: MadeIndex, blobs: BlobStore, { from = 'originals' }: WalkOptions = {}) {
    this.#index = index;
    this.#blobs = blobs;
    this.#from = from;
  }

  get walk(): Walk {
    return {
      steps: [...this.#steps.values()],
      leaves: [...this.#leaves.values()],
      holes: [...this.#holes.values()],
    };
  }

  /** Adds an action, after all that its inputs need. */
  async addAction(made: Made): Promise<void> {
    const digest = canonicalDigest(made.action);
    if (this.#steps.has(digest)) return;
    this.#open.add(digest);
    const { inputs, params, engine } = made.action;
    for (const [key, input] of Object.entries(inputs)) await this.addBlob(input, roleOfInput(key), digest);
    for (const input of digestsIn([params as Json, engine ?? null])) await this.addBlob(input, 'other', digest);
    this.#open.delete(digest);
    this.#steps.set(digest, made);
  }

  /** Adds the action that made the blob; if none is known, the blob itself and the blobs that it names. */
  async addBlob(digest: Digest, role: LeafRole, neededBy?: Digest): Promise<void> {
    if (this.#leaves.has(digest) || this.#holes.has(digest)) return;
    const maker = await this.#findMaker(digest, role);
    if (maker) await this.addAction(maker);
    else await this.#addLeaf(digest, role, neededBy);
  }

  async #findMaker(digest: Digest, role: LeafRole): Promise<Made | undefined> {
    if (role === 'config' || role === 'weights') return undefined;
    const makers = await this.#listMakers(digest, role);
    const known = makers.find(({ action }) => this.#steps.has(canonicalDigest(action)));
    const maker = known ?? makers.find(({ action }) => !this.#open.has(canonicalDigest(action)));
    const isKeptHere = this.#from === 'checkpoint' && maker && isState(maker, digest) && (await this.#isWhole(digest));
    return isKeptHere ? undefined : maker;
  }

  /** A stored PNG tells its action, so no results are searched for it. */
  async #listMakers(digest: Digest, role: LeafRole): Promise<readonly Made[]> {
    const blob = await this.#blobs.head(digest);
    if (blob?.media_type !== 'image/png') {
      const makers = await this.#index.makersOf(digest);
      // Pictures of a dataset, that a sheet or a score reads: the stage that made their page makes them again.
      const isColumn = makers.length === 0 && role === 'other' && (this.#from === 'originals' || blob === undefined);
      return isColumn ? this.#index.stagesWith(digest) : makers;
    }
    const action = tellAction(await this.#blobs.get(digest));
    const made = action && (await this.#index.action(action));
    return made && Object.values(made.outputs).includes(digest) ? [made] : [];
  }

  async #addLeaf(digest: Digest, given: LeafRole, neededBy: Digest | undefined): Promise<void> {
    const stored = await this.#blobs.head(digest);
    const recorded = stored ? undefined : await this.#index.document(digest);
    if (stored === undefined && recorded === undefined) {
      this.#holes.set(digest, { digest, role: given, ...(neededBy && { neededBy }) });
      return;
    }
    const blob = stored ?? { digest, size: Buffer.byteLength(recorded ?? ''), media_type: DOCUMENT_TYPE };
    const text = recorded ?? (await this.#readText(blob));
    const document = tryJson(text);
    const role = roleOfDocument(document) ?? given;
    const isDataset = roleOfDocument(document) === 'originals';
    this.#leaves.set(digest, { blob, role, isStored: stored !== undefined, ...(isDataset && text && { text }) });
    const inner = role === 'config' ? 'weights' : role;
    // Columns of a dataset that an effect put together are copied with it; only whole documents have makers.
    const made = new Set(documentsOf(document));
    for (const each of made)
      await this.addBlob(each, roleOfInput(role === 'config' ? 'checkpoint' : 'dataset'), neededBy);
    // A mixture names the pages of its sets, which are made again.
    const copied = role === 'originals' && made.size > 0 ? [] : digestsIn(document);
    for (const each of copied) {
      if (!made.has(each) && !this.#leaves.has(each)) await this.#addLeaf(each, inner, neededBy);
    }
  }

  async #isWhole(digest: Digest): Promise<boolean> {
    const blob = await this.#blobs.head(digest);
    const document = blob && tryJson(await this.#readText(blob));
    if (document === undefined) return false;
    const refs = await Promise.all(digestsIn(document).map(each => this.#blobs.head(each)));
    return refs.every(ref => ref !== undefined);
  }

  /** Undefined for a blob that is not JSON. */
  async #readText({ digest, media_type, size }: BlobRef): Promise<string | undefined> {
    if (media_type !== DOCUMENT_TYPE || size > MAX_DOCUMENT_BYTES) return undefined;
    return Buffer.from(await this.#blobs.get(digest)).toString('utf8');
  }
}

/** Undefined for a blob that is no PNG, or a damaged one, whatever its media type says. */
function tellAction(bytes: Uint8Array): Digest | undefined {
  try {
    return actionOfPng(bytes);
  } catch (error) {
    if (error instanceof Unprocessable) return undefined;
    throw error;
  }
}

/** Whether the blob is the checkpoint or the dataset that the action made. */
function isState({ outputs: { checkpoint, dataset } }: Made, blob: Digest): boolean {
  return blob === checkpoint || blob === dataset;
}

/** The documents that a leaf was made of: the sets of a mixture, the checkpoint whose weights a config begins with. */
function documentsOf(document: unknown): Digest[] {
  const { sets = [], init_from } = sourcesSchema.safeParse(document).data ?? {};
  return [...sets.map(({ dataset }) => dataset), ...(init_from?.checkpoint ? [init_from.checkpoint] : [])];
}

function roleOfInput(key: string): LeafRole {
  if (key === 'config' || key === 'parent_config') return 'config';
  if (key === 'checkpoint' || key === 'parent') return 'checkpoint';
  if (key === 'dataset' || key === 'previous') return 'originals';
  return key.startsWith('weights.') ? 'weights' : 'other';
}

function roleOfDocument(document: unknown): LeafRole | undefined {
  const kind = typeof document === 'object' && document !== null && 'kind' in document ? document.kind : undefined;
  return kind === 'dataset' ? 'originals' : kind === 'checkpoint' ? 'checkpoint' : undefined;
}
