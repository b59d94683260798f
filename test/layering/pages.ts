/** @file Checks of Markdown pages and of comments in TypeScript: pure, over a list of files. */
import { posix } from 'node:path';
import type { SourceFile } from './layering-check.ts';

const MAX_COLUMNS = 120;
const FENCE = /^\s*```/;

/**
 * Lines over 120 columns: `path:line`. Of a page all lines count but rows of tables, of TypeScript those of comments. A
 * line with a URL may be longer.
 */
export function findWideLines(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const mayBeWide = path.endsWith('.md') ? isTableRow : isCode;
    return text
      .split('\n')
      .flatMap((line, index) =>
        line.length > MAX_COLUMNS && !mayBeWide(line) && !line.includes('://') ? [`${path}:${index + 1}`] : [],
      );
  });
}

function isTableRow(line: string): boolean {
  return line.startsWith('|');
}

function isCode(line: string): boolean {
  return !/^\s*(\/\/|\/\*|\*)/.test(line);
}

/**
 * Links of pages to files that do not exist, or to headings that the page does not have: `path: target`. Links in code
 * are none.
 * @param exists Whether the repository has a file or folder.
 */
export function findBrokenLinks(pages: readonly SourceFile[], exists: (path: string) => boolean): string[] {
  const anchors = new Map(pages.map(({ path, text }) => [path, new Set(listAnchors(text))]));
  return pages.flatMap(({ path, text }) =>
    listLinks(text).flatMap(target => {
      const [file = '', anchor] = target.split('#');
      const to = file === '' ? path : posix.join(posix.dirname(path), file);
      const known = anchors.get(to);
      const isThere = exists(to) && (anchor === undefined || known?.has(anchor) === true);
      return isThere ? [] : [`${path}: ${target}`];
    }),
  );
}

const FILE = /`(?:node )?([\w./-]+\.(?:js|py|sh|ts))\b[^`\n]*`/g;

/**
 * Programs that a page names or runs in code and that do not exist: `path: file`. A page may name a file by the end of
 * its path.
 * @param files Paths of all files of the repository.
 */
export function findMissingFiles(pages: readonly SourceFile[], files: readonly string[]): string[] {
  const exists = (name: string) => files.some(file => file === name || file.endsWith(`/${name}`));
  return pages.flatMap(({ path, text }) =>
    [...text.matchAll(FILE)]
      .map(match => match[1] ?? '')
      .filter(name => !name.includes('NAME') && !exists(name))
      .map(name => `${path}: ${name}`),
  );
}

/** Targets of links and pictures that lead into the repository. */
function listLinks(text: string): string[] {
  const prose = withoutFences(text).replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(match => match[1] ?? '').filter(target => !target.includes('://'));
}

/** Anchors of headings, as GitHub makes them. */
function listAnchors(text: string): string[] {
  return [...withoutFences(text).matchAll(/^#+ (.*)$/gm)].map(match =>
    (match[1] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function withoutFences(text: string): string {
  let inside = false;
  return text
    .split('\n')
    .filter(line => {
      const isFence = FENCE.test(line);
      if (isFence) inside = !inside;
      return !inside && !isFence;
    })
    .join('\n');
}
