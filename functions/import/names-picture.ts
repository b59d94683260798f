/** @file Whether the name of a file is that of a picture. Its bytes decide; names say what to expect. */
import { PICTURE_ENDINGS } from '../../formats/file-format.ts';
import { ARRAY_ENDING } from './join-names.ts';

export function namesPicture(name: string): boolean {
  return ARRAY_ENDING.test(name) || PICTURE_ENDINGS.has(name.slice(name.lastIndexOf('.') + 1).toLowerCase());
}
