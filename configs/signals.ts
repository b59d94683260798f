/**
 * @file The one table of signals and columns. A signal is an input of the network besides the noisy picture. The column
 * of its name stores it: one member per picture, `{id}.{suffix}`. A signal may be missing: dropped, not given, or not
 * in the dataset. The network then gets zeros with `keep_NAME` 0, and the signal leaves no trace in the output.
 */
import { z } from 'zod';
import { DEEPEST, LONGEST_SIDE, MOST_TEXT_TOKENS, WIDEST } from './bounds.ts';
import { DIGEST_PATTERN } from './stored-names.ts';

export const probability = z.number().min(0).max(1);

const width = z.int().positive().max(WIDEST);
const stride = z.int().positive().max(LONGEST_SIDE);

/** The encoder that made a column. */
const encoderShape = {
  encoder: z.string(),
  /** Digests of the blobs of its weights, by part; absent: no weights. */
  weights: z.record(z.string(), z.array(z.string().regex(DIGEST_PATTERN))).optional(),
};

/** So many of the last layers of the encoder are summed. Absent: its last layer alone. */
const layers = z.int().min(2).max(DEEPEST).exactOptional();

/**
 * What is done to the vectors of an encoder before they are projected: their scale is theirs to say. rms: each is
 * divided by its root mean square, for encoders whose length means little. none: the numbers are of unit variance.
 */
const normSchema = z.enum(['rms', 'none']);
export type VectorNorm = z.infer<typeof normSchema>;

/** Sizes of a batch. Together with the condition they decide the shape of a signal. */
export interface Frame {
  /** Size of the pictures in pixels. */
  readonly height: number;
  readonly width: number;
  /** Number of rows that a padded signal is fed. */
  readonly tokens: number;
}

/** A category of condition dropout: its key in `objective.cfg_dropout`, and its default share of the samples. */
interface DropoutCategory {
  readonly key: `p_${string}`;
  readonly share: number;
}

interface SignalRow<C extends z.ZodObject> {
  /** End of the names of the column's members, as in the shards of the seed. */
  readonly suffix: string;
  /** Format in which the column stores the signal. The network is fed f32. */
  readonly dtype: 'f16' | 'f32';
  /** Axes of a stored member, in words. */
  readonly axes: string;
  /** Description of the column in the README of a dataset. */
  readonly about: string;
  /** Schema of `model.conditions.NAME`: dimensions, and the encoder that made the column. */
  readonly condition: C;
  /** Shape of one sample that the network is fed. */
  shape(condition: z.output<C>, frame: Frame): readonly number[];
  /** The first axis has another length in each picture. It is fed padded to `Frame.tokens`, with a mask `NAME_mask`. */
  readonly padded?: true;
  /** Categories of samples that are trained without this signal, and with this signal alone. */
  readonly dropout?: { readonly without?: DropoutCategory; readonly alone?: DropoutCategory };
}

function signal<C extends z.ZodObject>(row: SignalRow<C>): SignalRow<C> {
  return row;
}

/** In the order in which the network takes the signals and dropout draws its categories. */
export const SIGNALS = {
  text: signal({
    suffix: 't5h.npy',
    dtype: 'f16',
    axes: '[tokens, dim]',
    about: 'its caption encoded, one row per token',
    condition: z.strictObject({ ...encoderShape, dim: width, tokens: z.int().positive().max(MOST_TEXT_TOKENS) }),
    shape: ({ dim }, { tokens }) => [tokens, dim],
    padded: true,
    dropout: { alone: { key: 'p_text_only', share: 0.25 } },
  }),
  cls: signal({
    suffix: 'dinov3.npy',
    dtype: 'f32',
    axes: '[dim]',
    about: 'a vector for the whole picture',
    /** Stride: where it decides the vector, and is not the usual one. Norm absent: none, as before the key existed. */
    condition: z.strictObject({
      ...encoderShape,
      dim: width,
      stride: stride.exactOptional(),
      layers,
      norm: normSchema.optional(),
    }),
    shape: ({ dim }) => [dim],
    dropout: { alone: { key: 'p_dino_cls_only', share: 0.05 } },
  }),
  patches: signal({
    suffix: 'dinov3_patches.npy',
    dtype: 'f16',
    axes: '[rows, columns, dim]',
    about: 'a vector for each of its patches',
    /** Features lie on a grid of `stride` pixels. Norm absent: rms, as before the key existed. */
    condition: z.strictObject({ ...encoderShape, dim: width, stride, layers, norm: normSchema.optional() }),
    shape: ({ dim, stride }, { height, width }) => [height / stride, width / stride, dim],
    dropout: { alone: { key: 'p_dino_patches_only', share: 0.05 } },
  }),
  pose: signal({
    suffix: 'pose.npy',
    dtype: 'f32',
    axes: '[133, (x, y, confidence)]',
    about: 'the joints of the person in it',
    /**
     * 133 joints of COCO-WholeBody. A joint below the threshold counts as absent. Without an encoder the poses come
     * from elsewhere: from the person who brought the pictures, or from their drawing.
     */
    condition: z.strictObject({
      joints: z.literal(133).default(133),
      threshold: probability.default(0.05),
      encoder: encoderShape.encoder.optional(),
      weights: encoderShape.weights,
      /** What the encoder left out: options of `detect-pose`. */
      joint_score: probability.optional(),
      person_score: probability.optional(),
    }),
    shape: ({ joints }) => [joints, 3],
    dropout: { without: { key: 'p_drop_pose', share: 0.1 }, alone: { key: 'p_pose_only', share: 0.05 } },
  }),
} as const;

/** What a dataset says of its column `patches`: the encoder that made it, and its sizes. For losses that read it. */
export const patchColumnSchema = SIGNALS.patches.condition.omit({ norm: true });
export type PatchColumn = z.infer<typeof patchColumnSchema>;

export type SignalName = keyof typeof SIGNALS;

/** Names of the signals. Object.keys returns strings; the type of the table gives their names. */
export const SIGNAL_NAMES = Object.keys(SIGNALS) as readonly SignalName[];

type ConditionShape = { [S in SignalName]: z.ZodOptional<(typeof SIGNALS)[S]['condition']> };

/** Signals that a model is conditioned on. They are filled in from the dataset when an experiment is created. */
export const conditionsSchema = z
  // Object.fromEntries loses the pairing of names and schemas.
  .strictObject(mapSignals((_, row) => row.condition.optional()) as ConditionShape)
  .meta({ description: 'signals the model is conditioned on; default: those of the dataset' });
export type Conditions = z.infer<typeof conditionsSchema>;

/** Shape of one sample of a signal that the network is fed; undefined if the model is not conditioned on the signal. */
export function shapeOfSignal(
  conditions: Conditions | undefined,
  name: SignalName,
  frame: Frame,
): readonly number[] | undefined {
  const condition = conditions?.[name];
  // TypeScript cannot see that row and condition belong to the same signal.
  const row: { shape(condition: unknown, frame: Frame): readonly number[] } = SIGNALS[name];
  return condition && row.shape(condition, frame);
}

/** Signals of a model, in the order of the table. */
export function signalsOf(conditions: Conditions | undefined): SignalName[] {
  return SIGNAL_NAMES.filter(name => conditions?.[name] !== undefined);
}

export function isPadded(name: SignalName): boolean {
  return 'padded' in SIGNALS[name];
}

export interface Category extends Pick<DropoutCategory, 'key'> {
  /** Absent: the category is off unless a config names it. */
  readonly share?: number;
  /** The signals that the category keeps alone, or leaves out. */
  readonly of?: readonly SignalName[];
  /** Signals that samples of this category keep. */
  readonly keeps: readonly SignalName[];
}

/**
 * Categories of dropout in the order in which they are drawn. A sample has at most one; without one it keeps all
 * signals.
 */
export const DROPOUT_CATEGORIES: readonly Category[] = [
  { key: 'p_uncond', share: 0.1, keeps: [] },
  ...SIGNAL_NAMES.flatMap(name => {
    const { without, alone }: NonNullable<SignalRow<z.ZodObject>['dropout']> = SIGNALS[name].dropout ?? {};
    return [
      ...(without ? [{ ...without, of: [name], keeps: SIGNAL_NAMES.filter(other => other !== name) }] : []),
      ...(alone ? [{ ...alone, of: [name], keeps: [name] }] : []),
    ];
  }),
  // Last: the draws of the others stay as they are.
  { key: 'p_text_pose', of: ['text', 'pose'], keeps: ['text', 'pose'] },
];

/** Suffix of the members of a column, and its description. */
interface ColumnRow {
  readonly suffix: string;
  readonly about: string;
}

const PICTURE_COLUMNS = {
  inspect: {
    suffix: 'inspect.json',
    about: 'format, size, marks by which near-duplicates are found, or the reason why it is rejected',
  },
  image: { suffix: 'image.npy', about: 'the picture as training sees it, uint8 [3, height, width]' },
  crop: { suffix: 'crop.json', about: 'the window of the scaled picture that it keeps, and the shares that it loses' },
  mask: { suffix: 'mask.npy', about: 'the weight of each of its pixels in the loss, uint8 [height, width]' },
  caption: { suffix: 'txt', about: 'its caption' },
  scores: { suffix: 'scores.json', about: 'what a classifier says of it: a number for each label' },
  curate: { suffix: 'curate.json', about: 'measures of it and of its caption, by which it may be left out' },
} as const;

export type ColumnName = keyof typeof PICTURE_COLUMNS | SignalName;

/** Columns in the order of the pipeline. The column of a signal has the name of the signal. */
export const COLUMNS: Readonly<Record<ColumnName, ColumnRow>> = { ...PICTURE_COLUMNS, ...SIGNALS };

export const COLUMN_NAMES = Object.keys(COLUMNS) as readonly ColumnName[];

export function isSignal(column: ColumnName): column is SignalName {
  return column in SIGNALS;
}

/** Name of a picture's member in a column: `0123456789abcdef.image.npy`. */
export function memberName(column: ColumnName, id: string): string {
  return `${id}.${COLUMNS[column].suffix}`;
}

/** Names the member of a further caption of a picture, or of what is made of it: `0123456789abcdef.1.txt`. */
export function variantId(id: string, variant: number): string {
  return `${id}.${variant}`;
}

/** Ids of the further captions of a picture that a column has. */
export function variantsOf(members: { has(member: string): boolean }, column: ColumnName, id: string): string[] {
  const found: string[] = [];
  while (members.has(memberName(column, variantId(id, found.length + 1)))) found.push(variantId(id, found.length + 1));
  return found;
}

/** Makes one value per signal. */
function mapSignals<T>(make: (name: SignalName, row: SignalRow<z.ZodObject>) => T): Record<SignalName, T> {
  // Variance: `make` never gets the condition of another row.
  const rows = Object.entries(SIGNALS) as unknown as [SignalName, SignalRow<z.ZodObject>][];
  return Object.fromEntries(rows.map(([name, row]) => [name, make(name, row)])) as Record<SignalName, T>;
}
