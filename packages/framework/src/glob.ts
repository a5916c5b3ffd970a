/**
 * Whether `text` matches `pattern`, in which every `*` stands for any text, even none; nothing else is special
 * (github.com/ryanuber/go-glob, which Vault uses for the policies of token roles and for `allowed_roles`). Each literal part is
 * matched where it is first found, and that never has to be undone: no input takes more time than the texts are long.
 */
export function globMatches(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return pattern === text;
  if (!text.startsWith(head)) return false;
  let at = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return text.length - tail.length >= at && text.endsWith(tail);
}
