/**
 * @file A step between two chunks of a training. It makes one document, the artifact, of the checkpoint just trained.
 */
import type { z } from 'zod';
import type { Config } from '../../../configs/schema.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Json } from '../../../storage/canonical.ts';
import type { Digest } from '../../../storage/digest.ts';
import type { ExperimentHead } from '../../../storage/experiment-record.ts';
import type { BlobStore } from '../../../storage/types.ts';
import type { CallAnswer } from '../../define.ts';

/** The end of a chunk, before the head moves to it. */
export interface Border {
  /** The experiment when the chunk began. */
  readonly head: ExperimentHead;
  readonly config: Config;
  /** Optimizer steps taken by now. */
  readonly step: number;
}

export interface BorderContext extends Border {
  readonly blobs: BlobStore;
  /** Calls a pure function by name; the call is cancelled with the training. */
  call(name: string, body: Json): Promise<CallAnswer>;
  /** Tells the events of the run. */
  tell(message: string): void;
}

/** A file of the view: a copy of a blob, or JSON. `name` is relative to the folder of the artifact and the step. */
export type ArtifactFile = { readonly name: string } & ({ readonly blob: Digest } | { readonly json: Json });

export type ArtifactScalars = Readonly<Record<string, number | null | undefined>>;

/** What TensorBoard shows of an artifact besides its numbers, by tag. A tag has the same kind at every border. */
export interface ArtifactShown {
  /** Blobs of PNG files, side by side under one tag. */
  readonly pictures?: Readonly<Record<string, readonly Digest[]>>;
  /** Markdown. */
  readonly texts?: Readonly<Record<string, string>>;
}

interface ArtifactOptions<Document> {
  /** `kind` of the document. */
  readonly kind: string;
  readonly schema: z.ZodType<Document>;
  /** Only when no linked blob is a document with links: then gc does not look into what the document links. */
  readonly linksLeaves?: true;
  /** Of the view: `experiments/<name>/<folder>/step0000100/` has the files. */
  readonly folder: string;
  files(document: Document): readonly ArtifactFile[];
  /** Numbers of the last step of the chunk, by name, for its metrics. A number that was not finite is null. */
  scalars?(document: Document): ArtifactScalars;
  shown?(document: Document): ArtifactShown;
  /** Lines of Markdown for the README.md of the view. */
  describe(config: Config): string;
}

/** A kind of artifact: gc, verify and the views know of it what stands here. */
export interface ArtifactKind extends Omit<ArtifactOptions<unknown>, 'files' | 'scalars' | 'shown'> {
  readFiles(blobs: BlobStore, artifact: Digest): Promise<readonly ArtifactFile[]>;
  /** Absent: the artifact has no numbers. */
  readScalars?(blobs: BlobStore, artifact: Digest): Promise<ArtifactScalars>;
  /** Absent: TensorBoard shows nothing of it but its numbers. */
  readShown?(blobs: BlobStore, artifact: Digest): Promise<ArtifactShown>;
}

export interface NamedArtifact {
  /** Key in a chunk's `artifacts`. */
  readonly name: string;
  readonly artifact: ArtifactKind;
}

export interface BorderStep extends NamedArtifact {
  /** Whether the step runs at this border. */
  due(border: Border): boolean;
  /**
   * @returns The artifact; undefined: none could be made. It must depend on nothing but head, config and checkpoint: a
   * killed step runs again.
   */
  run(ctx: BorderContext, checkpoint: Digest): Promise<Digest | undefined>;
}

export function defineBorderStep<Document>(
  step: Omit<BorderStep, 'artifact'> & { readonly artifact: ArtifactOptions<Document> },
): BorderStep {
  return { ...step, artifact: artifactKind(step.artifact) };
}

/** A kind of artifact with its reader. */
export function artifactKind<Document>({
  files,
  scalars,
  shown,
  ...artifact
}: ArtifactOptions<Document>): ArtifactKind {
  const { kind, schema } = artifact;
  const read = (blobs: BlobStore, digest: Digest) =>
    readDocument(blobs, digest, schema, `a document of the kind ${kind}`);
  const readFiles = async (blobs: BlobStore, digest: Digest) => files(await read(blobs, digest));
  const readScalars = scalars && (async (blobs: BlobStore, digest: Digest) => scalars(await read(blobs, digest)));
  const readShown = shown && (async (blobs: BlobStore, digest: Digest) => shown(await read(blobs, digest)));
  return { ...artifact, readFiles, ...(readScalars && { readScalars }), ...(readShown && { readShown }) };
}
