/** @file Checks imports against the table of layers: pure, over a list of files. */
import { posix } from 'node:path';
import type { Layer, LayeringRules } from './layering-rules.ts';

export interface SourceFile {
  /** From the root of the repository, with "/". */
  readonly path: string;
  readonly text: string;
}

interface Module {
  readonly path: string;
  readonly lines: number;
  /** Paths of ours that it imports. */
  readonly files: readonly string[];
  readonly packages: readonly string[];
  /** Defines a function of the pipeline. */
  readonly isStage: boolean;
}

/** Everything that breaks the rules, one sentence each. */
export function checkLayering(files: readonly SourceFile[], rules: LayeringRules): string[] {
  const modules = files.map(readModule);
  return [
    ...modules.flatMap(module => checkArrows(module, rules.layers)),
    ...modules.flatMap(module => checkStages(module, modules)),
    ...checkSingleImporters(modules, rules),
    ...checkNetwork(files, rules),
    ...modules.flatMap(module => checkName(module.path)),
    ...modules.flatMap(module => checkLength(module, rules)),
    ...checkLongFiles(modules, rules),
    ...findRoomCycles(modules).map(cycle => `rooms import each other: ${cycle.join(' -> ')}`),
  ];
}

/** Specifiers of static and dynamic imports and re-exports, types included. */
export function findImports(text: string): string[] {
  const patterns = [
    /^[ \t]*(?:import|export)\b[^'";]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^[ \t]*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]/g,
  ];
  return patterns.flatMap(pattern => [...text.matchAll(pattern)].map(match => match[1] ?? ''));
}

function readModule({ path, text }: SourceFile): Module {
  const specifiers = findImports(text);
  const isOurs = (specifier: string) => specifier.startsWith('.');
  return {
    path,
    lines: text.split('\n').length - 1,
    files: specifiers.filter(isOurs).map(specifier => posix.join(posix.dirname(path), specifier)),
    packages: specifiers.filter(specifier => !isOurs(specifier) && !specifier.startsWith('node:')),
    isStage: /^functions\/[^/]+$/.test(path) && /=\s*define(?:Page)?Function(?:<[^=]*>)?\(/.test(text),
  };
}

function findLayer(path: string, layers: readonly Layer[]): Layer | undefined {
  let best: Layer | undefined;
  let longest = 0;
  for (const layer of layers) {
    for (const prefix of layer.paths) {
      const matches = prefix.endsWith('/') ? path.startsWith(prefix) : path === prefix;
      if (matches && prefix.length > longest) [best, longest] = [layer, prefix.length];
    }
  }
  return best;
}

function checkArrows({ path, files }: Module, layers: readonly Layer[]): string[] {
  const from = findLayer(path, layers);
  if (!from) return [`${path} belongs to no layer: enter its folder in test/layering/layering-rules.ts`];
  return files.flatMap(file => {
    const to = findLayer(file, layers);
    if (!to) return [`${path} imports ${file}, which belongs to no layer`];
    const listed = from.mayImport.includes('*') || from.mayImport.includes(to.name);
    const allowed = to === from || listed || (to.free && !from.free);
    return allowed ? [] : [`${path} (${from.name}) imports ${file} (${to.name})`];
  });
}

/** Functions call each other by name; only the registry knows them all. */
function checkStages({ path, files }: Module, modules: readonly Module[]): string[] {
  if (!path.startsWith('functions/') || path === 'functions/registry.ts') return [];
  return files
    .filter(file => modules.some(module => module.path === file && module.isStage))
    .map(file => `${path} imports the function ${file}: call it by name`);
}

function checkSingleImporters(modules: readonly Module[], rules: LayeringRules): string[] {
  return Object.entries(rules.singleImporters).flatMap(([name, { under, files }]) => {
    const isIt = (specifier: string) =>
      name.endsWith('/') ? specifier.startsWith(name) : specifier === name || specifier.startsWith(`${name}/`);
    const importers = modules
      .filter(module => [...module.packages, ...module.files].some(isIt))
      .map(module => module.path);
    const strays = importers.filter(path => !path.startsWith(under));
    return [
      ...strays.map(path => `${path} imports ${name}, which is for ${under}`),
      ...(importers.length - strays.length > files
        ? [`${name} is imported by ${importers.join(', ')}: at most ${files} may`]
        : []),
    ];
  });
}

/** Modules of Node and globals by which bytes leave a process. */
const NETWORK_MODULES = /^(?:node:)?(?:https?|http2|net|tls|dgram)$|^undici$/;
const NETWORK_GLOBALS = /(?<![.\w])fetch\(|\bnew (?:WebSocket|EventSource)\(/;

function checkNetwork(files: readonly SourceFile[], { network, layers }: LayeringRules): string[] {
  const isListed = (path: string) =>
    Object.keys(network).some(listed => (listed.endsWith('/') ? path.startsWith(listed) : path === listed));
  const reaches = (text: string) =>
    NETWORK_GLOBALS.test(text) || findImports(text).some(specifier => NETWORK_MODULES.test(specifier));
  return files
    .filter(({ path, text }) => reaches(text) && !isListed(path))
    .filter(({ path }) => !findLayer(path, layers)?.mayImport.includes('*'))
    .map(({ path }) => `${path} reaches the network: list it in test/layering/layering-rules.ts with whom it talks to`);
}

function checkName(path: string): string[] {
  const vague = /(^|[/.-])(utils?|helpers?)([/.-]|$)/i.test(path);
  return vague ? [`${path}: name it for what it does`] : [];
}

function checkLength({ path, lines }: Module, { maxLines, longFiles }: LayeringRules): string[] {
  if (lines <= maxLines || Object.hasOwn(longFiles, path)) return [];
  return [`${path} has ${lines} lines: split it, or list it with a reason in test/layering/layering-rules.ts`];
}

function checkLongFiles(modules: readonly Module[], { maxLines, longFiles }: LayeringRules): string[] {
  return Object.keys(longFiles)
    .filter(path => !modules.some(module => module.path === path && module.lines > maxLines))
    .map(path => `${path} is listed as a long file and is none`);
}

/**
 * Cycles between rooms. A room is a folder without folders in it; a file of any other folder stands for itself. So a
 * file that all rooms beside it use (define.ts) and one that uses them all (registry.ts) may share a folder, but no
 * room may import what imports it.
 */
export function findRoomCycles(modules: readonly Pick<Module, 'path' | 'files'>[]): string[][] {
  const parents = new Set(modules.flatMap(({ path }) => foldersAbove(posix.dirname(path))));
  const roomOf = (path: string) => (parents.has(posix.dirname(path)) ? path : posix.dirname(path));
  const edges = new Map<string, Set<string>>();
  for (const { path, files } of modules) {
    const from = roomOf(path);
    for (const to of files.map(roomOf)) {
      if (to !== from) edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  }
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (room: string, trail: readonly string[]) => {
    const start = trail.indexOf(room);
    if (start >= 0) cycles.push([...trail.slice(start), room]);
    if (start >= 0 || done.has(room)) return;
    for (const next of edges.get(room) ?? []) visit(next, [...trail, room]);
    done.add(room);
  };
  for (const room of [...edges.keys()].sort()) visit(room, []);
  return cycles;
}

/** 'a/b/c' -> 'a/b', 'a', '.'. */
function foldersAbove(folder: string): string[] {
  if (folder === '.') return [];
  const parent = posix.dirname(folder);
  return [parent, ...foldersAbove(parent)];
}
