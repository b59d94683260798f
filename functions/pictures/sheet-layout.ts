/** @file Lays out a labelled grid of pictures: places of the pictures, and an SVG of everything else. */
import { type Font, loadFont, wrapText } from './font.ts';

export interface SheetCell {
  /** Text under the picture. */
  readonly label: string;
}

export interface SheetOptions {
  readonly title: string;
  readonly columns: number;
  /** Pixels of a picture's side. */
  readonly cell: number;
  /** Labels left of the rows, wrapped where too long; a newline breaks a line. Rows without a label are allowed. */
  readonly rowLabels: readonly string[];
  readonly cells: readonly SheetCell[];
}

export interface SheetLayout {
  readonly svg: string;
  /** Place of each cell's picture. */
  readonly places: readonly { readonly left: number; readonly top: number }[];
}

const PAPER = '#ffffff';
const INK = '#1f2328';
const FAINT = '#59636e';
const MARGIN = 24;
const GAP = 16;
const TITLE_SIZE = 20;
const ROW_LABEL_SIZE = 14;
const LABEL_SIZE = 11;
const LINE_HEIGHT = 1.35;
const MAX_LABEL_LINES = 9;
const MAX_ROW_LABEL_WIDTH = 150;
const MAX_ROW_LABEL_LINES = 8;

export function layOutSheet(options: SheetOptions): SheetLayout {
  const font = loadFont();
  const bold = loadFont('DejaVuSans-Bold');
  const { columns, cell, rowLabels, cells } = options;
  const rows = Math.ceil(cells.length / columns);
  const labelColumn = rowLabels.length > 0 ? rowLabelWidth(bold, rowLabels) + GAP : 0;
  const width = 2 * MARGIN + labelColumn + columns * cell + (columns - 1) * GAP;
  const paths: string[] = [];
  let top = MARGIN;

  if (options.title !== '') {
    for (const line of wrapText(bold, options.title, TITLE_SIZE, width - 2 * MARGIN, 3)) {
      paths.push(textPath(bold, line, TITLE_SIZE, MARGIN, top + TITLE_SIZE, INK));
      top += TITLE_SIZE * LINE_HEIGHT;
    }
    top += GAP / 2;
  }

  const places: { left: number; top: number }[] = [];
  for (let row = 0; row < rows; row++) {
    top = Math.round(top);
    const inRow = cells.slice(row * columns, (row + 1) * columns);
    const wrapped = inRow.map(({ label }) => wrapText(font, label, LABEL_SIZE, cell, MAX_LABEL_LINES));
    for (const [i, line] of wrapRowLabel(bold, rowLabels[row] ?? '', labelColumn - GAP).entries()) {
      paths.push(
        textPath(bold, line, ROW_LABEL_SIZE, MARGIN, top + ROW_LABEL_SIZE + i * ROW_LABEL_SIZE * LINE_HEIGHT, INK),
      );
    }
    for (const [column, lines] of wrapped.entries()) {
      const left = MARGIN + labelColumn + column * (cell + GAP);
      places.push({ left, top });
      for (const [i, line] of lines.entries()) {
        const baseline = top + cell + 6 + LABEL_SIZE + i * LABEL_SIZE * LINE_HEIGHT;
        paths.push(textPath(font, line, LABEL_SIZE, left, baseline, FAINT));
      }
    }
    const lines = Math.max(0, ...wrapped.map(each => each.length));
    top += cell + (lines > 0 ? 6 + lines * LABEL_SIZE * LINE_HEIGHT : 0) + GAP;
  }
  const height = Math.round(top - GAP + MARGIN);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
    `<rect width="${width}" height="${height}" fill="${PAPER}"/>${paths.join('')}</svg>`;
  return { svg, places };
}

function rowLabelWidth(font: Font, labels: readonly string[]): number {
  const widths = labels.flatMap(splitLines).map(line => Math.ceil(font.measure(line, ROW_LABEL_SIZE)) + 1);
  return Math.min(MAX_ROW_LABEL_WIDTH, Math.max(0, ...widths));
}

function wrapRowLabel(font: Font, label: string, width: number): string[] {
  return splitLines(label).flatMap(line => wrapText(font, line, ROW_LABEL_SIZE, width, MAX_ROW_LABEL_LINES));
}

function splitLines(label: string): string[] {
  return label.split('\n');
}

function textPath(font: Font, line: string, size: number, x: number, baseline: number, color: string): string {
  return `<path fill="${color}" d="${font.trace(line, size, x, baseline)}"/>`;
}
