/**
 * @file Shrinks planes of numbers. Each number is a weighted mean over its place in the larger plane, so that nothing
 * aliases: separable, with a filter that widens with the factor, as in Pillow.
 */

/** Weights of one number: those of the numbers from `first` on. They sum to 1. */
interface Window {
  readonly first: number;
  readonly weights: Float64Array;
}

type Filter = { readonly reach: number; at(x: number): number };

/** Catmull-Rom (Keys 1981 with a = -1/2), which keeps edges sharp. */
const CUBIC: Filter = {
  reach: 2,
  at(signed) {
    const x = Math.abs(signed);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
  },
};

const windows = new Map<string, readonly Window[]>();

function windowsOf(from: number, to: number, name: 'cubic' | 'area'): readonly Window[] {
  const key = `${name} ${from} ${to}`;
  const known = windows.get(key);
  if (known) return known;
  const factor = from / to;
  const made = Array.from({ length: to }, (_, i) =>
    name === 'area' ? areaWindow(i, factor) : cubicWindow(i, factor, from),
  );
  windows.set(key, made);
  return made;
}

function cubicWindow(i: number, factor: number, from: number): Window {
  const stretch = Math.max(1, factor);
  const centre = (i + 0.5) * factor;
  const first = Math.max(0, Math.trunc(centre - CUBIC.reach * stretch + 0.5));
  const last = Math.min(from, Math.trunc(centre + CUBIC.reach * stretch + 0.5));
  const raw = Float64Array.from({ length: last - first }, (_, k) => CUBIC.at((first + k - centre + 0.5) / stretch));
  const sum = raw.reduce((all, weight) => all + weight, 0);
  return { first, weights: raw.map(weight => weight / sum) };
}

function areaWindow(i: number, factor: number): Window {
  const [start, end] = [i * factor, (i + 1) * factor];
  const first = Math.floor(start);
  const weights = Float64Array.from({ length: Math.ceil(end - 1e-9) - first }, (_, k) => {
    const share = Math.min(end, first + k + 1) - Math.max(start, first + k);
    return share / factor;
  });
  return { first, weights };
}

export interface Extent {
  readonly height: number;
  readonly width: number;
}

/** Planes uint8 [channels, height, width] at another size, by the cubic filter, rounded to uint8. */
export function resizePlanes(data: Uint8Array, from: Extent, to: Extent): Uint8Array {
  const channels = data.length / (from.height * from.width);
  const across = windowsOf(from.width, to.width, 'cubic');
  const down = windowsOf(from.height, to.height, 'cubic');
  // Rounded and clamped between the two passes, as in Pillow.
  const narrow = new Uint8ClampedArray(channels * from.height * to.width);
  for (let row = 0; row < channels * from.height; row++) {
    for (let x = 0; x < to.width; x++) {
      const { first, weights } = across[x]!;
      const at = row * from.width + first;
      let sum = 0.5;
      for (let k = 0; k < weights.length; k++) sum += weights[k]! * data[at + k]!;
      narrow[row * to.width + x] = Math.floor(sum);
    }
  }
  const resized = new Uint8Array(channels * to.height * to.width);
  const sums = new Float64Array(to.width);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < to.height; y++) {
      const { first, weights } = down[y]!;
      sums.fill(0.5);
      for (let k = 0; k < weights.length; k++) {
        const weight = weights[k]!;
        const at = (channel * from.height + first + k) * to.width;
        for (let x = 0; x < to.width; x++) sums[x]! += weight * narrow[at + x]!;
      }
      const at = (channel * to.height + y) * to.width;
      for (let x = 0; x < to.width; x++) resized[at + x] = Math.min(255, Math.max(0, Math.floor(sums[x]!)));
    }
  }
  return resized;
}

/** A grid f32 [height, width, depth] at another size: each vector is the mean over its area. */
export function averageGrid(data: Float32Array, from: Extent, to: Extent): Float32Array {
  const depth = data.length / (from.height * from.width);
  const across = windowsOf(from.width, to.width, 'area');
  const down = windowsOf(from.height, to.height, 'area');
  const averaged = new Float32Array(to.height * to.width * depth);
  for (let y = 0; y < to.height; y++) {
    for (let x = 0; x < to.width; x++) {
      const target = averaged.subarray((y * to.width + x) * depth, (y * to.width + x + 1) * depth);
      const [rows, columns] = [down[y]!, across[x]!];
      for (let i = 0; i < rows.weights.length; i++) {
        for (let j = 0; j < columns.weights.length; j++) {
          const weight = rows.weights[i]! * columns.weights[j]!;
          const at = ((rows.first + i) * from.width + columns.first + j) * depth;
          for (let k = 0; k < depth; k++) target[k]! += weight * data[at + k]!;
        }
      }
    }
  }
  return averaged;
}
