/**
 * `text` without the `character` at its end, however often it stands there. By hand: a regular expression such as `/\/+$/`
 * starts anew at each of them and takes the square of their number.
 */
export function trimEndOf(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end--;
  return text.slice(0, end);
}

/** The same at both ends. */
export function trimBoth(text: string, character: string): string {
  let start = 0;
  while (start < text.length && text[start] === character) start++;
  return trimEndOf(text.slice(start), character);
}
