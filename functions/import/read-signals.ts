/**
 * @file Turns the arrays of a sample into members of columns, and finds arrays that cannot be right. Work of a worker
 * thread.
 */
import { AppError } from '../../errors.ts';
import { fromF16Bits, toF16Bits } from '../../formats/half.ts';
import { decodeNpy, decodeNpyList, encodeNpy, type NpyArray, readNpyHeader } from '../../formats/npy.ts';
import { decodeSignalMember, reshapeSignalMember } from '../../storage/blobs/column-member.ts';
import { restoreGrid } from './patch-registers.ts';

const JOINTS = 133;

export interface ReadSignalsTask {
  readonly text?: Uint8Array;
  readonly variants?: readonly Uint8Array[];
  /** The mask of the text, as an array or counted; absent: every row is a token. */
  readonly mask?: Uint8Array | { readonly count: number; readonly length: number };
  readonly cls?: Uint8Array;
  readonly patches?: Uint8Array;
  readonly pose?: Uint8Array;
  /** Pixels of the picture that the patches are of; absent: not known. */
  readonly size?: { readonly width: number; readonly height: number };
  /** Rows of `patches` before the first patch; as many patches are lost at its end. */
  readonly registers: number;
}

export interface ReadSignals {
  readonly text?: { readonly members: readonly Uint8Array[]; readonly dim: number; readonly tokens: number };
  readonly cls?: { readonly members: readonly Uint8Array[]; readonly dim: number };
  /** Stride absent: the size is not known, and the member is a list of patches. */
  readonly patches?: { readonly members: readonly Uint8Array[]; readonly dim: number; readonly stride?: number };
  readonly pose?: { readonly members: readonly Uint8Array[] };
}

/** The signals, or why one of them cannot be taken. */
export function readSignals(task: ReadSignalsTask): ReadSignals | { readonly problem: string } {
  const { text, cls, patches, pose } = task;
  let part = '';
  const read = <T>(name: string, bytes: Uint8Array | undefined, make: (array: NpyArray) => T) => {
    part = name;
    return bytes === undefined ? {} : { [name]: make(readFirst(bytes)) };
  };
  try {
    return {
      ...read('text', text, array => readText(array, task)),
      ...read('cls', cls, array => {
        const { shape } = array;
        const [dim = 0] = shape;
        if (shape.length !== 1) throw new Wrong(`has the shape [${shape}]; expected [dim]`);
        return { members: [encodeNpy({ dtype: 'f32', shape, data: toFloats(array) })], dim };
      }),
      ...read('patches', patches, array => readPatches(array, task, patches)),
      ...read('pose', pose, array => {
        if (String(array.shape) !== `${JOINTS},3`) {
          throw new Wrong(`has the shape [${array.shape}]; expected [${JOINTS}, 3]`);
        }
        const data = toFloats(array);
        // The original maps joints that it did not find into the picture.
        for (let i = 0; i < data.length; i += 3) if ((data[i + 2] ?? 0) <= 0) data.fill(0, i, i + 3);
        return { members: [encodeNpy({ dtype: 'f32', shape: array.shape, data })] };
      }),
    };
  } catch (error) {
    if (!(error instanceof Wrong || error instanceof AppError)) throw error;
    return { problem: `its ${part} ${error.message}` };
  }
}

/** Numbers in i8 are followed by their steps. */
function readFirst(bytes: Uint8Array): NpyArray {
  const [first] = readNpyHeader(bytes).dtype === 'i8' ? decodeNpyList(bytes) : [];
  return first ?? decodeNpy(bytes);
}

/** The rest of a sentence that begins with the name of the signal. */
class Wrong extends Error {}

function readText(array: NpyArray, { mask, variants = [] }: ReadSignalsTask) {
  const [rows = 0, dim = 0] = array.shape;
  if (array.shape.length !== 2) throw new Wrong(`has the shape [${array.shape}]; expected [tokens, dim]`);
  const count = mask === undefined ? { count: rows, length: rows } : countMask(mask);
  if (count.length !== rows) {
    throw new Wrong(`has ${rows} rows, and its mask ${count.length}: one of them is of an earlier version`);
  }
  if (count.count < 1) throw new Wrong('has no token by its mask');
  const trim = ({ dtype, data }: NpyArray, tokens: number) =>
    encodeNpy({ dtype: 'f16', shape: [tokens, dim], data: toHalves({ dtype, data }, tokens * dim) });
  const others = variants.map(bytes => {
    const variant = decodeNpy(bytes);
    if (variant.shape.length !== 2 || variant.shape[1] !== dim) {
      throw new Wrong(`of a further caption has the shape [${variant.shape}]; expected [tokens, ${dim}]`);
    }
    return trim(variant, variant.shape[0] ?? 0);
  });
  return { members: [trim(array, count.count), ...others], dim, tokens: rows };
}

function countMask(mask: NonNullable<ReadSignalsTask['mask']>): { readonly count: number; readonly length: number } {
  if (!(mask instanceof Uint8Array)) return mask;
  const { data } = decodeNpy(mask);
  const values = Array.from(data);
  const count = values.filter(each => each === 1).length;
  if (values.some((each, i) => each !== (i < count ? 1 : 0))) {
    throw new Wrong('has a mask that is not ones and then zeros');
  }
  return { count, length: values.length };
}

function readPatches(array: NpyArray, { size, registers }: ReadSignalsTask, bytes: Uint8Array = encodeNpy(array)) {
  const { shape, dtype } = array;
  const dim = shape.at(-1) ?? 0;
  const count = shape.slice(0, -1).reduce((product, each) => product * each, 1);
  if (shape.length !== 2 && shape.length !== 3) {
    throw new Wrong(`has the shape [${shape}]; expected [patches, dim] or [rows, columns, dim]`);
  }
  if (dtype === 'i8') {
    if (registers > 0) throw new Wrong('is of i8, so its registers cannot be taken out');
    if (!decodeSignalMember(bytes, 'array').data.every(Number.isFinite))
      throw new Wrong('has a number that is not finite');
  }
  // Principal components in i8 keep their bytes and their steps.
  const halves = dtype === 'i8' ? undefined : toHalves(array, count * dim);
  const pack = (form: readonly number[], data = halves) =>
    data ? encodeNpy({ dtype: 'f16', shape: form, data }) : reshapeSignalMember(bytes, form, 'array');
  if (size === undefined) {
    if (registers > 0) throw new Wrong('cannot be mended, since the size of its picture is not known');
    return { members: [pack([count, dim])], dim };
  }
  const { width, height } = size;
  const stride = Math.sqrt((width * height) / count);
  if (!Number.isInteger(stride) || width % stride !== 0 || height % stride !== 0) {
    throw new Wrong(`has ${count} patches, which are no grid over ${width} x ${height} pixels`);
  }
  const [rows, columns] = [height / stride, width / stride];
  const data = halves && registers > 0 ? restoreGrid(halves, { columns, dim, registers }) : halves;
  return { members: [pack([rows, columns, dim], data)], dim, stride };
}

/** @throws Wrong on a number that is not finite in float16. */
function toHalves({ dtype, data }: Pick<NpyArray, 'dtype' | 'data'>, length: number): Uint16Array {
  const halves = new Uint16Array(length);
  if (dtype === 'f16') halves.set(data.subarray(0, length));
  else if (dtype === 'f32') for (let i = 0; i < length; i++) halves[i] = toF16Bits(data[i] ?? 0);
  else throw new Wrong(`is of ${dtype}; expected f16 or f32`);
  // An exponent of ones: infinite, or not a number.
  if (halves.some(bits => (bits & 0x7c00) === 0x7c00)) throw new Wrong('has a number that is not finite in float16');
  return halves;
}

function toFloats({ dtype, data }: NpyArray): Float32Array {
  if (dtype !== 'f16' && dtype !== 'f32') throw new Wrong(`is of ${dtype}; expected f16 or f32`);
  const floats = dtype === 'f16' ? Float32Array.from(data, fromF16Bits) : Float32Array.from(data);
  if (!floats.every(Number.isFinite)) throw new Wrong('has a number that is not finite');
  return floats;
}
