import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findBrokenLinks, findMissingFiles } from './pages.ts';
import { listFiles, ROOT } from './repository.ts';

const read = (path: string) => ({ path, text: readFileSync(new URL(path, ROOT), 'utf8') });

describe('the pages of the repository', () => {
  const pages = listFiles('.md').map(read);

  const exists = (path: string) => existsSync(new URL(path, ROOT));

  it('link to files and headings that exist', () => {
    expect(findBrokenLinks(pages, exists)).toEqual([]);
  });

  it('name files that exist', () => {
    expect(findMissingFiles(pages, exists)).toEqual([]);
  });

  it('README has at most 130 lines, of which the first 30 show how to run the demo', () => {
    const lines = read('README.md').text.split('\n');
    expect(lines.length).toBeLessThanOrEqual(131);
    expect(lines.slice(0, 30).join('\n')).toContain('npm run demo');
  });
});

describe('findBrokenLinks', () => {
  const pages = [
    { path: 'README.md', text: '# One two: three\n[a](docs/a.md#there) [b](docs/b.md) [c](#one-two-three) [d](#gone)' },
    {
      path: 'docs/a.md',
      text: '## There\n![e](../e.png) [f](f.png) [g](https://example.org/g)\n```\n[h](h)\n```\n`[i](i)`',
    },
  ];
  const exists = (path: string) => ['README.md', 'docs/a.md', 'e.png'].includes(path);

  it('finds missing files and headings, but nothing in code', () => {
    expect(findBrokenLinks(pages, exists)).toEqual(['README.md: docs/b.md', 'README.md: #gone', 'docs/a.md: f.png']);
  });
});

describe('findMissingFiles', () => {
  const exists = (path: string) => ['low/', 'low/a.ts'].includes(path);
  const find = (text: string) => findMissingFiles([{ path: 'a.md', text }], exists);

  it('finds a file that is not there, below a folder of the root', () => {
    expect(find('`low/a.ts` and `low/b.ts`')).toEqual(['a.md: low/b.ts']);
  });

  it('leaves out placeholders, commands, and paths relative to another folder', () => {
    expect(find('`low/NAME.ts`, `node low/b.ts --json`, `sub/b.ts`, low/c.ts')).toEqual([]);
  });
});
