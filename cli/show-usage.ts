/** @file The help of a command, as citty renders it, in lines that fit the terminal. */
import { stripVTControlCharacters } from 'node:util';
import { type ArgsDef, type CommandDef, renderUsage } from 'citty';

/** citty pads every cell of a table to its widest one, and puts at least so many blanks between two cells. */
const BETWEEN = / {4,}(?=\S)/;
/** Below so many columns a description has no room beside its option. */
const LEAST_COLUMNS = 20;

/** Prints the help of a command to stdout. Without a terminal, each row of a table is one line. */
export async function showUsage<T extends ArgsDef>(command: CommandDef<T>, parent?: CommandDef<T>): Promise<void> {
  console.log(`${fitUsage(await renderUsage(command, parent), process.stdout.columns)}\n`);
}

/** Takes the padding off the ends of lines, and breaks lines at blanks to at most `columns`, below their own column. */
export function fitUsage(usage: string, columns = Number.POSITIVE_INFINITY): string {
  return usage
    .split('\n')
    .flatMap(line => fitLine(line.trimEnd(), columns))
    .join('\n');
}

function fitLine(line: string, columns: number): readonly string[] {
  const label = line.startsWith('  ') ? line.search(/\S/) : -1;
  const gap = label < 0 ? undefined : BETWEEN.exec(line.slice(label));
  const at = gap ? label + gap.index + gap[0].length : 0;
  const head = line.slice(0, at);
  const indent = stripVTControlCharacters(head).length;
  if (columns - indent < LEAST_COLUMNS) return [line];
  return breakWords(line.slice(at), columns - indent).map((part, i) => (i === 0 ? head : ' '.repeat(indent)) + part);
}

/** A word that is longer than `width` stands alone. */
function breakWords(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && stripVTControlCharacters(longer).length > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
