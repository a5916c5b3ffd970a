import { inspect } from 'node:util';

/**
 * A value that cannot be printed by accident: string conversion, JSON, `console.log` and template literals all give
 * `[secret]`. Only {@link Secret.reveal} gives the value, so every place where a secret leaves can be found by that name.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}

/**
 * Replaces every occurrence of each secret in `text` with its label, longest value first so that a secret that contains
 * another is replaced whole. Also finds the value as it stands in a URL and in a JSON string. Empty values are skipped.
 */
export function redact(text: string, secrets: readonly Secret[], label = '[password]'): string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    const value = secret.reveal();
    if (value === '') continue;
    forms.add(value).add(encodeURIComponent(value)).add(JSON.stringify(value).slice(1, -1));
    // SQL doubles quotes inside literals and identifiers, so a server's message may carry the value in these forms.
    const quotes = value.replaceAll("'", "''");
    forms.add(quotes).add(quotes.replaceAll('\\', '\\\\')).add(value.replaceAll('"', '""'));
  }
  let result = text;
  for (const form of [...forms].sort((a, b) => b.length - a.length)) result = result.replaceAll(form, label);
  return result;
}
