/** @file Colours and pixels, as the measures of all bundled sets read them. */
import { Unprocessable } from '../errors.ts';

/** Red, green and blue, 0-255. */
export type Rgb = readonly [number, number, number];
/** Colour name -> six hexadecimal digits. */
export type Palette<Name extends string = string> = Readonly<Record<Name, string>>;

/** data: [height, width, 3], 0-255. */
export interface RgbPixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A smaller picture shows too little. */
const LEAST_SIDE = 32;

/** @param kind Of picture, with its article. @throws Unprocessable if it is not square, or smaller than 32 pixels. */
export function requireSquare({ width, height }: RgbPixels, kind: string): void {
  if (width === height && width >= LEAST_SIDE) return;
  throw new Unprocessable(`a picture of ${width} x ${height} pixels cannot be measured as ${kind}`, {
    expected: `a square of at least ${LEAST_SIDE} pixels`,
  });
}

export function colorAt({ data, width }: RgbPixels, y: number, x: number): Rgb {
  const at = (y * width + x) * 3;
  return [data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0];
}

/** Median of each channel; of an even number of colours, the upper one. Black without colours. */
export function medianColor(colors: readonly Rgb[]): Rgb {
  const median = (channel: 0 | 1 | 2) => {
    const values = colors.map(color => color[channel]).sort((a, b) => a - b);
    return values[values.length >> 1] ?? 0;
  };
  return [median(0), median(1), median(2)];
}

/** 'ff8a70' -> [255, 138, 112]. */
export function rgbOf(hex: string): Rgb {
  const value = Number.parseInt(hex, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

export function squaredDistance(a: Rgb, b: Rgb): number {
  return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
}

/** The entry of the palette nearest to a colour. @throws RangeError if the palette is empty. */
export function nearestName<Name extends string>(palette: Palette<Name>, color: Rgb): Name {
  let best: Name | undefined;
  let distance = Number.POSITIVE_INFINITY;
  for (const name in palette) {
    const d = squaredDistance(rgbOf(palette[name]), color);
    if (d < distance) {
      distance = d;
      best = name;
    }
  }
  if (best === undefined) throw new RangeError('an empty palette has no nearest colour');
  return best;
}
