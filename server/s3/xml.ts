/**
 * @file The XML that S3 speaks: elements and text. Refuses documents with declarations (DOCTYPE, entities) or CDATA
 * unread.
 */
import { XMLBuilder, XMLParser, XMLValidator } from 'fast-xml-parser';
import { z } from 'zod';
import { S3Error } from './errors.ts';

/** S3's limit for the body of DeleteObjects. */
export const MAX_XML_BYTES = 2 * 1024 * 1024;
const MAX_DELETED_KEYS = 1000;
const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** A list becomes one element for each entry; undefined becomes no element. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | { readonly [element: string]: XmlValue };

const builder = new XMLBuilder({ ignoreAttributes: false, attributeNamePrefix: '@', processEntities: true });

export function buildXml(root: string, content: Readonly<Record<string, XmlValue>>): string {
  return build(root, { '@xmlns': NAMESPACE, ...content });
}

/** Errors have no namespace. */
export function buildErrorXml(content: Readonly<Record<string, XmlValue>>): string {
  return build('Error', content);
}

function build(root: string, content: Readonly<Record<string, XmlValue>>): string {
  const text = builder.build({ [root]: content });
  return `<?xml version="1.0" encoding="UTF-8"?>\n${text.replace(FORBIDDEN, '\ufffd')}`;
}

/** Characters that XML 1.0 cannot contain (section 2.2). Keys with such characters need encoding-type=url. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern finds control characters to replace them
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g;

// The parser leaves entities alone; decodeText decodes the five known ones and characters by number.
const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  processEntities: false,
});

const objectSchema = z.strictObject({
  Key: z.string().min(1),
  VersionId: z.string().optional(),
  ETag: z.string().optional(),
  LastModifiedTime: z.string().optional(),
  Size: z.string().optional(),
  '#text': z.string().optional(),
});

const deleteSchema = z.strictObject({
  '?xml': z.string().optional(),
  '#text': z.string().optional(),
  Delete: z.strictObject({
    Object: z.union([z.array(objectSchema).min(1).max(MAX_DELETED_KEYS), objectSchema.transform(each => [each])]),
    Quiet: z
      .string()
      .transform(text => text.trim())
      .pipe(z.enum(['true', 'false']))
      .optional(),
    '#text': z.string().optional(),
  }),
});

export interface DeleteRequest {
  readonly quiet: boolean;
  readonly objects: readonly {
    readonly key: string;
    /** Names of conditions and versions sent with the key. The endpoint refuses them. */
    readonly refused: readonly string[];
  }[];
}

/** The body of DeleteObjects: 1 to 1,000 keys. @throws S3Error MalformedXML */
export function parseDelete(bytes: Uint8Array): DeleteRequest {
  const parsed = deleteSchema.safeParse(parse(bytes));
  if (!parsed.success) {
    throw malformed(`expected Delete with 1 to ${MAX_DELETED_KEYS} elements Object, each with a Key`);
  }
  const { Object: objects, Quiet: quiet } = parsed.data.Delete;
  return {
    quiet: quiet === 'true',
    objects: objects.map(({ Key, '#text': _, VersionId, ...conditions }) => ({
      key: decodeText(Key),
      refused: [...Object.keys(conditions), ...(VersionId === undefined || VersionId === 'null' ? [] : ['VersionId'])],
    })),
  };
}

function parse(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw malformed('it is not UTF-8');
  }
  if (/<!(?!--)/.test(text)) throw malformed('declarations and CDATA are not allowed');
  if (XMLValidator.validate(text) !== true) throw malformed('it is not well-formed');
  try {
    return parser.parse(text);
  } catch {
    throw malformed('it is not well-formed, or nested too deeply');
  }
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeText(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|\w*);?/gi, (whole, name: string) => {
    const point = name.startsWith('#') ? Number(name.replace(/^#/, '').replace(/^x/i, '0x')) : undefined;
    const known =
      point === undefined ? (Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined) : characterOf(point);
    if (known === undefined || !whole.endsWith(';')) throw malformed(`it has the unknown entity ${whole.slice(0, 20)}`);
    return known;
  });
}

function characterOf(point: number): string | undefined {
  return point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff) ? undefined : String.fromCodePoint(point);
}

function malformed(why: string): S3Error {
  return new S3Error('MalformedXML', `the XML of the body is invalid: ${why}`);
}
