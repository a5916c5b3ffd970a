import { Readable } from 'node:stream';
import type { CliIo, CommandDefinition, CommandNode, Invocation } from './command.ts';
import { isGroup } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { completion } from './completion/index.ts';
import { connect, connectWithoutHelper } from './connection.ts';
import { CommandFailure, describeFailure, usageFailure } from './failure.ts';
import type { Environment, FlagDefinitions } from './flags.ts';
import { flagsOf, parseFlags } from './flags.ts';
import { HTTP_FLAGS, OUTPUT_FLAGS } from './global-flags.ts';
import { renderHelp, renderOverview } from './help.ts';
import { hintFor } from './hint.ts';
import type { Format } from './output/printer.ts';
import { createPrinter, FORMATS } from './output/printer.ts';
import { isShown, showRequest } from './shown-request/show.ts';
import { suggestCommand } from './suggestion.ts';
import type { Ui } from './ui.ts';
import { createUi } from './ui.ts';
import { findMissingCommand, type MissingCommand, refusalOf } from './vault-commands.ts';

/** What the application adds to the command line. */
export interface RunExtra {
  /** The `server` command, which this package cannot provide itself. */
  readonly server?: CommandDefinition;
  /** Commands under `operator` that know how a server works. */
  readonly operator?: readonly CommandDefinition[];
  /** The program's name in help and messages. Default `vault`. */
  readonly program?: string;
  /** What `version` prints. Default `dev`. */
  readonly version?: string;
  /** What starts the program, as words with absolute paths: it is written into shells' files. Default: nothing can be installed. */
  readonly command?: readonly string[];
}

interface Program {
  readonly name: string;
  readonly version: string;
  readonly io: CliIo;
  readonly ui: Ui;
}

/**
 * Runs one command line and returns its exit code: 0, 1 for wrong input, 2 when the server refuses or cannot be reached
 * (`status`: sealed), 127 for an unknown command. Never throws, and never ends the process.
 *
 * @param argv the arguments without the program's name
 */
export async function run(argv: readonly string[], io: CliIo, extra: RunExtra = {}): Promise<number> {
  const ui = createUi(io.stdout, io.stderr);
  const program = { name: extra.program ?? 'vault', version: extra.version ?? 'dev', io, ui };
  const commands = commandsWith(extra);
  let exitCode: number;
  try {
    exitCode =
      (await completion(argv, commands, { ...program, command: extra.command })) ??
      (await dispatch(argv, commands, program));
  } catch (thrown) {
    const failure = describeFailure(thrown);
    ui.error(failure.message);
    const hint = hintFor(thrown, program.name, io.env);
    if (hint !== undefined) ui.error(`\n${hint}`);
    exitCode = failure.exitCode;
  }
  return (await ui.flush()) || exitCode !== 0 ? exitCode : 1;
}

/** The commands of this package, and those that the application adds. */
export function commandsWith({ server, operator = [] }: RunExtra): readonly CommandNode[] {
  const extended = COMMANDS.map((node) =>
    isGroup(node) && node.name === 'operator' ? { ...node, commands: [...node.commands, ...operator] } : node,
  );
  return server === undefined ? extended : [...extended, server];
}

async function dispatch(argv: readonly string[], commands: readonly CommandNode[], program: Program): Promise<number> {
  const words = argv.length === 1 && /^(-v|--?version)$/.test(argv[0] ?? '') ? ['version'] : argv;
  const help = beforeTerminator(words).some((word) => /^(-h|--?help)$/.test(word));
  const found = findCommand(words, commands);
  const missing = missingCommand(words, found);
  if (missing !== undefined) {
    // Asked for, help is the answer; otherwise it is the complaint.
    (help ? program.ui.output : program.ui.error)(refusalOf(program.name, missing));
    // As for any other word that is none: 127 for a command, 1 for a subcommand.
    return help ? 0 : found === undefined ? 127 : 1;
  }
  if (found === undefined) return overview(words, help, commands, program);
  const { node, path, rest, leadingFlags } = found;
  return help || leadingFlags || isGroup(node) ? explain(found, help, program) : invoke(node, path, rest, program);
}

function explain({ node, path, rest, leadingFlags }: Found, help: boolean, { name, ui }: Program): number {
  if (!help && leadingFlags) {
    ui.error(
      `Invalid flags before the subcommand. If these flags are for\nthe subcommand, please put them after the subcommand.\n`,
    );
  }
  (help ? ui.output : ui.error)(renderHelp(name, path, node));
  if (isGroup(node)) suggest(rest, node.commands, path, ui);
  return help ? 0 : 1;
}

/** The help of a command that nobody knows is none. */
function overview(
  words: readonly string[],
  help: boolean,
  commands: readonly CommandNode[],
  { name, ui }: Program,
): number {
  const isAnswer = help && !words.some(isName);
  (isAnswer ? ui.output : ui.error)(renderOverview(name, commands));
  if (!isAnswer) suggest(fromFirstName(words), commands, '', ui);
  return isAnswer ? 0 : 127;
}

/** Stands last, where it is not scrolled away. */
function suggest(words: readonly string[], commands: readonly CommandNode[], group: string, ui: Ui): void {
  const suggestion = suggestCommand(words, commands, group);
  if (suggestion !== undefined) ui.error(`\n${suggestion}`);
}

/** Without the flags before it; all of them where there is no name. */
function fromFirstName(words: readonly string[]): readonly string[] {
  return words.slice(Math.max(words.findIndex(isName), 0));
}

function isName(word: string): boolean {
  return !word.startsWith('-') && word !== '';
}

interface Found {
  readonly node: CommandNode;
  readonly path: string;
  readonly rest: readonly string[];
  readonly leadingFlags: boolean;
}

function findCommand(words: readonly string[], commands: readonly CommandNode[]): Found | undefined {
  let index = words.findIndex(isName);
  const leadingFlags = index > 0;
  let node = commands.find(({ name }) => name === words[index]);
  if (node === undefined) return undefined;
  let path = node.name;
  while (isGroup(node)) {
    const next: CommandNode | undefined = node.commands.find(({ name }) => name === words[index + 1]);
    if (next === undefined) break;
    index++;
    node = next;
    path += ` ${node.name}`;
  }
  return { node, path, rest: words.slice(index + 1), leadingFlags };
}

/** Of the words that lead to no command of ours, the command of Vault's that they lead to. */
function missingCommand(words: readonly string[], found: Found | undefined): MissingCommand | undefined {
  if (found !== undefined && !isGroup(found.node)) return undefined;
  return findMissingCommand(words.filter((word) => !word.startsWith('-') && word !== ''));
}

async function invoke(
  command: CommandDefinition,
  path: string,
  words: readonly string[],
  program: Program,
): Promise<number> {
  let invocation: Invocation;
  try {
    invocation = readCommandLine(command, path, words, program);
  } catch (thrown) {
    const { message, exitCode } = describeFailure(thrown);
    throw new CommandFailure('invalid-request', message, command.usageExitCode ?? exitCode, thrown);
  }
  return isShown(invocation.http) ? showRequest(command, invocation) : command.run(invocation);
}

function readCommandLine(
  command: CommandDefinition,
  path: string,
  words: readonly string[],
  program: Program,
): Invocation {
  const { io, ui } = program;
  const outputs = command.output ?? [];
  const { format, rest } = takeFormat(words, outputs.includes('format'), io.env);
  if (format === 'raw' && command.raw !== true)
    throw usageFailure('This command does not support the -format=raw option.');
  const definitions: FlagDefinitions = {
    ...(command.http === false ? {} : HTTP_FLAGS),
    ...Object.fromEntries(outputs.map((name) => [name, OUTPUT_FLAGS[name]])),
    ...command.flags,
  };
  const parsed = parseWithHint(definitions, rest, `${program.name} ${path}`, io.env);
  if (format === 'table') warnOfLateFlags(parsed.positionals, ui);
  checkArguments(command, parsed.positionals.length);
  // Without HTTP flags nothing asks for a connection.
  const http = flagsOf(HTTP_FLAGS, parsed.flags);
  const { field, detailed } = parsed.flags;
  return {
    program: program.name,
    version: program.version,
    flags: parsed.flags as Invocation['flags'],
    http,
    arguments: parsed.positionals,
    detailed: detailed === true,
    ui,
    printer: createPrinter(ui, format, outputs.includes('field') && typeof field === 'string' ? field : ''),
    io,
    stdin: http['non-interactive'] === true ? Readable.from([]) : io.stdin,
    connect: () => connect(http, io.env),
    connectWithoutHelper: () => connectWithoutHelper(http, io.env),
  };
}

function parseWithHint(definitions: FlagDefinitions, rest: readonly string[], command: string, env: Environment) {
  try {
    return parseFlags(definitions, rest, env);
  } catch (thrown) {
    const { message, exitCode } = describeFailure(thrown);
    throw new CommandFailure(
      'invalid-request',
      `${message}\nRun "${command} -help" to see its flags.`,
      exitCode,
      thrown,
    );
  }
}

/**
 * Takes -format out of the arguments, wherever it stands: Vault honours it even after the path
 * (vault:command/main.go setupEnv), where it would otherwise be sent along as data.
 */
function takeFormat(
  words: readonly string[],
  allowed: boolean,
  env: Environment,
): { format: Format; rest: readonly string[] } {
  let text = env['VAULT_FORMAT'] ?? '';
  const scanned = beforeTerminator(words);
  const rest: string[] = [];
  for (let index = 0; index < scanned.length; index++) {
    const word = scanned[index] ?? '';
    const match = allowed ? /^--?format(?:=(.*))?$/s.exec(word) : null;
    const value = match?.[1] ?? scanned[index + 1];
    if (match === null || value === undefined) {
      rest.push(word);
      continue;
    }
    if (match[1] === undefined) index++;
    text = value;
  }
  const format = FORMATS.find((known) => known === (text.toLowerCase() || 'table'));
  if (format === undefined) throw usageFailure(`Invalid output format: ${text}\nUse "table", "json", "yaml" or "raw".`);
  return { format, rest: [...rest, ...words.slice(scanned.length)] };
}

function beforeTerminator(words: readonly string[]): readonly string[] {
  const end = words.indexOf('--');
  return end < 0 ? words : words.slice(0, end);
}

function warnOfLateFlags(positionals: readonly string[], ui: Ui): void {
  const late = positionals.filter((word) => word.startsWith('-') && word !== '-');
  if (late.length === 0) return;
  ui.warn(
    `Command flags must be provided before positional arguments. The following arguments will not be parsed as flags: [${late.join(',')}]`,
  );
}

function checkArguments(
  { arguments: { min, max = Infinity, expected = String(min) } }: CommandDefinition,
  got: number,
): void {
  if (got < min) throw usageFailure(`Not enough arguments (expected ${expected}, got ${got})`);
  if (got > max) throw usageFailure(`Too many arguments (expected ${expected}, got ${got})`);
}
