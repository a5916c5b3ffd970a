import { CofferError } from '@coffer/base';

/** A position: both count from 1, the column in UTF-16 units (a tab is one). */
export interface HclPosition {
  readonly line: number;
  readonly column: number;
  /** The name of the text, if it has one. */
  readonly file?: string;
}

/** `LINE:COLUMN`, with `NAME:` in front when the text has a name. */
export function hclPlace({ file, line, column }: HclPosition): string {
  return `${file === undefined ? '' : `${file}:`}${line}:${column}`;
}

/** The error for anything wrong with a text: its place, then `: message`. */
export function hclError(at: HclPosition, message: string): CofferError {
  return new CofferError('invalid-request', `${hclPlace(at)}: ${message}`);
}

/** Is told an error in place of whoever asked for the value, who goes on as if there were none. */
export type HclReport = (error: CofferError) => void;

/** A text with its name; turns offsets into lines and columns. */
export class HclSource {
  readonly name: string;
  readonly text: string;
  readonly report: HclReport | undefined;
  readonly #lineStarts: number[] = [0];

  constructor(name: string, text: string, report?: HclReport) {
    this.name = name;
    this.text = text;
    this.report = report;
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
    return this.#at(low + 1, offset - (this.#lineStarts[low] ?? 0) + 1);
  }

  /** Where the text begins. */
  get begin(): HclPosition {
    return this.#at(1, 1);
  }

  error(offset: number, message: string): CofferError {
    return hclError(this.position(offset), message);
  }

  #at(line: number, column: number): HclPosition {
    return { line, column, ...(this.name !== '' && { file: this.name }) };
  }
}

/** Deeper than any sensible file, shallow enough that a hostile one cannot exhaust the stack. */
export const MAX_DEPTH = 100;
