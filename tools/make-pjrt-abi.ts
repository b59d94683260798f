/**
 * @file Makes gpu-runner/engines/xla/pjrt/abi.json, the layout of PJRT's C interface, from its header:
 * `node tools/make-pjrt-abi.ts HEADER`. The committed table is from `vendor/xla/pjrt/c/pjrt_c_api.h` (0.114, sha256
 * a3882769...) in the source package pypjrt 0.1.1 of the Python package index. No C compiler is needed: the header
 * declares structs of scalars and pointers only, so that natural alignment gives the layout of every 64-bit Linux.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { InvalidInput } from '../errors.ts';

/** A field of a struct: its offset and its size in bytes. */
export interface Field {
  readonly at: number;
  readonly bytes: number;
}

export interface StructLayout {
  /** The value of `struct_size`: the end of the last field. */
  readonly size: number;
  /** Bytes from one struct of an array to the next. */
  readonly stride: number;
  readonly fields: Readonly<Record<string, Field>>;
}

export interface PjrtAbi {
  readonly version: { readonly major: number; readonly minor: number };
  /** Offsets of the functions' pointers in PJRT_Api. */
  readonly functions: Readonly<Record<string, number>>;
  readonly structs: Readonly<Record<string, StructLayout>>;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const POINTER_BYTES = 8;
/** Sizes of C types under x86-64 and AArch64 Linux; each is its own alignment. */
const SCALARS: Readonly<Record<string, number>> = {
  ...{ bool: 1, char: 1, int: 4, int32_t: 4, uint32_t: 4, float: 4 },
  ...{ size_t: 8, int64_t: 8, uint64_t: 8, intptr_t: 8, uintptr_t: 8, double: 8 },
};

/** A member of a struct: a variable, or a union of variables that share one place. */
type Member = { readonly name: string; readonly type: string } | { readonly union: readonly Member[] };
interface Size {
  readonly bytes: number;
  readonly alignment: number;
}

/** @throws InvalidInput if the header has a declaration that this parser does not know. */
export function parsePjrtHeader(header: string): PjrtAbi {
  const text = header.replace(/\/\/.*$/gm, '').replace(/\/\*[\s\S]*?\*\//g, '');
  const enums = parseEnums(text);
  const callbacks = new Set([...text.matchAll(/typedef\s+[^;{]*?\(\*(\w+)\)\s*\(/g)].map(match => match[1]));
  const bodies = findStructs(text);
  const lastFields = new Map(
    [...text.matchAll(/PJRT_DEFINE_STRUCT_TRAITS\(\s*(\w+),\s*(\w+)\s*\)/g)].map(match => [match[1], match[2]]),
  );
  const layouts = new Map<string, StructLayout & Size>();

  function sizeOf(type: string): Size {
    if (type.endsWith('*') || callbacks.has(type)) return { bytes: POINTER_BYTES, alignment: POINTER_BYTES };
    const scalar = SCALARS[type] ?? (enums[type] && 4);
    return scalar === undefined ? layOut(type) : { bytes: scalar, alignment: scalar };
  }

  function layOut(name: string): StructLayout & Size {
    const known = layouts.get(name);
    if (known !== undefined) return known;
    const body = bodies.get(name);
    if (body === undefined) throw new InvalidInput(`the header does not declare ${name}`);
    const fields: Record<string, Field> = {};
    let [end, alignment] = [0, 1];
    const place = (sizes: readonly Size[]): number => {
      const widest = Math.max(...sizes.map(size => size.alignment));
      const at = roundUp(end, widest);
      end = at + Math.max(...sizes.map(size => size.bytes));
      alignment = Math.max(alignment, widest);
      return at;
    };
    for (const member of parseMembers(body)) {
      const shared = 'union' in member ? member.union : [member];
      const sizes = shared.map(each => sizeOf('type' in each ? each.type : ''));
      const at = place(sizes);
      for (const [i, each] of shared.entries())
        if ('name' in each) fields[each.name] = { at, bytes: sizes[i]?.bytes ?? 0 };
    }
    const stride = roundUp(end, alignment);
    const last = fields[lastFields.get(name) ?? ''];
    const layout = { size: last ? last.at + last.bytes : stride, stride, bytes: stride, alignment, fields };
    layouts.set(name, layout);
    return layout;
  }

  for (const name of bodies.keys()) layOut(name);
  const { PJRT_Api: api, ...structs } = Object.fromEntries(layouts);
  if (api === undefined) throw new InvalidInput('this is not pjrt_c_api.h: it has no struct PJRT_Api');
  return {
    version: { major: readNumber(text, 'PJRT_API_MAJOR'), minor: readNumber(text, 'PJRT_API_MINOR') },
    functions: Object.fromEntries(
      Object.entries(api.fields).flatMap(([name, { at }]) => (name.startsWith('PJRT_') ? [[name, at]] : [])),
    ),
    structs: Object.fromEntries(
      Object.entries(structs).map(([name, { size, stride, fields }]) => [name, { size, stride, fields }]),
    ),
    enums,
  };
}

const roundUp = (size: number, step: number) => Math.ceil(size / step) * step;

function readNumber(text: string, name: string): number {
  const found = new RegExp(`#define ${name} (\\d+)`).exec(text);
  if (found === null) throw new InvalidInput(`this is not pjrt_c_api.h: it does not define ${name}`);
  return Number(found[1]);
}

function parseEnums(text: string): Record<string, Record<string, number>> {
  return Object.fromEntries(
    [...text.matchAll(/typedef enum\s*\w*\s*\{([^}]*)\}\s*(\w+);/g)].map(([, body = '', name = '']) => {
      let next = 0;
      const items = body.split(',').map(item => item.trim());
      const values = items.filter(Boolean).map((item): [string, number] => {
        const [key = '', value] = item.split('=').map(part => part.trim());
        if (value !== undefined) next = Number(value);
        return [key, next++];
      });
      return [name, Object.fromEntries(values)];
    }),
  );
}

/** The text between the braces of each struct, by name. */
function findStructs(text: string): Map<string, string> {
  const bodies = new Map<string, string>();
  for (const match of text.matchAll(/struct (\w+)\s*\{/g)) {
    const start = match.index + match[0].length;
    let end = start;
    for (let depth = 1; depth > 0; end++) depth += text[end] === '{' ? 1 : text[end] === '}' ? -1 : 0;
    bodies.set(match[1] ?? '', text.slice(start, end - 1));
  }
  return bodies;
}

function parseMembers(body: string): Member[] {
  const members: Member[] = [];
  for (let rest = body.trim(); rest !== ''; rest = rest.trim()) {
    const union = /^union\s*\{([^}]*)\}\s*\w*;/.exec(rest);
    const end = union ? union[0].length : rest.indexOf(';') + 1;
    if (end === 0) throw new InvalidInput(`a declaration does not end: ${rest}`);
    const declaration = rest.slice(0, end - 1).replace(/\s+/g, ' ');
    rest = rest.slice(end);
    members.push(union ? { union: parseMembers(union[1] ?? '') } : parseMember(declaration));
  }
  return members;
}

function parseMember(declaration: string): Member {
  const pointer = /_PJRT_API_STRUCT_FIELD\(\s*(\w+)\s*\)$/.exec(declaration) ?? /\(\*(\w+)\)\s*\(/.exec(declaration);
  if (pointer) return { name: pointer[1] ?? '', type: 'function*' };
  const variable = /^(.*?[\s*])(\w+)$/.exec(declaration);
  if (variable === null) throw new InvalidInput(`this declaration is unknown to the parser: ${declaration}`);
  const [, type = '', name = ''] = variable;
  return { name, type: type.replace(/\b(const|struct)\b/g, '').replace(/\s+/g, '') };
}

/** JSON with one struct, function or enum per line. */
export function formatAbi(abi: PjrtAbi): string {
  const lines = (values: Readonly<Record<string, unknown>>) =>
    Object.entries(values)
      .map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
      .join(',\n');
  const { version, functions, structs, enums } = abi;
  const tables = Object.entries({ functions, structs, enums }).map(
    ([name, values]) => `  ${JSON.stringify(name)}: {\n${lines(values)}\n  }`,
  );
  return `{\n  "version": ${JSON.stringify(version)},\n${tables.join(',\n')}\n}\n`;
}

if (import.meta.main) {
  const [header] = process.argv.slice(2);
  if (header === undefined) throw new InvalidInput('usage: node tools/make-pjrt-abi.ts PATH-OF-pjrt_c_api.h');
  const abi = parsePjrtHeader(readFileSync(header, 'utf8'));
  const path = fileURLToPath(new URL('../gpu-runner/engines/xla/pjrt/abi.json', import.meta.url));
  writeFileSync(path, formatAbi(abi));
  console.log(`wrote ${path}: PJRT ${abi.version.major}.${abi.version.minor}`);
}
