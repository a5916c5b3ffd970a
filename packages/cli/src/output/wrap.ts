/** No line for people is wider than this. */
export const LINE_WIDTH = 78;

/** Breaks a paragraph at spaces into lines of 78 characters at most, the `padding` spaces in front of each included. */
export function wrapText(text: string, padding = 0): string {
  const lines = breakLines(text.trim().split(/[ \n]/), LINE_WIDTH - padding);
  return lines.map((line) => `${' '.repeat(padding)}${line.join(' ')}`).join('\n');
}

/** What a line that is too long costs on top: better to leave one short. */
const TOO_LONG = 1e5;

/**
 * Breaks words into lines with the least raggedness: the sum of the squares of what is free at the end of each line but
 * the last. Vault breaks this way (its texts come out the same), not at the first word that does not fit.
 */
function breakLines(words: readonly string[], width: number): string[][] {
  const lengths = words.map((word) => Array.from(word).length);
  // From the last word backwards: what the words from here on cost, and where the line after this one starts.
  const cost: number[] = [];
  const next: number[] = [];
  for (let start = words.length - 1; start >= 0; start--) {
    cost[start] = Infinity;
    let length = lengths[start] ?? 0;
    for (let end = start + 1; end < words.length; end++) {
      const total = (width - length) ** 2 + (length > width ? TOO_LONG : 0) + (cost[end] ?? 0);
      if (total < (cost[start] ?? Infinity)) {
        cost[start] = total;
        next[start] = end;
      }
      length += 1 + (lengths[end] ?? 0);
    }
    if (length <= width || start === words.length - 1) {
      cost[start] = 0;
      next[start] = words.length;
    }
  }
  const lines: string[][] = [];
  for (let start = 0; start < words.length; start = next[start] ?? words.length) {
    lines.push(words.slice(start, next[start]));
  }
  return lines;
}
