/** @file Refuses the parts of S3 that this endpoint lacks, by name. It ignores none in silence. */
import { notImplemented } from './errors.ts';
import { queryValue, type S3Request } from './request.ts';

type Level = 'Bucket' | 'Object';

const MULTIPART_HINT =
  'an object is sent in one request of at most 1 GiB; raise the threshold of your client ' +
  '(aws: `aws configure set default.s3.multipart_threshold 1GB`)';

/**
 * Query parameters that turn a request into another operation, by level. A value is the operation's name by method, or
 * the part of the name behind the verb.
 */
const SUBRESOURCES: Readonly<Record<Level, Readonly<Record<string, string | Readonly<Record<string, string>>>>>> = {
  Bucket: {
    abac: 'BucketAbac',
    accelerate: 'BucketAccelerateConfiguration',
    acl: 'BucketAcl',
    analytics: 'BucketAnalyticsConfiguration',
    cors: 'BucketCors',
    encryption: 'BucketEncryption',
    'intelligent-tiering': 'BucketIntelligentTieringConfiguration',
    inventory: 'BucketInventoryConfiguration',
    lifecycle: 'BucketLifecycleConfiguration',
    logging: 'BucketLogging',
    metrics: 'BucketMetricsConfiguration',
    notification: 'BucketNotificationConfiguration',
    'object-lock': 'ObjectLockConfiguration',
    ownershipControls: 'BucketOwnershipControls',
    policy: 'BucketPolicy',
    policyStatus: 'BucketPolicyStatus',
    publicAccessBlock: 'PublicAccessBlock',
    replication: 'BucketReplication',
    requestPayment: 'BucketRequestPayment',
    session: { GET: 'CreateSession' },
    tagging: 'BucketTagging',
    uploads: { GET: 'ListMultipartUploads' },
    versioning: 'BucketVersioning',
    versions: { GET: 'ListObjectVersions' },
    website: 'BucketWebsite',
  },
  Object: {
    acl: 'ObjectAcl',
    append: { PUT: 'PutObject with append' },
    attributes: { GET: 'GetObjectAttributes' },
    'legal-hold': 'ObjectLegalHold',
    partNumber: { GET: 'GetObject of a part', HEAD: 'HeadObject of a part', PUT: 'UploadPart' },
    renameObject: { PUT: 'RenameObject' },
    restore: { POST: 'RestoreObject' },
    retention: 'ObjectRetention',
    select: { POST: 'SelectObjectContent' },
    tagging: 'ObjectTagging',
    torrent: 'ObjectTorrent',
    uploadId: { DELETE: 'AbortMultipartUpload', GET: 'ListParts', POST: 'CompleteMultipartUpload', PUT: 'UploadPart' },
    uploads: { POST: 'CreateMultipartUpload' },
  },
};

const VERBS: Readonly<Record<string, string>> = {
  DELETE: 'Delete',
  GET: 'Get',
  HEAD: 'Head',
  POST: 'Post',
  PUT: 'Put',
};

/** Operations that have no such parameter. */
const PLAIN: Readonly<Record<Level, Readonly<Record<string, string>>>> = {
  Bucket: { DELETE: 'DeleteBucket' },
  Object: { POST: 'PostObject' },
};

/** Headers that ask for an effect. The endpoint ignores only metadata (x-amz-meta-*, cache-control ...). */
const HEADERS = [
  'x-amz-acl',
  'x-amz-copy-source-if-match',
  'x-amz-copy-source-if-modified-since',
  'x-amz-copy-source-if-none-match',
  'x-amz-copy-source-if-unmodified-since',
  'x-amz-grant-full-control',
  'x-amz-grant-read',
  'x-amz-grant-read-acp',
  'x-amz-grant-write-acp',
  'x-amz-if-match-initiated-time',
  'x-amz-if-match-last-modified-time',
  'x-amz-if-match-size',
  'x-amz-object-lock-legal-hold',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-security-token',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-customer-algorithm',
  'x-amz-tagging',
  'x-amz-website-redirect-location',
  'x-amz-write-offset-bytes',
];

/** Header values that name the default, which is allowed. */
const ALLOWED_VALUES: Readonly<Record<string, string>> = { 'x-amz-acl': 'private' };

/** @throws S3Error NotImplemented with the name of the operation, parameter or header. */
export function refuseUnsupported(request: S3Request, level: Level): void {
  const { method, query, headers } = request;
  const name = query.map(([parameter]) => operationOf(level, parameter, method)).find(each => each !== undefined);
  if (name !== undefined) throw notImplemented(name, /Multipart|Part/.test(name) ? MULTIPART_HINT : undefined);
  const isDelete = method === 'POST' && level === 'Bucket' && queryValue(request, 'delete') !== undefined;
  const plain = isDelete ? undefined : (PLAIN[level][method] ?? (method === 'POST' ? 'PostObject' : undefined));
  if (plain !== undefined) throw notImplemented(plain);
  const version = queryValue(request, 'versionId');
  if (version !== undefined && version !== 'null') throw notImplemented('versionId');
  const override = query.find(([parameter]) => parameter.startsWith('response-'));
  if (override !== undefined) throw notImplemented(override[0].slice(0, 60));
  const header = HEADERS.find(each => headers.has(each) && headers.get(each) !== ALLOWED_VALUES[each]);
  if (header !== undefined) throw notImplemented(`the header ${header}`);
  refuseCombinations(request);
}

/** Headers that S3 understands and that would be lost here. */
function refuseCombinations({ method, headers }: S3Request): void {
  const isCopy = headers.has('x-amz-copy-source');
  if (isCopy && (headers.get('x-amz-metadata-directive') ?? 'COPY') !== 'COPY') {
    throw notImplemented('CopyObject with other metadata');
  }
  if ((isCopy || method === 'DELETE') && (headers.has('if-match') || headers.has('if-none-match'))) {
    throw notImplemented(`a condition on ${isCopy ? 'CopyObject' : 'DeleteObject'}`);
  }
  const encodings = (headers.get('content-encoding') ?? '').split(',').map(each => each.trim().toLowerCase());
  const lost = encodings.find(each => !['', 'aws-chunked', 'identity'].includes(each));
  if (method === 'PUT' && lost !== undefined) throw notImplemented(`content-encoding ${lost.slice(0, 20)}`);
}

function operationOf(level: Level, parameter: string, method: string): string | undefined {
  const table = SUBRESOURCES[level];
  const entry = Object.hasOwn(table, parameter) ? table[parameter] : undefined;
  if (entry === undefined) return undefined;
  if (typeof entry !== 'string') return entry[method] ?? `${method} with ?${parameter}`;
  return `${VERBS[method] ?? method}${entry}`;
}
