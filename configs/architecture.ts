/**
 * @file Switches of the network. Each is optional: a default would change the digests of all configs. The comment of a
 * key states the form without the key.
 */
import { z } from 'zod';
import { DEEPEST } from './bounds.ts';
import { type Conditions, type SignalName, signalsOf } from './signals.ts';

/** Registers beyond this number would outweigh the picture. */
const MOST_REGISTERS = 1024;

export const architectureShape = {
  /**
   * rope: queries and keys rotate with the place of their token, and a learned map of its Fourier features is added to
   * the token. sincos: fixed sines and cosines of whole row and column numbers are added to the token, as in the seed.
   * Absent: rope.
   */
  position: z.enum(['rope', 'sincos']).optional(),
  /** True: queries and keys are normed, with a learned gain. Absent: true. */
  qk_norm: z.boolean().optional(),
  /** The norm of the tokens before each branch and before the head, without learned numbers. Absent: rms. */
  norm: z.enum(['rms', 'layer']).optional(),
  /** swiglu: three matrices. gelu: two matrices and the tanh form of GELU, as in the seed. Absent: swiglu. */
  mlp: z.enum(['swiglu', 'gelu']).optional(),
  /** True: each branch is multiplied by a gate that adaLN computes. Absent: true. */
  adaln_gates: z.boolean().optional(),
  /** modulated: adaLN shifts and scales the tokens before the last map. plain: it does not. Absent: modulated. */
  head: z.enum(['modulated', 'plain']).optional(),
  /** True: a 3x3 convolution of the prediction is added to it. Its weights start at 0. Absent: false. */
  output_conv: z.boolean().optional(),
  /** True: area and aspect of the picture are added to the time embedding. Absent: false. */
  size_embedding: z.boolean().optional(),
  /**
   * Learned tokens that join the image tokens before block `block` (0 is the first; absent: a third of the depth). They
   * have no place, are never routed past a block and never dropped. Absent: none.
   */
  registers: z
    .strictObject({ count: z.int().min(1).max(MOST_REGISTERS), block: z.int().min(0).max(DEEPEST).optional() })
    .optional(),
  /**
   * fan_in: matrices start with variance 1 / inputs. xavier: 2 / (inputs + outputs), and the embeddings of joints with
   * variance 1, as in the seed. Absent: fan_in.
   */
  init: z.enum(['fan_in', 'xavier']).optional(),
  /**
   * True: the maps of adaLN and the last map start at 0, so an untrained network predicts 0. False: they start like
   * other matrices, as in the original, whose global initialization undid its zeros. Absent: true.
   */
  zero_init: z.boolean().optional(),
  /** The norm of context tokens, with a learned gain. Absent: rms; for patches the norm of their condition. */
  context_norm: z.enum(['rms', 'layer', 'none']).optional(),
  /** True: the projections of text, CLS and patches have a bias. Absent: false. */
  projection_bias: z.boolean().optional(),
  /**
   * A dropped signal is a learned vector. hidden: in the place of its token. input: in the place of its numbers,
   * projected like them; it starts at 0, as in the seed. Absent: hidden.
   */
  nulls: z.enum(['hidden', 'input']).optional(),
  /**
   * Weight of a null token of text or patches among the context tokens. one: that of one token. all: that of as many
   * equal tokens as the signal may have, as in the original, where they drown the other signals. Absent: one.
   */
  null_tokens: z.enum(['one', 'all']).optional(),
  /**
   * The token of CLS with `arch: cross`. signal: the projected vector. conditioning: its sum with the time embedding,
   * as in the seed. Absent: signal.
   */
  cls_token: z.enum(['signal', 'conditioning']).optional(),
  /** How the network takes text. */
  text: z
    .strictObject({
      /** True: a learned vector of its place in the text is added to each token. Absent: true. */
      position: z.boolean().optional(),
    })
    .optional(),
  /** How the network takes the features of patches. */
  patches: z
    .strictObject({
      /**
       * spatial_add: added to the image tokens, through a gate that starts at 0. cross: as context tokens. Absent:
       * spatial_add with `arch: joint`, cross with `arch: cross`.
       */
      mode: z.enum(['spatial_add', 'cross', 'both']).optional(),
      /** True: context tokens have a place in the picture, in the form of `position`. Absent: true. */
      position: z.boolean().optional(),
    })
    .optional(),
  /** How the network takes the joints of a pose. */
  pose: z
    .strictObject({
      /**
       * fourier: one matrix, of Fourier features of the place, and the confidence. mlp: two matrices with GELU between
       * them, of x, y and confidence, as in the seed. Absent: fourier.
       */
      embedding: z.enum(['fourier', 'mlp']).optional(),
      /**
       * A joint below the threshold, or of a dropped pose. masked: has no token. attended: has a learned token of its
       * own, as in the seed. Absent: masked.
       */
      null_pose: z.enum(['masked', 'attended']).optional(),
      /** True: tokens have a place in the picture, in the form of `position`. Absent: true. */
      position: z.boolean().optional(),
      /** True: a learned vector of the joint is added to its token. Absent: true. */
      joint_embeddings: z.boolean().optional(),
    })
    .optional(),
};

const architectureSchema = z.strictObject(architectureShape);
/** The switches, as other modules read them from a model's config. */
export type Architecture = z.infer<typeof architectureSchema>;

/** The keys that decide which signals are context. */
type ContextKeys = Pick<Architecture, 'patches'> & { readonly arch: 'joint' | 'cross' };

/** Where the features of patches enter the network. */
export function patchesModeOf({ arch, patches }: ContextKeys): 'spatial_add' | 'cross' | 'both' {
  return patches?.mode ?? (arch === 'joint' ? 'spatial_add' : 'cross');
}

/** The signals of a model that have context tokens. */
export function contextSignalsOf(model: ContextKeys & { readonly conditions?: Conditions | undefined }): SignalName[] {
  const isContext = (name: SignalName) =>
    name === 'patches' ? patchesModeOf(model) !== 'spatial_add' : name !== 'cls' || model.arch === 'cross';
  return signalsOf(model.conditions).filter(isContext);
}

/** The block before which the registers join the image tokens. */
export function registerBlockOf({ registers, depth }: Pick<Architecture, 'registers'> & { readonly depth: number }) {
  return registers?.block ?? Math.floor(depth / 3);
}
