import { join } from 'node:path';
import type { Environment } from '../flags.ts';

/** Where bash reads at a start, the first that is there (posener/complete:cmd/install/install.go). */
export function bashFiles(home: string, platform: NodeJS.Platform): string[] {
  const names = platform === 'darwin' ? ['.bash_profile'] : ['.bashrc', '.bash_profile', '.bash_login', '.profile'];
  return names.map((name) => join(home, name));
}

/** In ZDOTDIR where zsh is told to look there (zsh:Doc/Zsh/files.yo). */
export function zshFile(home: string, env: Environment): string {
  return join(env['ZDOTDIR'] || home, '.zshrc');
}

/** fish is used by whoever has this directory. */
export function fishDirectory(home: string, env: Environment): string {
  return join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'fish');
}

/** zsh runs `complete` through its emulation of bash's. */
export const ZSH_EMULATION = 'autoload -U +X bashcompinit && bashcompinit';

/** `command` is what starts the program, as words: bash and zsh take it as one string and run that. */
export function bashLine(program: string, command: readonly string[]): string {
  return `complete -C ${quoted(commandLine(command))} ${program}`;
}

/** The emulation is of no use before zsh's own completion runs, which nobody starts in a new `.zshrc`. */
const ZSH_START = '(( $+functions[compdef] )) || { autoload -U compinit && compinit -i }; ';

export function zshLine(program: string, command: readonly string[]): string {
  return `${ZSH_START}complete -o nospace -C ${quoted(commandLine(command))} ${program}`;
}

/** One of these lines, whatever it starts: of another place or version of the program. */
export function isLineFor(program: string, line: string): boolean {
  const own = line.startsWith(ZSH_START) ? line.slice(ZSH_START.length) : line;
  return /^complete (-o nospace )?-C ./.test(own) && line.endsWith(` ${program}`);
}

/** fish reads completions of a command from the file of its name. */
export function fishScript(program: string, command: readonly string[]): string {
  return [
    `function __complete_${program}`,
    '    set -lx COMP_LINE (commandline -cp)',
    '    set -l word (commandline -ct)',
    '    if test -z "$word"',
    '        set COMP_LINE "$COMP_LINE "',
    '    end',
    `    ${command.map(quoted).join(' ')}`,
    'end',
    `complete -f -c ${program} -a "(__complete_${program})"`,
    '',
  ].join('\n');
}

function commandLine(command: readonly string[]): string {
  return command.map(quoted).join(' ');
}

function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
