/** The text of a shell's file, with and without lines of ours. What belongs to its owner comes out as it went in. */
import { ZSH_EMULATION } from './shells.ts';

/** The lines behind everything else, on lines of their own (posener/complete:cmd/install/utils.go appendToFile). */
export function withLines(text: string, lines: readonly string[]): string {
  return `${text}\n${lines.join('\n')}\n`;
}

/** Takes out each of the lines, with the line break that {@link withLines} put before the first. */
export function withoutLines(text: string, lines: readonly string[]): string {
  return lines.reduceRight((left, line, index) => withoutLine(left, line, index === 0), text);
}

function withoutLine(text: string, line: string, first: boolean): string {
  const at = `\n${text}\n`.indexOf(`\n${line}\n`);
  if (at < 0) return text;
  const after = text.slice(at + line.length + 1);
  let before = text.slice(0, at);
  // The end of the emulation's line is not ours: it stays where somebody else needs it.
  if (first && before.endsWith('\n') && !before.endsWith(`${ZSH_EMULATION}\n`)) before = before.slice(0, -1);
  // Whoever's last line had no end, and has lines behind it now.
  return before !== '' && !before.endsWith('\n') && after !== '' ? `${before}\n${after}` : before + after;
}
