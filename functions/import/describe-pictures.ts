/**
 * @file Reads what texts say about pictures. Of several captions the first counts, in this order: the endings .txt,
 * .caption and .json, each with the whole name of the picture (a.png.txt) before its stem (a.txt); then the tables of
 * the nearest folder, metadata.jsonl before captions.json.
 */
import { type DecodedText, decodeText, type OldEncoding } from '../../formats/decode-text.ts';
import type { Reject } from '../../storage/records.ts';
import type { NewOriginal } from '../datasets/originals.ts';
import { isRecord, parseWholeJson, readCaption, readRecord, type Said } from './caption-record.ts';
import { readTable } from './caption-table.ts';
import type { SourceFile } from './import-source.ts';
import { createJoiner, type JoinNames } from './join-names.ts';
import { tryRead, Unreadable } from './read-failure.ts';
import { planTexts, rankOfTable, type TextProblem, type TextUse } from './text-uses.ts';

export interface Description {
  readonly attributes: NewOriginal['attributes'];
  /** The file that has the caption, and its encoding as people call it; absent without a caption. */
  readonly from?: { readonly file: string; readonly encoding: string };
  /** Files that have another caption: a table may have two. */
  readonly against: readonly string[];
}

export interface Described {
  /** By name of the picture. */
  readonly pictures: ReadonlyMap<string, Description>;
  /** Texts that no picture gets, whole or in part. */
  readonly rejects: readonly Reject[];
}

/** What a file says about a picture. */
export interface Statement {
  readonly picture: string;
  /** The lowest counts. */
  readonly rank: number;
  readonly said: Said;
}

export interface ReadText {
  readonly file: string;
  /** Files to which it belongs by its name; absent: it is a table, or belongs to none. */
  readonly owners?: readonly string[];
  readonly encoding: string;
  readonly statements: readonly Statement[];
  readonly problems: readonly TextProblem[];
}

/** Most reasons that a reject has. */
const MAX_REASONS = 3;

/** What the texts of a source say, before it is known which files are pictures. */
export interface ReadTexts {
  /** What they say about a file; nothing is said about most. */
  of(name: string): NewOriginal['attributes'];
  /** @param taken Names of the files that are pictures. */
  describe(taken: ReadonlySet<string>): Described;
}

/**
 * @param texts Files with a `textLimit`, sorted by name.
 * @param others Names of all files that are not texts.
 * @param fallback Encoding of texts that are not in Unicode.
 * @param onFile Called after each text.
 * @param tables What was read elsewhere.
 */
export async function readTexts(
  texts: readonly SourceFile[],
  others: readonly string[],
  fallback: OldEncoding | undefined,
  onFile: () => void,
  tables: readonly ReadText[] = [],
): Promise<ReadTexts> {
  const join = createJoiner(others);
  const uses = planTexts(
    texts.map(({ name }) => name),
    { others, pictures: new Set(others) },
    join,
  );
  const read: ReadText[] = [...tables];
  for (const file of texts) {
    const use = uses.get(file.name);
    if (use) read.push(await readText(file, use, join, fallback));
    onFile();
  }
  let all: ReadonlyMap<string, Description> | undefined;
  return {
    of(name) {
      all ??= mergeStatements(read, new Set(others));
      return all.get(name)?.attributes;
    },
    describe(taken) {
      const kept = read.map(text => leaveOut(text, taken));
      const pictures = mergeStatements(kept, taken);
      const rejects = kept.flatMap(text => {
        const problems = [...text.problems, ...findIdle(text, pictures)];
        return problems.length > 0 ? [{ name: text.file, ...summarize(problems) }] : [];
      });
      return { pictures, rejects };
    },
  };
}

/** A text of files that are no pictures is not used. */
function leaveOut(text: ReadText, taken: ReadonlySet<string>): ReadText {
  const { owners } = text;
  if (owners === undefined || owners.some(owner => taken.has(owner))) return text;
  const lost = {
    reason: `the text of "${owners[0]}", which is not taken`,
    group: 'the text of a file that is not taken',
  };
  return { ...text, statements: [], problems: [lost] };
}

async function readText(
  source: SourceFile,
  use: TextUse,
  join: JoinNames,
  fallback: OldEncoding | undefined,
): Promise<ReadText> {
  const file = source.name;
  const useless = (problem: TextProblem) => ({ file, encoding: '', statements: [], problems: [problem] });
  if (use.kind === 'none') {
    const { kind: _, ...problem } = use;
    return useless(problem);
  }
  const owners = use.kind === 'own' ? { owners: use.pictures } : {};
  const bytes = await tryRead(source);
  if (bytes instanceof Unreadable) return { ...useless({ reason: bytes.reason }), ...owners };
  const decoded = decodeText(bytes, fallback);
  if (decoded.problem !== undefined) return { ...useless(explainDecoding(decoded)), ...owners };
  const { text, encoding } = decoded;
  if (use.kind === 'own') {
    const said = use.ending === '.json' ? readJson(text) : readCaption(text);
    const statements = use.pictures.map(picture => ({ picture, rank: use.rank, said }));
    return { file, ...owners, encoding, statements, problems: [] };
  }
  const { entries, problems } = await readTable(file, text);
  const joins = join(entries.map(({ name }) => name));
  const strangers = entries.filter(({ name }) => joins.get(name)?.owners === undefined);
  const lost = strangers.map(({ key }) => `no picture below its folder is called "${key}"`);
  return {
    file,
    encoding,
    statements: entries.flatMap(({ name, said }) =>
      (joins.get(name)?.owners ?? []).map(picture => ({ picture, rank: rankOfTable(file, picture), said })),
    ),
    problems: [...problems, ...lost].map(reason => ({ reason, group: 'a table, parts of which are not used' })),
  };
}

function explainDecoding({ problem, needsName }: Extract<DecodedText, { problem: string }>): TextProblem {
  if (!needsName) return { reason: `${problem}; save it as UTF-8`, group: 'a damaged text' };
  const advice = 'save it as UTF-8, or name its encoding in the call, such as "caption_encoding":"windows-1252"';
  return { reason: `${problem}; ${advice}`, group: `the text is not UTF-8; ${advice}` };
}

function readJson(text: string): Said {
  const parsed = parseWholeJson(text);
  if ('problem' in parsed) return parsed;
  return isRecord(parsed.value) ? readRecord(parsed.value) : { problem: 'not a JSON object' };
}

/** Joins all statements on each picture: its first caption, and the first value of every other attribute. */
function mergeStatements(read: readonly ReadText[], pictures: ReadonlySet<string>): Map<string, Description> {
  const all = read.flatMap(({ file, encoding, statements }) => statements.map(each => ({ ...each, file, encoding })));
  const byPicture = Map.groupBy(
    all.sort((a, b) => a.rank - b.rank),
    ({ picture }) => picture,
  );
  const merge = (name: string): Description => {
    const statements = byPicture.get(name) ?? [];
    const first = statements.find(({ said }) => said.caption !== undefined);
    const caption = first?.said.caption;
    let attributes: NewOriginal['attributes'] = caption === undefined ? undefined : { caption };
    // Not by Object.assign, which would set the prototype by the key __proto__.
    for (const { said } of statements)
      attributes = said.attributes ? { ...said.attributes, ...attributes } : attributes;
    return {
      attributes,
      ...(first && { from: { file: first.file, encoding: first.encoding } }),
      against: statements.flatMap(({ file, said }) => ((said.caption ?? caption) === caption ? [] : [file])),
    };
  };
  return new Map([...pictures].map(name => [name, merge(name)]));
}

/** Problems of what the text says. Attributes without a caption have none if the caption lies elsewhere. */
function findIdle({ statements }: ReadText, pictures: ReadonlyMap<string, Description>): TextProblem[] {
  return statements.flatMap(({ picture, said: { problem, attributes } }) => {
    const description = pictures.get(picture);
    if (problem === undefined || !description || (attributes && description.from)) return [];
    return [{ reason: problem }];
  });
}

/** All problems of a file as one; it is counted by the first. */
function summarize(problems: readonly TextProblem[]): TextProblem {
  const reasons = [...new Set(problems.map(({ reason }) => reason))];
  const shown = reasons.slice(0, MAX_REASONS).join('; ');
  const group = problems[0]?.group;
  return {
    reason: reasons.length > MAX_REASONS ? `${shown}; and ${reasons.length - MAX_REASONS} more` : shown,
    ...(group !== undefined && { group }),
  };
}
