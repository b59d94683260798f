/**
 * @file The one table of signals and columns. A signal is an input of the network beside the noisy picture. It is
 * stored as the column of its own name: one member for each picture, `{id}.{suffix}`. A signal that is left out
 * (dropped, not asked for, not in the data set) is fed as zeros with `keep_NAME` 0, and leaves no trace in the output.
 */
import { z } from 'zod';

export const probability = z.number().min(0).max(1);

const size = z.int().positive();

/** The encoder that made a column. */
const encoderShape = {
  encoder: z.string(),
  /** Digests of the blobs of its weights, by part; absent: it has none. */
  weights: z.record(z.string(), z.array(z.string().regex(/^sha256:[0-9a-f]{64}$/))).optional(),
};

/** What a signal's shape depends on beside its condition. */
export interface Frame {
  /** Pixels. */
  readonly height: number;
  readonly width: number;
  /** Rows that a padded signal is fed. */
  readonly tokens: number;
}

/**
 * A category of condition dropout: its key in `objective.cfg_dropout`, and its share of the samples unless the config
 * says otherwise.
 */
interface DropoutCategory {
  readonly key: `p_${string}`;
  readonly share: number;
}

interface SignalRow<C extends z.ZodObject> {
  /** Ends the names of the column's members, as in the seed's shards. */
  readonly suffix: string;
  /** In which the column stores it; the network is fed f32. */
  readonly dtype: 'f16' | 'f32';
  /** The same shape in words. */
  readonly axes: string;
  /** What a picture's README says of the column. */
  readonly about: string;
  /** What `model.conditions.NAME` says of it: dimensions, and the encoder that made the column. */
  readonly condition: C;
  /** Of one sample as the network is fed it. */
  shape(condition: z.output<C>, frame: Frame): readonly number[];
  /** Its first axis is as long as the picture's own: fed padded to `Frame.tokens`, with a mask `NAME_mask`. */
  readonly padded?: true;
  /** Samples that are trained without it, and with nothing else. */
  readonly dropout?: { readonly without?: DropoutCategory; readonly alone?: DropoutCategory };
}

function signal<C extends z.ZodObject>(row: SignalRow<C>): SignalRow<C> {
  return row;
}

/** In the order in which the network takes them and dropout's categories are drawn. */
export const SIGNALS = {
  text: signal({
    suffix: 't5h.npy',
    dtype: 'f16',
    axes: '[tokens, dim]',
    about: 'its caption encoded, one row per token',
    condition: z.strictObject({ ...encoderShape, dim: size, tokens: size }),
    shape: ({ dim }, { tokens }) => [tokens, dim],
    padded: true,
    dropout: { alone: { key: 'p_text_only', share: 0.25 } },
  }),
  cls: signal({
    suffix: 'dinov3.npy',
    dtype: 'f32',
    axes: '[dim]',
    about: 'a vector for the whole picture',
    condition: z.strictObject({ ...encoderShape, dim: size }),
    shape: ({ dim }) => [dim],
    dropout: { alone: { key: 'p_dino_cls_only', share: 0.05 } },
  }),
  patches: signal({
    suffix: 'dinov3_patches.npy',
    dtype: 'f16',
    axes: '[rows, columns, dim]',
    about: 'a vector for each of its patches',
    /** Features on a grid of `stride` pixels. */
    condition: z.strictObject({ ...encoderShape, dim: size, stride: size }),
    shape: ({ dim, stride }, { height, width }) => [height / stride, width / stride, dim],
    dropout: { alone: { key: 'p_dino_patches_only', share: 0.05 } },
  }),
  pose: signal({
    suffix: 'pose.npy',
    dtype: 'f32',
    axes: '[133, (x, y, confidence)]',
    about: 'the joints of the person in it',
    /** 133 joints of COCO-WholeBody; those below the threshold count as absent. */
    condition: z.strictObject({ joints: z.literal(133).default(133), threshold: probability.default(0.05) }),
    shape: ({ joints }) => [joints, 3],
    dropout: { without: { key: 'p_drop_pose', share: 0.1 }, alone: { key: 'p_pose_only', share: 0.05 } },
  }),
} as const;

export type SignalName = keyof typeof SIGNALS;

/** Object.keys knows no more than string; the table is the witness. */
export const SIGNAL_NAMES = Object.keys(SIGNALS) as readonly SignalName[];

type ConditionShape = { [S in SignalName]: z.ZodOptional<(typeof SIGNALS)[S]['condition']> };

/** What the data set offers to condition on; resolved from the data set when an experiment is created. */
export const conditionsSchema = z
  // Object.fromEntries forgets which name has which schema.
  .strictObject(mapSignals((_, row) => row.condition.optional()) as ConditionShape)
  .meta({ description: 'signals the model is conditioned on; filled in from the dataset when left out' });
export type Conditions = z.infer<typeof conditionsSchema>;

/** Shape of one sample of a signal as the network is fed it; undefined when the model is not conditioned on it. */
export function shapeOfSignal(
  conditions: Conditions | undefined,
  name: SignalName,
  frame: Frame,
): readonly number[] | undefined {
  const condition = conditions?.[name];
  // TypeScript cannot see that row and condition are of the same signal.
  const row: { shape(condition: unknown, frame: Frame): readonly number[] } = SIGNALS[name];
  return condition && row.shape(condition, frame);
}

/** The signals of a model, in the table's order. */
export function signalsOf(conditions: Conditions | undefined): SignalName[] {
  return SIGNAL_NAMES.filter(name => conditions?.[name] !== undefined);
}

export function isPadded(name: SignalName): boolean {
  return 'padded' in SIGNALS[name];
}

interface Category extends DropoutCategory {
  /** Signals that its samples keep. */
  readonly keeps: readonly SignalName[];
}

/** Mutually exclusive, in the order in which they are drawn; the rest of the samples keeps all signals. */
export const DROPOUT_CATEGORIES: readonly Category[] = [
  { key: 'p_uncond', share: 0.1, keeps: [] },
  ...SIGNAL_NAMES.flatMap(name => {
    const { without, alone }: NonNullable<SignalRow<z.ZodObject>['dropout']> = SIGNALS[name].dropout ?? {};
    return [
      ...(without ? [{ ...without, keeps: SIGNAL_NAMES.filter(other => other !== name) }] : []),
      ...(alone ? [{ ...alone, keeps: [name] }] : []),
    ];
  }),
];

/** How the column of a data set's pages is named, stored and described. */
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
  caption: { suffix: 'txt', about: 'its caption' },
} as const;

export type ColumnName = keyof typeof PICTURE_COLUMNS | SignalName;

/** In the order of the pipeline; a signal's column has the signal's name. */
export const COLUMNS: Readonly<Record<ColumnName, ColumnRow>> = { ...PICTURE_COLUMNS, ...SIGNALS };

export const COLUMN_NAMES = Object.keys(COLUMNS) as readonly ColumnName[];

export function isSignal(column: ColumnName): column is SignalName {
  return column in SIGNALS;
}

/** `0123456789abcdef.image.npy`: the member of a column that belongs to a picture. */
export function memberName(column: ColumnName, id: string): string {
  return `${id}.${COLUMNS[column].suffix}`;
}

/** One value per signal. */
function mapSignals<T>(make: (name: SignalName, row: SignalRow<z.ZodObject>) => T): Record<SignalName, T> {
  // Variance: no row is called with another row's condition here.
  const rows = Object.entries(SIGNALS) as unknown as [SignalName, SignalRow<z.ZodObject>][];
  return Object.fromEntries(rows.map(([name, row]) => [name, make(name, row)])) as Record<SignalName, T>;
}
