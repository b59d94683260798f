import { defineCommand } from 'citty';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { plainJson } from '../../configs/plain-text.ts';
import { type BundledPackages, SET_PACKAGES } from '../../configs/set-packages.ts';
import { InvalidInput } from '../../errors.ts';
import { reportErrors } from '../command-error.ts';
import { hasSet, installSet } from '../install-set.ts';
import { abortOnStop } from '../stop-signals.ts';
import { formatTable } from '../table.ts';
import { connect, connectionArgs } from './connection.ts';

const NAMES = SET_PACKAGES.map(({ name }) => name).join(', ');

export const setsCommand = defineCommand({
  meta: {
    name: 'sets',
    description: 'list the bundled sets of pictures and whether the server has their files; or install those of one',
  },
  args: {
    action: { type: 'positional', required: false, description: '`install`: download the files and store them' },
    name: { type: 'positional', required: false, description: `set to install: ${NAMES}` },
    tarball: {
      type: 'string',
      description: 'install from the packages in this folder, as `npm pack` names them, without a download',
      valueHint: 'PATH',
    },
    json: { type: 'boolean', description: 'print JSON' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const api = connect(args);
    if (args.action !== undefined) {
      const pinned = SET_PACKAGES.find(each => each.name === args.name);
      if (args.action !== 'install' || pinned === undefined) {
        throw new InvalidInput(`there is no command \`sets ${[args.action, args.name ?? ''].join(' ').trim()}\``, {
          expected: `\`sets\`, or \`sets install\` with one of ${NAMES}`,
          hint: 'the sets portraits and figures need no installation',
        });
      }
      const log = (line: string) => console.log(line);
      const signal = abortOnStop('the installation is stopped');
      await installSet(pinned, api, { cacheFolder: cacheFolderOf(process.env), tarball: args.tarball, log, signal });
      return;
    }
    const rows: SetRow[] = [
      { name: 'portraits', about: 'head-and-shoulders avatars, drawn in any number', installed: true, source: 'drawn' },
      { name: 'figures', about: 'people with their joints, drawn in any number', installed: true, source: 'drawn' },
    ];
    for (const set of SET_PACKAGES) {
      rows.push({ name: set.name, about: set.about, installed: await hasSet(set, api), source: sourceOf(set) });
    }
    console.log(args.json === true ? plainJson(rows) : formatSets(rows));
  }),
});

interface SetRow {
  readonly name: string;
  readonly about: string;
  readonly installed: boolean;
  readonly source: string;
}

function sourceOf({ packages }: BundledPackages): string {
  return packages.map(({ spec, license }) => `npm ${spec} (${license.name})`).join('; ');
}

function formatSets(rows: readonly SetRow[]): string {
  return formatTable([
    ['set', 'installed', 'what', 'source'],
    ...rows.map(({ name, installed, about, source }) => [name, installed ? 'yes' : 'no', about, source]),
  ]);
}
