import type { Client } from '@coffer/client';
import type { Environment, FlagDefinitions, FlagValues } from './flags.ts';
import type { HttpFlags, OutputFlag } from './global-flags.ts';
import type { Printer } from './output/printer.ts';
import type { InputStream } from './stdin.ts';
import type { OutputStream, Ui } from './ui.ts';

/** The process as a command sees it. */
export interface CliIo {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Environment;
}

/** How many arguments a command takes, and what it says when it gets more or fewer. */
export interface ArgumentRule {
  readonly min: number;
  /** Default: no upper bound. */
  readonly max?: number;
  /** As it stands in the message: "expected 1-2". Default: `min`. */
  readonly expected?: string;
}

export interface Example {
  readonly caption: string;
  /** What follows the program's name; further lines are continued with a backslash. */
  readonly command: string;
  /** What stands before the program's name: `cat policy.hcl | `. */
  readonly before?: string;
}

/** One invocation of a command, with everything that it may use. */
export interface Invocation<F extends FlagDefinitions = FlagDefinitions> {
  /** The name of the program, as the user typed it: `coffer`. */
  readonly program: string;
  readonly version: string;
  readonly flags: FlagValues<F>;
  readonly http: HttpFlags;
  readonly arguments: readonly string[];
  /** -detailed, from the flag or the environment. */
  readonly detailed: boolean;
  readonly ui: Ui;
  readonly printer: Printer;
  readonly io: CliIo;
  /** What a command reads when its arguments ask for stdin: empty with -non-interactive. */
  readonly stdin: InputStream;
  /** A client with the token of VAULT_TOKEN or, failing that, of the token helper. */
  readonly connect: () => Promise<Client>;
  /** The same without the token helper, for logins. */
  readonly connectWithoutHelper: () => Promise<Client>;
}

interface Described {
  /** The last word of the command's name. */
  readonly name: string;
  /** A few words for lists of commands. */
  readonly synopsis: string;
  /** Paragraphs, separated by an empty line. */
  readonly description: string;
  readonly examples?: readonly Example[];
}

interface CommandShape extends Described {
  /** What follows the name in the usage line: `[options] PATH`. */
  readonly usage: string;
  readonly flags: FlagDefinitions;
  /** False for a command that talks to no server: it takes none of the HTTP flags. Default true. */
  readonly http?: boolean;
  readonly output?: readonly OutputFlag[];
  /** -format=raw is allowed. Default false. */
  readonly raw?: boolean;
  readonly arguments: ArgumentRule;
  /** What a wrong command line ends with. Default: 1. */
  readonly usageExitCode?: number;
}

/** A command as data: help, flags and arguments follow from it. `run` gives the exit code, or throws CommandFailure. */
export interface CommandDefinition extends CommandShape {
  run(invocation: Invocation): Promise<number>;
}

/** Commands under a common first word. */
export interface CommandGroup extends Described {
  readonly commands: readonly CommandNode[];
}

export type CommandNode = CommandDefinition | CommandGroup;

export function isGroup(node: CommandNode): node is CommandGroup {
  return 'commands' in node;
}

/** Makes a command whose `run` sees its flags with their types. */
export function defineCommand<const F extends FlagDefinitions>(
  definition: CommandShape & { readonly flags: F; run(invocation: Invocation<F>): Promise<number> },
): CommandDefinition {
  return { ...definition, run: (invocation) => definition.run(invocation as Invocation<F>) };
}
