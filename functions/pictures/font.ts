/**
 * @file Text as SVG paths, from the font file of the npm package dejavu-fonts-ttf. The bytes of a labelled picture must
 * not depend on the fonts of the machine. Reads the TrueType tables cmap (format 4), glyf and hmtx.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Internal } from '../../errors.ts';

export interface Font {
  /** Width of a text in pixels. */
  measure(text: string, sizePixels: number): number;
  /** Path data (the `d` of an SVG path) of a line whose baseline starts at x, y. */
  trace(text: string, sizePixels: number, x: number, y: number): string;
}

export type FontName = 'DejaVuSans' | 'DejaVuSans-Bold';

const fonts = new Map<FontName, Font>();

export function loadFont(name: FontName = 'DejaVuSans'): Font {
  const known = fonts.get(name);
  if (known !== undefined) return known;
  const file = createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`);
  const font = parseFont(readFileSync(file));
  fonts.set(name, font);
  return font;
}

/**
 * Breaks a text at spaces, and words wider than a line anywhere. Beyond `maxLines`, the last line ends in an ellipsis.
 */
export function wrapText(
  font: Font,
  text: string,
  sizePixels: number,
  widthPixels: number,
  maxLines: number,
): string[] {
  const fits = (line: string) => font.measure(line, sizePixels) <= widthPixels;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (fits(longer)) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (!fits(line) && line.length > 1) {
      let head = line.slice(0, -1);
      while (!fits(head) && head.length > 1) head = head.slice(0, -1);
      lines.push(head);
      line = line.slice(head.length);
    }
  }
  if (line !== '') lines.push(line);
  if (lines.length <= maxLines) return lines;
  let last = lines[maxLines - 1] ?? '';
  while (last !== '' && !fits(`${last}…`)) last = last.slice(0, -1);
  return [...lines.slice(0, maxLines - 1), `${last.trimEnd()}…`];
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly onCurve: boolean;
}

type Contour = readonly Point[];

/** Parses a font file. Names of tables are those of the OpenType specification. */
function parseFont(file: Buffer): Font {
  const tables = new Map<string, Buffer>();
  for (let i = 0; i < file.readUInt16BE(4); i++) {
    const at = 12 + 16 * i;
    const offset = file.readUInt32BE(at + 8);
    tables.set(file.toString('latin1', at, at + 4), file.subarray(offset, offset + file.readUInt32BE(at + 12)));
  }
  const table = (name: string): Buffer => {
    const found = tables.get(name);
    if (found === undefined) throw new Internal(`the font has no table ${name}`);
    return found;
  };
  const unitsPerEm = table('head').readUInt16BE(18);
  const longOffsets = table('head').readInt16BE(50) === 1;
  const metrics = table('hmtx');
  const metricCount = table('hhea').readUInt16BE(34);
  const glyphOf = readCharacterMap(table('cmap'));
  const loca = table('loca');
  const glyf = table('glyf');

  const advanceOf = (glyph: number) => metrics.readUInt16BE(4 * Math.min(glyph, metricCount - 1));
  const offsetOf = (glyph: number) => (longOffsets ? loca.readUInt32BE(4 * glyph) : 2 * loca.readUInt16BE(2 * glyph));
  const outlines = new Map<number, readonly Contour[]>();

  function outlineOf(glyph: number): readonly Contour[] {
    let outline = outlines.get(glyph);
    if (outline === undefined) {
      const data = glyf.subarray(offsetOf(glyph), offsetOf(glyph + 1));
      if (data.length === 0) outline = [];
      else if (data.readInt16BE(0) >= 0) outline = readSimpleGlyph(data);
      else outline = readCompositeGlyph(data, outlineOf);
      outlines.set(glyph, outline);
    }
    return outline;
  }

  const glyphsOf = (text: string) => Array.from(text, character => glyphOf(character.codePointAt(0) ?? 0));

  return {
    measure: (text, size) => (glyphsOf(text).reduce((sum, glyph) => sum + advanceOf(glyph), 0) * size) / unitsPerEm,
    trace(text, size, x, y) {
      const scale = size / unitsPerEm;
      let pen = x;
      let path = '';
      for (const glyph of glyphsOf(text)) {
        for (const contour of outlineOf(glyph)) {
          path += traceContour(
            contour.map(point => ({ x: pen + point.x * scale, y: y - point.y * scale, onCurve: point.onCurve })),
          );
        }
        pen += advanceOf(glyph) * scale;
      }
      return path;
    },
  };
}

/** Reads the map of the basic plane of Unicode, cmap format 4. A character without a glyph is glyph 0, an empty box. */
function readCharacterMap(cmap: Buffer): (codePoint: number) => number {
  for (let i = 0; i < cmap.readUInt16BE(2); i++) {
    const at = cmap.readUInt32BE(4 + 8 * i + 4);
    if (cmap.readUInt16BE(at) === 4) return readSegments(cmap.subarray(at));
  }
  throw new Internal('the font has no character map of format 4');
}

function readSegments(map: Buffer): (codePoint: number) => number {
  const doubled = map.readUInt16BE(6);
  const [ends, starts] = [14, 16 + doubled];
  const [deltas, ranges] = [starts + doubled, starts + 2 * doubled];
  return codePoint => {
    for (let segment = 0; segment < doubled; segment += 2) {
      if (map.readUInt16BE(ends + segment) < codePoint) continue;
      const start = map.readUInt16BE(starts + segment);
      if (start > codePoint) return 0;
      const delta = map.readUInt16BE(deltas + segment);
      const range = map.readUInt16BE(ranges + segment);
      if (range === 0) return (codePoint + delta) & 0xffff;
      const glyph = map.readUInt16BE(ranges + segment + range + 2 * (codePoint - start));
      return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
    }
    return 0;
  };
}

function readSimpleGlyph(data: Buffer): Contour[] {
  const contours = data.readInt16BE(0);
  const ends = Array.from({ length: contours }, (_, i) => data.readUInt16BE(10 + 2 * i));
  const count = (ends.at(-1) ?? -1) + 1;
  let at = 10 + 2 * contours;
  at += 2 + data.readUInt16BE(at);
  const flags: number[] = [];
  while (flags.length < count) {
    const flag = data.readUInt8(at++);
    // Bit 3: the next byte is the number of repeats.
    const times = flag & 8 ? data.readUInt8(at++) + 1 : 1;
    for (let i = 0; i < times; i++) flags.push(flag);
  }
  const readAxis = (short: number, same: number) => {
    let value = 0;
    return flags.map(flag => {
      if (flag & short) value += flag & same ? data.readUInt8(at++) : -data.readUInt8(at++);
      else if (!(flag & same)) {
        value += data.readInt16BE(at);
        at += 2;
      }
      return value;
    });
  };
  const xs = readAxis(2, 16);
  const ys = readAxis(4, 32);
  const points = flags.map((flag, i) => ({ x: xs[i] ?? 0, y: ys[i] ?? 0, onCurve: (flag & 1) === 1 }));
  return ends.map((end, i) => points.slice(i === 0 ? 0 : (ends[i - 1] ?? 0) + 1, end + 1));
}

/** Reads a glyph made of other glyphs, each moved: letters with accents. Our fonts have no scaled parts. */
function readCompositeGlyph(data: Buffer, outlineOf: (glyph: number) => readonly Contour[]): Contour[] {
  const outline: Contour[] = [];
  let at = 10;
  for (;;) {
    const flags = data.readUInt16BE(at);
    const glyph = data.readUInt16BE(at + 2);
    const isWords = (flags & 1) === 1;
    const dx = isWords ? data.readInt16BE(at + 4) : data.readInt8(at + 4);
    const dy = isWords ? data.readInt16BE(at + 6) : data.readInt8(at + 5);
    at += isWords ? 8 : 6;
    at += flags & 0x80 ? 8 : flags & 0x40 ? 4 : flags & 0x08 ? 2 : 0;
    for (const contour of outlineOf(glyph)) {
      outline.push(contour.map(point => ({ ...point, x: point.x + dx, y: point.y + dy })));
    }
    if (!(flags & 0x20)) return outline;
  }
}

/** Path of a contour. Between two points off the curve, a point on the curve lies halfway. */
function traceContour(points: Contour): string {
  const [first] = points;
  if (first === undefined) return '';
  const last = points.at(-1) ?? first;
  const start = first.onCurve ? first : last.onCurve ? last : middle(first, last);
  let path = `M${format(start)}`;
  for (let i = first.onCurve ? 1 : 0; i <= points.length; i++) {
    const point = points[i % points.length] ?? first;
    if (point.onCurve) {
      path += `L${format(point)}`;
      continue;
    }
    const next = points[(i + 1) % points.length] ?? first;
    path += `Q${format(point)} ${format(next.onCurve ? next : middle(point, next))}`;
    if (next.onCurve) i++;
  }
  return `${path}Z`;
}

function middle(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, onCurve: true };
}

function format({ x, y }: Point): string {
  return `${Math.round(x * 100) / 100} ${Math.round(y * 100) / 100}`;
}
