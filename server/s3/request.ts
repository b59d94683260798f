/**
 * @file A request as sent. URL classes and servers normalize paths ("/a/../b", "//"), but a signature covers the sent
 * bytes.
 */
import { S3Error } from './errors.ts';

export type QueryParameter = readonly [name: string, value: string];

export interface S3Request {
  /** Method in capitals. */
  readonly method: string;
  /** Path, percent-decoded and otherwise unchanged: `/bucket/key`. */
  readonly path: string;
  /** Query parameters, decoded, in the order sent. */
  readonly query: readonly QueryParameter[];
  /** Headers by names in lower case. */
  readonly headers: Headers;
}

/**
 * @param target The request target of the request line: path and query as sent.
 * @throws S3Error InvalidURI if the target does not decode.
 */
export function parseRequest(method: string, target: string, headers: Headers): S3Request {
  const cut = target.indexOf('?');
  const rawPath = cut < 0 ? target : target.slice(0, cut);
  const rawQuery = cut < 0 ? '' : target.slice(cut + 1);
  if (!rawPath.startsWith('/')) throw new S3Error('InvalidURI', 'the path does not start with "/"');
  const query = rawQuery
    .split('&')
    .filter(part => part !== '')
    .map((part): QueryParameter => {
      const end = part.indexOf('=');
      const [name, value] = end < 0 ? [part, ''] : [part.slice(0, end), part.slice(end + 1)];
      return [decodeQuery(name), decodeQuery(value)];
    });
  return { method, path: decode(rawPath), query, headers };
}

/** The first query parameter of that name. */
export function queryValue(request: S3Request, name: string): string | undefined {
  return request.query.find(([each]) => each === name)?.[1];
}

/** Percent-decodes text. A "+" is a space in a query and a plus in a path. */
function decodeQuery(text: string): string {
  return decode(text.replaceAll('+', ' '));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new S3Error('InvalidURI', `"${text.slice(0, 200)}" is not percent-encoded UTF-8`, { cause });
  }
}

/** Percent-encodes as AWS does: everything but letters, digits and "-._~". */
export function encodeUri(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, each => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
}
