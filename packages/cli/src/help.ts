import type { CommandDefinition, CommandGroup, CommandNode, Example } from './command.ts';
import { isGroup } from './command.ts';
import type { FlagDefinition, FlagDefinitions } from './flags.ts';
import { HTTP_FLAGS, OUTPUT_FLAGS } from './global-flags.ts';
import { wrapText } from './output/wrap.ts';

/** The commands that most people look for. */
const COMMON = ['read', 'write', 'delete', 'list', 'login', 'server', 'status', 'unwrap'];

const VALUE_NAMES = {
  boolean: '',
  string: '=<string>',
  duration: '=<duration>',
  integer: '=<int>',
  list: '=<string>',
  map: '=<key=value>',
} as const satisfies Record<FlagDefinition['type'], string>;

/** The overview: every command with its synopsis. */
export function renderOverview(program: string, commands: readonly CommandNode[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 6;
  const lines = (nodes: readonly CommandNode[]) =>
    nodes.map((node) => `    ${node.name.padEnd(width)}${node.synopsis}`);
  const common = COMMON.flatMap((name) => commands.filter((node) => node.name === name));
  const other = commands.filter((node) => !COMMON.includes(node.name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  return [
    `Usage: ${program} <command> [args]`,
    '',
    'Common commands:',
    ...lines(common),
    '',
    'Other commands:',
    ...lines(other),
  ].join('\n');
}

/** The help of a command or a group; `path` is its whole name: `lease renew`. */
export function renderHelp(program: string, path: string, node: CommandNode): string {
  return isGroup(node) ? renderGroup(program, path, node) : renderCommand(program, path, node);
}

function renderGroup(program: string, path: string, group: CommandGroup): string {
  const width = Math.max(...group.commands.map(({ name }) => name.length)) + 4;
  const lines = group.commands.map(({ name, synopsis }) => `    ${name.padEnd(width)}${synopsis}`).sort();
  const sections = [
    `Usage: ${program} ${path} <subcommand> [options] [args]`,
    ...renderText(program, group),
    ['Subcommands:', ...lines].join('\n'),
  ];
  return sections.join('\n\n');
}

function renderCommand(program: string, path: string, command: CommandDefinition): string {
  const output = Object.fromEntries((command.output ?? []).map((name) => [name, OUTPUT_FLAGS[name]]));
  const sections = [
    `Usage: ${program} ${path} ${command.usage}`.trimEnd(),
    ...renderText(program, command),
    ...renderFlags('HTTP Options', command.http === false ? {} : HTTP_FLAGS),
    ...renderFlags('Output Options', output),
    ...renderFlags('Command Options', command.flags),
  ];
  return sections.join('\n\n');
}

function renderText(program: string, { description, examples = [] }: CommandNode): string[] {
  const paragraphs = description
    .split(/\n\s*\n/)
    .map((paragraph) => wrapText(paragraph.trim().replace(/\s+/g, ' '), 2));
  return [...paragraphs, ...examples.flatMap((example) => renderExample(program, example))];
}

function renderExample(program: string, { caption, command, before = '' }: Example): string[] {
  return [wrapText(caption, 2), `      $ ${before}${program} ${command}`.replaceAll('\n', '\n          ')];
}

function renderFlags(title: string, flags: FlagDefinitions): string[] {
  const entries = Object.entries(flags);
  return entries.length === 0 ? [] : [`${title}:`, ...entries.map(([name, flag]) => renderFlag(name, flag))];
}

function renderFlag(name: string, flag: FlagDefinition): string {
  const aliases = (flag.aliases ?? []).map((alias) => `"-${alias}"`).join(' and ');
  const sentences = [
    flag.usage,
    aliases === '' ? '' : `This is aliased as ${aliases}.`,
    'default' in flag && flag.default !== '' ? `The default is ${flag.default}.` : '',
    flag.env === undefined ? '' : `This can also be specified via the ${flag.env} environment variable.`,
  ];
  return `  -${name}${VALUE_NAMES[flag.type]}\n${wrapText(sentences.filter(Boolean).join(' ').replace(/\s+/g, ' '), 6)}`;
}
