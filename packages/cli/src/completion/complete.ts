import { type CommandDefinition, type CommandNode, isGroup } from '../command.ts';
import type { FlagDefinition, FlagDefinitions } from '../flags.ts';
import { HTTP_FLAGS, OUTPUT_FLAGS } from '../global-flags.ts';
import { LOGIN_HANDLERS } from '../login-handlers.ts';
import { ARGUMENT_CANDIDATES, type Candidates, FLAG_CANDIDATES } from './candidates.ts';
import { PROGRAM_FLAGS } from '../suggestion.ts';
import type { TypedLine } from './line.ts';

/** What may stand at the cursor. */
export interface Completion {
  readonly candidates: Candidates;
  /** What has been typed of it. */
  readonly prefix: string;
  /** What stands before it in the same word: `-format=`. */
  readonly before: string;
}

/** Finds out what the word at the cursor is: a command, a flag, its value, or an argument. */
export function completionOf({ words, last }: TypedLine, commands: readonly CommandNode[]): Completion {
  const { node, path, rest } = findNode(words, commands);
  if (node === undefined || isGroup(node)) {
    const names = (node?.commands ?? commands).map(({ name }) => name);
    const flags = node === undefined ? PROGRAM_FLAGS : ['help'];
    return plain(last.startsWith('-') ? dashed(flags, last) : names, last);
  }
  return completeCommand(node, path, rest, last);
}

function completeCommand(command: CommandDefinition, path: string, rest: readonly string[], last: string): Completion {
  const flags = flagsOfCommand(command);
  const { positionals, open } = scan(rest, flags);
  if (open !== undefined) return plain(valuesOf(path, open), last);
  const [, dashes = '', name = '', value] = /^(--?)([^=]*)=(.*)$/s.exec(last) ?? [];
  if (value !== undefined && positionals === 0) {
    const [known] = namedFlag(flags, name) ?? [];
    return { candidates: known === undefined ? [] : valuesOf(path, known), prefix: value, before: `${dashes}${name}=` };
  }
  // Behind the first argument nothing is parsed as a flag.
  if (last.startsWith('-')) return plain(positionals === 0 ? dashed([...Object.keys(flags), 'help'], last) : [], last);
  return plain(ARGUMENT_CANDIDATES[path]?.[positionals] ?? [], last);
}

function plain(candidates: Candidates, prefix: string): Completion {
  return { candidates, prefix, before: '' };
}

/** With as many dashes as were typed: Go takes one or two. */
function dashed(names: readonly string[], typed: string): string[] {
  const dashes = typed.startsWith('--') ? '--' : '-';
  return names.map((name) => `${dashes}${name}`);
}

function findNode(words: readonly string[], commands: readonly CommandNode[]) {
  let node: CommandNode | undefined;
  let path = '';
  let rest = words;
  while (node === undefined || isGroup(node)) {
    const index = rest.findIndex((word) => !word.startsWith('-'));
    const next: CommandNode | undefined = (node?.commands ?? commands).find(({ name }) => name === rest[index]);
    if (next === undefined) break;
    node = next;
    path = `${path} ${next.name}`.trimStart();
    rest = rest.slice(index + 1);
  }
  return { node, path, rest };
}

function flagsOfCommand({ flags, http, output = [] }: CommandDefinition): FlagDefinitions {
  const outputs = Object.fromEntries(output.map((name) => [name, OUTPUT_FLAGS[name]]));
  return { ...(http === false ? {} : HTTP_FLAGS), ...outputs, ...flags };
}

/** How many arguments there are already, and the flag whose value comes next, if one does. */
function scan(words: readonly string[], flags: FlagDefinitions): { positionals: number; open?: string } {
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word === '--') return { positionals: words.length - index - 1 };
    if (!word.startsWith('-') || word === '-') return { positionals: words.length - index };
    const [name, definition] = namedFlag(flags, word.replace(/^--?/, '')) ?? [];
    if (name === undefined || definition === undefined || standsAlone(definition)) continue;
    if (index === words.length - 1) return { positionals: 0, open: name };
    index++;
  }
  return { positionals: 0 };
}

function namedFlag(flags: FlagDefinitions, spelling: string): [string, FlagDefinition] | undefined {
  return Object.entries(flags).find(([name, { aliases = [] }]) => name === spelling || aliases.includes(spelling));
}

function standsAlone(definition: FlagDefinition): boolean {
  return definition.type === 'boolean' || (definition.type === 'string' && definition.bare !== undefined);
}

function valuesOf(path: string, flag: string): Candidates {
  if (path === 'login' && flag === 'method') return [...LOGIN_HANDLERS.keys()];
  return FLAG_CANDIDATES[`${path} ${flag}`] ?? FLAG_CANDIDATES[flag] ?? [];
}
