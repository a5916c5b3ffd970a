/**
 * `text` without any `character` at its end. Done by hand, since a regular expression such as `/\/+$/` starts again at each of
 * them, which takes quadratic time.
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
