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
