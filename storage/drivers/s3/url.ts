/** @file `s3://bucket[/prefix]?endpoint=...&region=...`: the place of a bucket, never its credentials. */
import { InvalidInput } from '../../../errors.ts';
import { isKey } from '../../keys.ts';

export interface S3Location {
  readonly bucket: string;
  /** Put before every key: empty, or a path that ends with "/". */
  readonly prefix: string;
  /** Absent: the endpoint of Amazon. */
  readonly endpoint?: string;
  readonly region?: string;
  /** The whole location, normalised: a value for EASEL_STORE. */
  readonly url: string;
}

const EXPECTED = 's3://BUCKET[/PREFIX][?endpoint=http://HOST:PORT][&region=REGION]';
const CREDENTIALS_HINT =
  'credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from AWS_PROFILE, never from the URL';

/** @throws InvalidInput. Its message does not repeat the URL, which may contain a secret. */
export function parseS3Url(text: string): S3Location {
  const url = URL.parse(text);
  if (url?.protocol !== 's3:') throw refuse('the URL of the S3 store cannot be parsed');
  if (hasUser(url) || /^s3:\/\/[^/?#]*@/i.test(text)) throw refuse('the URL of the S3 store contains credentials');
  for (const name of url.searchParams.keys()) {
    if (name !== 'endpoint' && name !== 'region') {
      throw refuse(`the URL of the S3 store has the unknown parameter "${name.slice(0, 50)}"`);
    }
    if (url.searchParams.getAll(name).length > 1) throw refuse(`the URL of the S3 store has two of "${name}"`);
  }
  if (url.hash !== '' || url.port !== '') throw refuse('the URL of the S3 store has a port or a fragment');

  const bucket = url.hostname;
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw refuse(`"${bucket.slice(0, 100)}" cannot be the name of a bucket`, {
      expected: '3 to 63 of a-z 0-9 . -, starting and ending with a letter or digit',
    });
  }
  const path = decodePath(url.pathname).replace(/^\/|\/$/g, '');
  if (path !== '' && !isKey(path)) throw refuse('the prefix of the S3 store is not a relative path');

  const endpoint = parseEndpoint(url.searchParams.get('endpoint'));
  const region = parseRegion(url.searchParams.get('region'));
  const location = {
    bucket,
    prefix: path === '' ? '' : `${path}/`,
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
  };
  return { ...location, url: formatS3Url(location) };
}

function formatS3Url({ bucket, prefix, endpoint, region }: Omit<S3Location, 'url'>): string {
  const path = prefix === '' ? '' : `/${prefix.slice(0, -1).split('/').map(encodeURIComponent).join('/')}`;
  const parameters = [endpoint && `endpoint=${endpoint}`, region && `region=${region}`].filter(Boolean);
  return `s3://${bucket}${path}${parameters.length === 0 ? '' : `?${parameters.join('&')}`}`;
}

function parseEndpoint(text: string | null): string | undefined {
  if (text === null) return undefined;
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw refuse('the endpoint of the S3 store is not an HTTP URL', {
      expected: 'such as endpoint=http://127.0.0.1:9000',
    });
  }
  if (hasUser(url)) throw refuse('the endpoint of the S3 store contains credentials');
  if (url.search !== '' || url.hash !== '' || !/^[\w./~-]*$/.test(url.pathname)) {
    throw refuse('the endpoint of the S3 store has a query, a fragment or an odd path', {
      expected: 'such as endpoint=http://127.0.0.1:9000',
    });
  }
  return url.href.replace(/\/$/, '');
}

function parseRegion(text: string | null): string | undefined {
  if (text !== null && !/^[a-z0-9-]{1,40}$/.test(text)) {
    throw refuse('the region of the S3 store is not valid', { expected: 'such as region=us-east-1' });
  }
  return text ?? undefined;
}

function hasUser(url: URL): boolean {
  return url.username !== '' || url.password !== '';
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw refuse('the prefix of the S3 store is not percent-encoded UTF-8');
  }
}

function refuse(problem: string, options: { readonly expected?: string } = {}): InvalidInput {
  return new InvalidInput(problem, { expected: options.expected ?? EXPECTED, hint: CREDENTIALS_HINT });
}
