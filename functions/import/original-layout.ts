/**
 * @file The folder `data` of the original project: pictures in `approved/`, and in `derived/` an array for each picture
 * and kind, with a table. Its files get the names that they would have in a WebDataset.
 */
import type { Reject } from '../../storage/records.ts';
import { type ImportSource, type SourceFile, sortByName } from './import-source.ts';
import { ARRAY_ENDING, stemOf } from './join-names.ts';

/** Endings by folder. The project's README and its programs name some folders differently. */
const FOLDERS: Readonly<Record<string, string>> = {
  t5: 't5h.npy',
  t5_hidden: 't5h.npy',
  dinov3: 'dinov3.npy',
  dinov3_patches: 'dinov3_patches.npy',
  image: 'image.npy',
  images: 'image.npy',
  pose: 'pose.npy',
};
const DERIVED = /^(.*\/|)derived\/([^/]+)\/([^/]+)\.npy$/;
/** The table of captions; copies of earlier days have the date in their names. */
export const ORIGINAL_TABLE = /^(.*\/|)derived\/approved_image_dataset\.jsonl$/;
const UNUSED = 'an array of the original project that Easel does not use';

/** The same source if it has no such folder. Nothing is read here. */
export function readOriginalLayout(source: ImportSource): ImportSource {
  const roots = new Set(
    source.files.flatMap(({ name }) => {
      const [, root, folder = ''] = DERIVED.exec(name) ?? [];
      return root !== undefined && FOLDERS[folder] !== undefined ? [root] : [];
    }),
  );
  if (roots.size === 0) return source;
  const rejects: Reject[] = [...source.rejects];
  const renamed: SourceFile[] = [];
  for (const file of source.files) {
    const [, root, folder = '', key = ''] = DERIVED.exec(file.name) ?? [];
    if (root === undefined || !roots.has(root)) renamed.push(file);
    else if (FOLDERS[folder] === undefined) rejects.push({ name: file.name, reason: UNUSED, group: UNUSED });
    else renamed.push({ ...file, name: `${root}approved/${key}.${FOLDERS[folder]}` });
  }
  // The arrays were made of the pictures as `image/` has them: scaled, and cropped. So these are the pictures.
  const arrays = new Set(renamed.filter(({ name }) => ARRAY_ENDING.test(name)).map(({ name }) => stemOf(name)));
  const isTable = ({ name }: SourceFile) => ORIGINAL_TABLE.test(name);
  const isReplaced = ({ name }: SourceFile) =>
    !name.endsWith('.npy') && arrays.has(stemOf(name)) && [...roots].some(root => name.startsWith(`${root}approved/`));
  const files = renamed.filter(file => !isReplaced(file) && !isTable(file));
  return { ...source, files: sortByName(files), tables: renamed.filter(isTable), rejects: sortByName(rejects) };
}
