import { CofferError } from '@coffer/base';

/** A position: both count from 1, the column in UTF-16 units (a tab is one). */
export interface HclPosition {
  readonly line: number;
  readonly column: number;
}

/** The error for anything wrong with a text: `LINE:COLUMN: message`, with `NAME:` in front when the text has a name. */
export function hclError(name: string, { line, column }: HclPosition, message: string): CofferError {
  return new CofferError('invalid-request', `${name === '' ? '' : `${name}:`}${line}:${column}: ${message}`);
}

/** A text with its name; turns offsets into lines and columns. */
export class HclSource {
  readonly name: string;
  readonly text: string;
  readonly #lineStarts: number[] = [0];

  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1);
  }

  position(offset: number): HclPosition {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }

  error(offset: number, message: string): CofferError {
    return hclError(this.name, this.position(offset), message);
  }
}

/** Deeper than any sensible file, shallow enough that a hostile one cannot exhaust the stack. */
export const MAX_DEPTH = 100;
