/** @file Media types that the key's suffix does not tell. Without its note an object is served as application/octet-stream. */
import { mediaTypeOfKey } from '../../media-type.ts';
import type { KeyNotes } from './notes.ts';

export class MediaTypes {
  readonly #notes: KeyNotes;

  constructor(notes: KeyNotes) {
    this.#notes = notes;
  }

  async read(key: string): Promise<string> {
    return (await this.#notes.read(key)) ?? mediaTypeOfKey(key);
  }

  /** Called before the object is published, so that nobody sees it without its type. */
  async write(key: string, mediaType: string): Promise<void> {
    await (mediaType === mediaTypeOfKey(key) ? this.#notes.remove(key) : this.#notes.write(key, mediaType));
  }

  remove(key: string): Promise<void> {
    return this.#notes.remove(key);
  }
}
