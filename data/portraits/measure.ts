/**
 * @file Measures the attributes of a portrait from its pixels: finds the nearest palette entry in the window where each
 * colour lies. Windows are given for 64 x 64 pixels and scale with the picture. measure.slow.test.ts tests the
 * accuracy.
 */
import {
  colorAt,
  medianColor,
  nearestName,
  type Rgb,
  type RgbPixels,
  requireSquare,
  rgbOf,
  squaredDistance,
} from '../pixels.ts';
import {
  BACKGROUNDS,
  type BackgroundName,
  CLOTHES_COLORS,
  type ClothesColorName,
  GLASSES_COLOR,
  HAIR_COLORS,
  type HairColorName,
  SKINS,
} from './palette.ts';

export interface MeasuredPortrait {
  readonly background: BackgroundName;
  readonly clothes_color: ClothesColorName;
  /** Undefined if no pixel has a hair colour. */
  readonly hair_color: HairColorName | undefined;
  readonly glasses: boolean;
}

/** Rows [top, bottom) and columns [left, right) of 64. */
type Window = readonly [top: number, bottom: number, left: number, right: number];

const CORNERS: readonly Window[] = [
  [0, 6, 0, 6],
  [0, 6, 58, 64],
];
const CLOTHES_WINDOW: Window = [58, 64, 14, 22];
const HAIR_WINDOW: Window = [2, 34, 10, 54];
/** Eyes and frames: dark with any hair, so not counted as hair. */
const EYES_WINDOW: Window = [20, 32, 20, 44];
/** Squared distance up to which a pixel has a hair colour. */
const HAIR_DISTANCE = 1800;

/** Between the eyes, above the nose. It is skin in every portrait, with and without glasses. */
const NOSE_BRIDGE: Window = [28, 30, 30, 34];
/**
 * Windows on the cheeks that only the lower rims of glasses cross: eyes end above, moustaches begin further in. The
 * colour there lies between that of the skin (0) and that of the frame (1). Above `threshold` there are glasses. Real
 * pictures of 64 pixels have -0.03 without glasses and at least 0.45 with them. Those of 32 pixels mostly have less
 * than 0.08, or at least 0.13.
 */
const RIMS = {
  fine: { rows: [29, 31], threshold: 0.2 },
  coarse: { rows: [30, 32], threshold: 0.1 },
} as const;
const RIM_COLUMNS = [
  [22, 26],
  [38, 42],
] as const;

const FRAME_LUMA = lumaOf(rgbOf(GLASSES_COLOR));
/** Smallest contrast between skin and frames, so that a dark picture does not divide by zero. */
const LEAST_CONTRAST = 20;

const HAIR_ENTRIES = Object.entries(HAIR_COLORS).map(([name, hex]) => ({
  name: name as HairColorName,
  color: rgbOf(hex),
}));
const SKIN_COLORS = Object.values(SKINS).map(rgbOf);

/** @throws Unprocessable if the picture is not square, or smaller than 32 pixels. */
export function measurePortrait(pixels: RgbPixels): MeasuredPortrait {
  requireSquare(pixels, 'a portrait');
  const background = medianColor(CORNERS.flatMap(window => colorsIn(pixels, window)));
  return {
    background: nearestName(BACKGROUNDS, background),
    clothes_color: nearestName(CLOTHES_COLORS, medianColor(colorsIn(pixels, CLOTHES_WINDOW))),
    hair_color: commonestHairColor(pixels, background),
    glasses: hasGlasses(pixels),
  };
}

/** The most frequent hair colour among pixels near one, and nearer to it than to any skin or the background. */
function commonestHairColor(pixels: RgbPixels, background: Rgb): HairColorName | undefined {
  const others = [...SKIN_COLORS, background];
  const counts = new Map<HairColorName, number>();
  const eyes = scaleWindow(EYES_WINDOW, pixels);
  const [top, bottom, left, right] = scaleWindow(HAIR_WINDOW, pixels);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      if (y >= eyes[0] && y < eyes[1] && x >= eyes[2] && x < eyes[3]) continue;
      const color = colorAt(pixels, y, x);
      for (const hair of HAIR_ENTRIES) {
        const distance = squaredDistance(hair.color, color);
        if (distance >= HAIR_DISTANCE) continue;
        const nearest = HAIR_ENTRIES.every(each => squaredDistance(each.color, color) >= distance);
        if (nearest && others.every(other => squaredDistance(other, color) > distance)) {
          counts.set(hair.name, (counts.get(hair.name) ?? 0) + 1);
        }
      }
    }
  }
  let commonest: HairColorName | undefined;
  for (const [name, count] of counts) {
    if (commonest === undefined || count > (counts.get(commonest) ?? 0)) commonest = name;
  }
  return commonest;
}

function hasGlasses(pixels: RgbPixels): boolean {
  const { rows, threshold } = pixels.width >= 64 ? RIMS.fine : RIMS.coarse;
  const skin = meanLuma(colorsIn(pixels, NOSE_BRIDGE));
  const rims = meanLuma(RIM_COLUMNS.flatMap(columns => colorsIn(pixels, [...rows, ...columns])));
  return (skin - rims) / Math.max(LEAST_CONTRAST, skin - FRAME_LUMA) > threshold;
}

function scaleWindow(window: Window, { width }: RgbPixels): Window {
  const [top, bottom, left, right] = window.map(edge => Math.round((edge * width) / 64)) as [
    number,
    number,
    number,
    number,
  ];
  return [top, Math.max(bottom, top + 1), left, Math.max(right, left + 1)];
}

function colorsIn(pixels: RgbPixels, window: Window): Rgb[] {
  const [top, bottom, left, right] = scaleWindow(window, pixels);
  const colors: Rgb[] = [];
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) colors.push(colorAt(pixels, y, x));
  return colors;
}

function lumaOf([r, g, b]: Rgb): number {
  return 0.299 * r + 0.587 * g + 0.114 * b;
}

function meanLuma(colors: readonly Rgb[]): number {
  return colors.reduce((sum, color) => sum + lumaOf(color), 0) / colors.length;
}
