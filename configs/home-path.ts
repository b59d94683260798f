import { homedir } from 'node:os';
import { join } from 'node:path';
import { InvalidInput } from '../errors.ts';

/**
 * A path as a shell reads it: `~` and `~/x` lie in the home folder of this user. Variables, `--key=~/x` and JSON do not
 * pass through a shell that would do so.
 * @throws InvalidInput for the home folder of another user.
 */
export function expandHome(path: string): string {
  if (!path.startsWith('~')) return path;
  const [tilde = '', ...rest] = path.split('/');
  if (tilde === '~') return join(homedir(), ...rest);
  throw new InvalidInput(`"${path}" may mean the home folder of another user`, {
    expected: '"~" or "~/FOLDER" for your own home folder, or an absolute path',
    hint: `for a folder of this name in the working directory, write "./${path}"`,
  });
}
