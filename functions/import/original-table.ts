/**
 * @file The table of the original project, `derived/approved_image_dataset.jsonl`: a line for each picture, with its
 * caption and the mask of its text. It is read in pieces, since it has kilobytes for each picture.
 */
import { posix } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { isRecord, parseWholeJson, readRecord } from './caption-record.ts';
import type { ReadText, Statement } from './describe-pictures.ts';
import type { SourceFile } from './import-source.ts';
import { stemOf } from './join-names.ts';
import { ORIGINAL_TABLE } from './original-layout.ts';
import { compactMask } from './sample-record.ts';

const PIECE_BYTES = 2 ** 22;
/** Characters of a line: with a vector inside, as early versions wrote it, it has some 30,000. */
const MAX_LINE = 2 ** 20;
const MAX_PROBLEMS = 100;
/** After every text of a picture's own, and every other table. */
const RANK = 1_000_000;
/** Keys that are of no use: a vector that has a file of its own, and names of the original's machine. */
const LEFT_OUT = ['dinov3_embedding'];

/** @param names Of the pictures of the source. @throws as the source, if it cannot be read */
export async function readOriginalTable(file: SourceFile, names: readonly string[]): Promise<ReadText> {
  const [, root = ''] = ORIGINAL_TABLE.exec(file.name) ?? [];
  const pictures = Map.groupBy(names, stemOf);
  const statements: Statement[] = [];
  const problems: { readonly reason: string }[] = [];
  let number = 0;
  for await (const line of readLines(file)) {
    number++;
    if (line.trim() === '') continue;
    const parsed = line.length > MAX_LINE ? { problem: `more than ${MAX_LINE} characters` } : parseWholeJson(line);
    if (!('value' in parsed) || !isRecord(parsed.value)) {
      const problem = 'problem' in parsed ? parsed.problem : 'no object';
      if (problems.length < MAX_PROBLEMS) problems.push({ reason: `line ${number}: ${problem}` });
      continue;
    }
    const record = compactMask(parsed.value);
    for (const key of LEFT_OUT) delete record[key];
    const { image_id: id, image_path: path } = record;
    const key = typeof id === 'string' ? id : typeof path === 'string' ? stemOf(posix.basename(path)) : '';
    // Pictures that were pruned stay in the table.
    for (const picture of pictures.get(`${root}approved/${key}`) ?? []) {
      statements.push({ picture, rank: RANK, said: readRecord(record) });
    }
  }
  return { file: file.name, encoding: 'UTF-8', statements, problems };
}

async function* readLines(file: SourceFile): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for (let at = 0; at < file.size; at += PIECE_BYTES) {
    rest += decoder.write(Buffer.from(await file.readAt(at, Math.min(PIECE_BYTES, file.size - at))));
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  yield rest + decoder.end();
}
