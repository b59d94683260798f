/** @file The filters that scale pictures: sharp's kernels. docs/pictures.md says what each equals in Pillow. */

export const FILTERS = [
  'nearest',
  'linear',
  'cubic',
  'mitchell',
  'lanczos2',
  'lanczos3',
  'mks2013',
  'mks2021',
] as const;
export type Filter = (typeof FILTERS)[number];

export const DEFAULT_FILTER: Filter = 'lanczos3';
