/** @file The CLIP networks (arXiv 2103.00020) that Easel runs: what their files do not say. */

export interface ClipNet {
  /** Of the encoder of pictures, and of the weights in the store. */
  readonly name: string;
  /** Numbers of an embedding. */
  readonly dim: number;
  /** Heads of attention of both towers. */
  readonly imageHeads: number;
  readonly textHeads: number;
}

export const CLIP_NETS: readonly ClipNet[] = [
  { name: 'clip-vitb32', dim: 512, imageHeads: 12, textHeads: 8 },
  { name: 'clip-vitl14', dim: 768, imageHeads: 16, textHeads: 12 },
];

/** Tokens that CLIP reads of a text, those of its beginning and end included. */
export const CLIP_TOKENS = 77;

/** The encoder of texts, which has the weights of the encoder of pictures. */
export const clipTextName = ({ name }: Pick<ClipNet, 'name'>): string => `${name}-text`;
