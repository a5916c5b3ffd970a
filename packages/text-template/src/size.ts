/** Of what a function gives, and of the whole result, in characters: a thousand times what a user name can have. */
export const MAX_TEXT = 65_536;

/** @throws Error when a text of this length is longer than anything a template may produce */
export function fitting(length: number): void {
  if (length > MAX_TEXT) throw new Error(`the result would be longer than ${MAX_TEXT} characters`);
}
