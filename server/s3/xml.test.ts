import { expect, it } from 'vitest';
import { buildErrorXml, buildXml, parseDelete } from './xml.ts';

const bytes = (text: string) => Buffer.from(text);

it('written text is escaped', () => {
  const xml = buildXml('List', { Key: [`a&b<c>"'`, ' s '], Empty: '', None: undefined, Nothing: [], N: 0, B: false });
  expect(xml).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n<List xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Key>a&amp;b&lt;c&gt;&quot;&apos;</Key><Key> s </Key><Empty></Empty><N>0</N><B>false</B></List>',
  );
  expect(buildErrorXml({ Message: 'a\u0001b\ufffe' })).toContain('<Error><Message>a\ufffdb\ufffd</Message></Error>');
});

const remove = (content: string) => `<?xml version="1.0"?><Delete xmlns="x">${content}</Delete>`;

it('keys to delete are read with entities and white space', () => {
  const keys = [
    '<Key> a&amp;b&#x20;&#228;&lt;</Key>',
    '<Key>&#60;c&gt;</Key>',
    '<Key>1e3</Key>',
    '<Key>&amp;lt;</Key>',
  ];
  const text = remove(`\n${keys.map(key => `<Object>\n${key}</Object>`).join('\n')}<Quiet> true </Quiet>`);
  expect(parseDelete(bytes(text))).toEqual({
    quiet: true,
    objects: [' a&b ä<', '<c>', '1e3', '&lt;'].map(key => ({ key, refused: [] })),
  });
  const conditions = '<VersionId>3</VersionId><ETag>x</ETag>';
  expect(parseDelete(bytes(remove(`<Object><Key>a</Key>${conditions}</Object>`)))).toEqual({
    quiet: false,
    objects: [{ key: 'a', refused: ['ETag', 'VersionId'] }],
  });
  const latest = '<VersionId>null</VersionId>';
  expect(parseDelete(bytes(remove(`<Object><Key>a</Key>${latest}</Object>`))).objects[0]?.refused).toEqual([]);
});

const object = '<Object><Key>a</Key></Object>';
it.each([
  ['nothing', ''],
  ['text', 'x'],
  ['no objects', remove('')],
  ['an empty key', remove('<Object><Key></Key></Object>')],
  ['no key', remove('<Object><Name>a</Name></Object>')],
  ['another element', remove(`${object}<Other>1</Other>`)],
  ['another root', '<Remove><Object><Key>a</Key></Object></Remove>'],
  ['1,001 keys', remove(object.repeat(1001))],
  ['an unclosed element', '<Delete><Object><Key>a</Key></Object>'],
  ['two roots', `${remove(object)}<x/>`],
  ['entities of its own', `<!DOCTYPE x [<!ENTITY a "b">]>${remove('<Object><Key>&a;</Key></Object>')}`],
  [
    'an external entity',
    `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>${remove('<Object><Key>&a;</Key></Object>')}`,
  ],
  ['CDATA', remove('<Object><Key><![CDATA[&amp;]]></Key></Object>')],
  ['an unknown entity', remove('<Object><Key>&a;</Key></Object>')],
  ['a bare ampersand', remove('<Object><Key>a & b</Key></Object>')],
  ['a surrogate by number', remove('<Object><Key>&#xd800;</Key></Object>')],
  ['deep nesting', '<Delete>'.repeat(10_000) + '</Delete>'.repeat(10_000)],
  ['a dangerous name', '<__proto__><Object><Key>a</Key></Object></__proto__>'],
])('refuses an XML body to delete: %s', (_, text) => {
  expect(() => parseDelete(bytes(text))).toThrow(expect.objectContaining({ code: 'MalformedXML' }));
});

it('a document that is not UTF-8 is refused', () => {
  expect(() => parseDelete(Buffer.from(remove('<Object><Key>\xff</Key></Object>'), 'latin1'))).toThrow('UTF-8');
});
