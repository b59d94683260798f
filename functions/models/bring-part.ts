/** @file Brings one part of a model into the store, after its file was checked as well as it can be. */
import { join } from 'node:path';
import { isLoopback } from '../../configs/loopback.ts';
import { isWhole, type SourceFile, type SourcePart, urlOf } from '../../configs/model-sources.ts';
import { type DownloadProgress, FileChanged, openDownload } from '../../downloads/download.ts';
import type { HubAccess } from '../../downloads/hub-access.ts';
import { InvalidInput, Unprocessable } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ModelFile } from '../../storage/model-record.ts';
import type { EffectContext } from '../define.ts';
import { type ByteSource, openLocalFile, openPieces } from './byte-source.ts';
import { storePart } from './store-part.ts';

/** Times that a file may change between the fetch of its header and that of its tensors. */
const MOST_CHANGES = 3;

export interface PartRequest {
  readonly model: string;
  readonly part: string;
  /** The digest that a person gives, where the row has none. */
  readonly sha256?: string | undefined;
  /** Takes a file that nobody has pinned as it comes. */
  readonly trust: boolean;
  /** Fetches the whole file, to check its digest. */
  readonly whole: boolean;
  /** The file as blobs, one after the other. */
  readonly pieces?: readonly Digest[] | undefined;
  /** A folder below the import roots that has the file under its own name. */
  readonly folder?: string | undefined;
}

export interface BroughtPart {
  readonly digests: readonly Digest[];
  readonly file: ModelFile;
}

type Context = Pick<EffectContext, 'blobs' | 'hub' | 'importRoots' | 'signal' | 'progress'>;

/** @throws Unprocessable, StoreFull, NotFound, Forbidden; the signal's reason */
export async function bringPart(ctx: Context, row: SourcePart, request: PartRequest): Promise<BroughtPart> {
  const pin = pinOf(row, request);
  for (let changes = 0; ; changes++) {
    const source = await openSource(ctx, row, request, pin);
    try {
      return await bringFrom(ctx, source, row, request, pin);
    } catch (error) {
      if (!(error instanceof FileChanged) || changes === MOST_CHANGES) throw error;
    } finally {
      await source.close();
    }
  }
}

async function bringFrom(
  { blobs }: Context,
  source: ByteSource,
  row: SourcePart,
  request: PartRequest,
  pin: string | undefined,
): Promise<BroughtPart> {
  await source.bring([{ start: 0, end: 1 }]);
  const { claimed, size } = source.facts();
  if (pin === undefined && !request.trust) throw unpinned(row, request.part, claimed);
  const isLocal = request.pieces !== undefined || request.folder !== undefined;
  // Only a host that names the digest of the file lets a part of the file be checked.
  const readsAll = isWhole(row) || request.whole || isLocal || claimed === undefined;
  let sha256 = claimed;
  if (readsAll) {
    await source.bring();
    sha256 = await source.digest();
    if (pin !== undefined && sha256 !== pin) {
      await source.discard();
      throw new Unprocessable(`the ${source.from} has the wrong sha256 ${sha256}`, {
        expected: `sha256 ${pin}`,
        hint: 'call again to fetch it anew; another file that you trust can be stored by PUT /objects and PUT /models',
      });
    }
  }
  const { digests, ...counts } = await storePart(blobs, source, row);
  await source.discard();
  const checked = pin === undefined ? 'first use' : readsAll ? 'file' : 'host';
  return { digests, file: { from: source.from, size, ...(sha256 !== undefined && { sha256 }), checked, ...counts } };
}

function pinOf(row: SourceFile, { part, sha256 }: PartRequest): string | undefined {
  if (sha256 === undefined || row.sha256 === undefined || sha256 === row.sha256) return sha256 ?? row.sha256;
  throw new InvalidInput(`sha256.${part} is not the pinned digest of ${row.path}`, { expected: row.sha256 });
}

function unpinned({ repo, path }: SourceFile, part: string, claimed: string | undefined): Unprocessable {
  const said = claimed === undefined ? '' : `; its host says sha256 ${claimed}`;
  return new Unprocessable(`nobody has pinned ${path} of ${repo}${said}`, {
    expected: `"sha256": {"${part}": "..."} of a file that you trust, or "trust": true`,
    hint:
      'the page of the file at its host shows its sha256. `trust` takes the file as it comes over https, and records its ' +
      'sha256 (command line: --sha256, --trust)',
  });
}

async function openSource(ctx: Context, row: SourcePart, request: PartRequest, pin: string | undefined) {
  if (request.pieces) return openPieces(row.path, request.pieces, ctx.blobs);
  if (request.folder !== undefined) return openLocalFile(request.folder, row.path, ctx.importRoots);
  const { hub, signal } = ctx;
  const url = urlOf(row, hub.endpoint);
  const download = await openDownload({
    url,
    folder: join(hub.cacheFolder, 'models', 'downloads', request.model, request.part),
    token: tokenFor(url, hub),
    sha256: pin,
    signal,
    onProgress: progress => ctx.progress(describeProgress(row, progress)),
    log: message => ctx.progress({ phase: row.path, message }),
    system: hub.system,
  });
  return { ...download, from: url };
}

/** A token goes over https, or to a server of this machine. */
function tokenFor(url: string, { token }: HubAccess): string | undefined {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || isLoopback(hostname) ? token : undefined;
}

function describeProgress({ path }: SourceFile, { done, total, bytes_per_second: rate }: DownloadProgress) {
  const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10;
  const metrics = { MB_per_second: megabytes(rate) };
  return { phase: path, done: megabytes(done), total: megabytes(total), unit: 'MB', metrics };
}
