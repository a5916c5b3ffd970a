import type { Environment } from '../flags.ts';

/** A command line that somebody is at, up to the cursor. */
export interface TypedLine {
  /** The finished words behind the program's name. */
  readonly words: readonly string[];
  /** The word at the cursor; empty behind a blank. */
  readonly last: string;
}

/** The longest line that is looked at, in characters: nobody types more. */
const LONGEST = 100_000;

/**
 * What the shell asks to complete: bash sets COMP_LINE and COMP_POINT for the command that `complete -C` names, and the lines that
 * -autocomplete-install writes for zsh and fish have them set too. `undefined` when this is no such request.
 */
export function typedLine(env: Environment): TypedLine | undefined {
  const line = env['COMP_LINE'];
  if (line === undefined) return undefined;
  const words = typedPart(line, env['COMP_POINT']).slice(0, LONGEST).split(/\s+/);
  // A blank in front makes an empty first word; one behind makes an empty last one.
  const typed = words[0] === '' ? words.slice(1) : words;
  return { words: typed.slice(1, -1), last: typed.length > 1 ? (typed.at(-1) ?? '') : '' };
}

/** COMP_POINT counts bytes in bash. What is no number in the line stands for its end. */
function typedPart(line: string, point: string | undefined): string {
  const at = point !== undefined && /^\d+$/.test(point) ? Number(point) : Number.POSITIVE_INFINITY;
  const bytes = Buffer.from(line);
  return at < bytes.length ? bytes.subarray(0, at).toString() : line;
}
