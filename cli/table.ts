/** @file Small tables for the terminal. */

/** Columns padded to their widest cell, two spaces apart; no line ends in spaces. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** So many digits behind the point. -0 is shown as 0. */
export function formatFixed(value: number, digits: number): string {
  return (Object.is(value, -0) ? 0 : value).toFixed(digits);
}
