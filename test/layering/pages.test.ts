import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findBrokenLinks, findMissingFiles, findWideLines } from './pages.ts';
import { listFiles, ROOT } from './repository.ts';

const read = (path: string) => ({ path, text: readFileSync(new URL(path, ROOT), 'utf8') });

describe('the pages of the repository', () => {
  const pages = listFiles('.md').map(read);

  const exists = (path: string) => existsSync(new URL(path, ROOT));

  it('pages and comments have no line over 120 columns, except rows of tables and URLs', () => {
    const sources = listFiles('.ts').map(read);
    expect([pages.length > 5, sources.length > 400]).toEqual([true, true]);
    expect(findWideLines([...pages, ...sources])).toEqual([]);
  });

  it('pages link to files and headings that exist', () => {
    expect(findBrokenLinks(pages, exists)).toEqual([]);
  });

  it('pages name files that exist', () => {
    const files = ['.js', '.py', '.sh', '.ts'].flatMap(extension => listFiles(extension));
    expect(findMissingFiles(pages, files)).toEqual([]);
  });

  it('README has at most 130 lines, of which the first 30 show how to run the demo', () => {
    const lines = read('README.md').text.split('\n');
    expect(lines.length).toBeLessThanOrEqual(131);
    expect(lines.slice(0, 30).join('\n')).toContain('npm run demo');
  });
});

describe('findWideLines', () => {
  const wide = 'x '.repeat(61);

  it('findWideLines finds prose and code of a page, but no row of a table and no line with a URL', () => {
    const text = ['short', wide, `| ${wide} |`, `${wide} https://example.org`, '```', wide, '```'].join('\n');
    expect(findWideLines([{ path: 'a.md', text }])).toEqual(['a.md:2', 'a.md:6']);
  });

  it('findWideLines finds comments of TypeScript, but no code', () => {
    const text = [`/** ${wide} */`, `  // ${wide}`, ` * ${wide}`, `const text = '${wide}';`, 'x'.repeat(120)].join(
      '\n',
    );
    expect(findWideLines([{ path: 'a.ts', text }])).toEqual(['a.ts:1', 'a.ts:2', 'a.ts:3']);
  });

  it('findWideLines allows 120 columns', () => {
    expect(findWideLines([{ path: 'a.md', text: 'x'.repeat(120) }])).toEqual([]);
    expect(findWideLines([{ path: 'a.md', text: 'x'.repeat(121) }])).toEqual(['a.md:1']);
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

  it('findBrokenLinks finds missing files and headings, but nothing in code', () => {
    expect(findBrokenLinks(pages, exists)).toEqual(['README.md: docs/b.md', 'README.md: #gone', 'docs/a.md: f.png']);
  });
});

describe('findMissingFiles', () => {
  const find = (text: string) => findMissingFiles([{ path: 'a.md', text }], ['low/a.ts', 'low/sub/b.ts']);

  it('findMissingFiles finds a file that does not exist', () => {
    expect(find('`low/a.ts`, `low/b.ts`, `node c.ts -x` and `ow/a.ts`')).toEqual([
      'a.md: low/b.ts',
      'a.md: c.ts',
      'a.md: ow/a.ts',
    ]);
  });

  it('findMissingFiles accepts the end of a path, placeholders and commands', () => {
    expect(find('`sub/b.ts`, `b.ts`, `low/NAME.ts`, `node low/a.ts --json`, `npm test -- x`, low/c.ts')).toEqual([]);
  });
});
