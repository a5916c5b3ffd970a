/** Passwords of the interop tests, remembered so that every log line and error can be searched for them. */
import { randomBase62 } from '@coffer/base';

const made = new Set<string>();

/** A new password with characters that need escaping somewhere: in SQL, URLs, JSON or templates. */
export function newSecret(): string {
  const secret = `S${randomBase62(10)}'"\\%{{x}}$$/@:é-${randomBase62(6)}`;
  made.add(secret);
  return secret;
}

/** The texts that show a password, as it is or in a usual encoding. */
export function secretsIn(texts: readonly string[]): string[] {
  const forms = [...made].flatMap((secret) => [
    secret,
    // What is unique in it, however the rest was escaped.
    secret.slice(0, 11),
    secret.slice(-6),
    Buffer.from(secret).toString('base64'),
  ]);
  return texts.filter((text) => forms.some((form) => text.includes(form)));
}
