import { CofferError } from '@coffer/base';

/** `template: LINE:COLUMN: message`, both counted from 1. `offset` is an index into `text`. */
export function templateError(text: string, offset: number, message: string): CofferError {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  const line = before.split('\n').length;
  return new CofferError('invalid-request', `template: ${line}:${offset - lineStart + 1}: ${message}`);
}
