/** @file PutObject, CopyObject, DeleteObject and DeleteObjects. They commit only verified bytes. */
import { PreconditionFailed } from '../../errors.ts';
import { digestOf, hexOf } from '../../storage/digest.ts';
import { checkKey, digestOfBlobKey, isKey } from '../../storage/keys.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Etag, ObjectStore, PutOptions } from '../../storage/types.ts';
import { checkSha256, type VerifiedBody } from './body.ts';
import { noSuchKey, notImplemented, S3Error, toS3Error } from './errors.ts';
import { formatEtag } from './etag.ts';
import { checkWrite } from './preconditions.ts';
import { buildXml, MAX_XML_BYTES, parseDelete, type XmlValue } from './xml.ts';

/** Deletions at a time in one DeleteObjects. */
const CONCURRENT_DELETES = 16;
const MAX_MEDIA_TYPE_CHARACTERS = 255;
/** Attempts at a conditional write to an object that others replace meanwhile. */
const ATTEMPTS = 5;

/** @throws S3Error NoSuchKey for If-Match on an absent key, and the errors of body and store. */
export async function putObject(
  store: ObjectStore,
  key: string,
  headers: Headers,
  body: VerifiedBody,
): Promise<Response> {
  const options = readPutOptions(headers);
  checkKey(key);
  const spooled = await store.spool(body.bytes);
  try {
    checkSha256(body, hexOf(spooled.digest));
    const named = digestOfBlobKey(key);
    if (named !== undefined && named !== spooled.digest) {
      throw new S3Error('BadDigest', `the key names the blob ${named}, and the body is ${spooled.digest}`);
    }
    const isConditional = headers.has('if-match') || headers.has('if-none-match');
    const put = (condition: PutOptions) => store.put(key, spooled, { ...options, ...condition });
    const { etag } = isConditional ? await putIfMet(store, key, headers, put) : await put({});
    return new Response(null, { headers: { etag: formatEtag(etag), 'content-length': '0' } });
  } finally {
    await spooled.discard();
  }
}

/** Writes over the very version for which the conditions of the request hold. */
async function putIfMet(
  store: ObjectStore,
  key: string,
  headers: Headers,
  put: (condition: PutOptions) => Promise<{ readonly etag: Etag }>,
): Promise<{ readonly etag: Etag }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const current = (await store.head(key))?.etag;
    checkWrite(headers, key, current);
    try {
      return await put(current === undefined ? { ifNoneMatch: '*' } : { ifMatch: current });
    } catch (error) {
      // Another write came between. The conditions may hold for its version, too.
      if (!(error instanceof PreconditionFailed)) throw error;
    }
  }
  throw new S3Error('ConditionalRequestConflict', 'the object was replaced again and again by others');
}

function readPutOptions(headers: Headers): Pick<PutOptions, 'mediaType'> {
  const mediaType = headers.get('content-type')?.trim() ?? '';
  if (mediaType.length > MAX_MEDIA_TYPE_CHARACTERS || !/^[\x20-\x7e]*$/.test(mediaType)) {
    throw new S3Error(
      'InvalidArgument',
      `content-type is longer than ${MAX_MEDIA_TYPE_CHARACTERS} characters, or no ASCII`,
    );
  }
  return mediaType === '' ? {} : { mediaType };
}

/** @throws S3Error NoSuchKey */
export async function copyObject(store: ObjectStore, from: string, to: string): Promise<string> {
  const named = digestOfBlobKey(to);
  if (named !== undefined && named !== digestOfBlobKey(from)) {
    throw new S3Error('InvalidRequest', 'only the same blob can be copied to a blob');
  }
  await store.copy(from, to);
  const info = await store.head(to);
  if (info === undefined) throw noSuchKey(to);
  return buildXml('CopyObjectResult', { LastModified: info.lastModified.toISOString(), ETag: formatEtag(info.etag) });
}

export async function deleteObject(store: ObjectStore, key: string): Promise<Response> {
  if (!isAbsentFolder(key)) await store.delete(key);
  return new Response(null, { status: 204 });
}

/** Clients delete "folder/" to remove the marker of a folder. Our stores have no such markers. */
function isAbsentFolder(key: string): boolean {
  return key.endsWith('/') && isKey(key.slice(0, -1));
}

interface DeleteOutcome {
  readonly deleted?: XmlValue;
  readonly error?: XmlValue;
}

/** Deletes each key and answers for each: deleted, or its own error. */
export async function deleteObjects(store: ObjectStore, body: VerifiedBody): Promise<string> {
  const { quiet, objects } = parseDelete(await readXml(body));
  const deleteOne = async ({ key, refused }: (typeof objects)[number]): Promise<DeleteOutcome> => {
    try {
      if (refused.length > 0) throw notImplemented(`${refused.join(', ')} of an object to delete`);
      await deleteObject(store, key);
      return quiet ? {} : { deleted: { Key: key } };
    } catch (error) {
      const known = toS3Error(error, false);
      if (known === undefined) throw error;
      return { error: { Key: key, Code: known.code, Message: known.message } };
    }
  };
  const outcomes = await mapBounded(objects, { width: CONCURRENT_DELETES }, deleteOne);
  return buildXml('DeleteResult', {
    Deleted: outcomes.flatMap(each => each.deleted ?? []),
    Error: outcomes.flatMap(each => each.error ?? []),
  });
}

async function readXml(body: VerifiedBody): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body.bytes) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  checkSha256(body, hexOf(digestOf(bytes)));
  return bytes;
}

/** Size limit of a body, by operation. */
export const MAX_BYTES = { object: 1024 ** 3, xml: MAX_XML_BYTES } as const;
