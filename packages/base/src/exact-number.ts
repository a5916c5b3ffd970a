/** Of ECMAScript 2026, in Node 22 and later; TypeScript does not know it yet. */
declare global {
  interface JSON {
    rawJSON(text: string): unknown;
  }
}

/**
 * A number of a JSON text that a JavaScript number would not give back as it was written: `9007199254740993`, `1e400`, `1.0`,
 * `-0`. Vault keeps every number as its text (Go's json.Number), so that what goes through it comes back digit for digit.
 */
export class ExactNumber {
  /** As it stood in the JSON text. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  /** For JSON.stringify, which writes the digits. */
  toJSON(): unknown {
    return JSON.rawJSON(this.text);
  }

  /** As a JavaScript number where that has the same value, or is as near as a floating-point number comes; else the digits. */
  toPlain(): number | string {
    const value = Number(this.text);
    const exact = /[.eE]/.test(this.text) ? Number.isFinite(value) : Number.isSafeInteger(value);
    return exact ? value + 0 : this.text;
  }
}
