/** @file The files of a view that Easel writes. Users may put other files beside them. */

/** Paths are relative to the view: `experiments/portraits/`. */
export interface ViewLayout {
  readonly files: readonly string[];
  /** Without a "/" at the end; everything in them belongs to the view. */
  readonly folders: readonly string[];
}

/** By kind of name: `experiments`, `datasets`. */
export type ViewLayouts = Readonly<Record<string, ViewLayout>>;

export function isViewFile({ files, folders }: ViewLayout, file: string): boolean {
  return files.includes(file) || folders.some(folder => file.startsWith(`${folder}/`));
}
