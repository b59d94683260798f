/** @file Reads the files of a source some time before they are needed: a drive or a bucket answers late. */
import type { SourceFile } from './import-source.ts';
import { tryRead, type Unreadable } from './read-failure.ts';

/** Files, and bytes, that are read or wait at once. A larger file is read alone. */
const MOST_FILES = 16;
const MOST_BYTES = 2 ** 26;

export interface ReadFile {
  readonly file: SourceFile;
  readonly bytes: Uint8Array | Unreadable;
}

/** Each file once, in order. */
export async function* readAhead(files: Iterable<SourceFile>): AsyncGenerator<ReadFile> {
  const waiting: { readonly file: SourceFile; readonly bytes: Promise<Uint8Array | Unreadable> }[] = [];
  let total = 0;
  const next = async (): Promise<ReadFile> => {
    const { file, bytes } = waiting[0] as (typeof waiting)[number];
    const read = { file, bytes: await bytes };
    waiting.shift();
    total -= file.size;
    return read;
  };
  try {
    for (const file of files) {
      while (waiting.length > 0 && (waiting.length >= MOST_FILES || total + file.size > MOST_BYTES)) yield await next();
      const bytes = tryRead(file);
      // A failure is told when its turn comes.
      bytes.catch(() => {});
      waiting.push({ file, bytes });
      total += file.size;
    }
    while (waiting.length > 0) yield await next();
  } finally {
    await Promise.allSettled(waiting.map(({ bytes }) => bytes));
  }
}
