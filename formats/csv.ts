/** @file Comma-separated values (RFC 4180): quoted fields may hold commas, quotes and line breaks. */

export interface CsvRow {
  /** Line at which the row begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * Rows one by one; empty lines are left out. A quote inside an unquoted field is a letter like others.
 * @returns What is wrong with the row at which reading ended: a quoted field without an end.
 */
export function* readCsv(text: string): Generator<CsvRow, string | undefined> {
  let at = text.startsWith('\ufeff') ? 1 : 0;
  let line = 1;
  while (at < text.length) {
    const row: { line: number; fields: string[] } = { line, fields: [] };
    for (;;) {
      if (text[at] === '"') {
        let field = '';
        for (at++; ; ) {
          const end = text.indexOf('"', at);
          if (end < 0) return `the quoted field in line ${line} has no end`;
          field += text.slice(at, end);
          at = end + 1;
          if (text[at] !== '"') break;
          field += '"';
          at++;
        }
        line += field.split('\n').length - 1;
        // Letters after the closing quote belong to the field.
        const end = endOfField(text, at);
        row.fields.push(field + text.slice(at, end));
        at = end;
      } else {
        const end = endOfField(text, at);
        row.fields.push(text.slice(at, end));
        at = end;
      }
      if (text[at] !== ',') break;
      at++;
    }
    if (text[at] === '\r' && text[at + 1] === '\n') at++;
    at++;
    line++;
    if (row.fields.length > 1 || row.fields[0] !== '') yield row;
  }
  return undefined;
}

function endOfField(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const char = text[at];
    if (char === ',' || char === '\n' || char === '\r') return at;
  }
  return text.length;
}
