import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { PROCESSORS, type Processor } from './runtime.ts';

const USAGE = `usage: npm run release [-- --into=DIRECTORY --processor=${PROCESSORS.join('|')}]`;

export interface ReleaseOptions {
  readonly into: string;
  readonly processors: readonly Processor[];
}

/** @throws Error that says what was wrong and how the command is used */
export function readOptions(args: readonly string[], usualPlace: string): ReleaseOptions {
  const { into, processor } = parse(args);
  const processors = PROCESSORS.filter((each) => (processor ?? each) === each);
  if (processors.length === 0) throw new Error(`--processor is one of ${PROCESSORS.join(', ')}\n${USAGE}`);
  // As an unset variable gives it: it would name the directory that this runs in.
  if (into === '') throw new Error(`--into names no directory\n${USAGE}`);
  return { into: resolve(into ?? usualPlace), processors };
}

function parse(args: readonly string[]): { readonly into?: string; readonly processor?: string } {
  try {
    return parseArgs({ args: [...args], options: { into: { type: 'string' }, processor: { type: 'string' } } }).values;
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${USAGE}`, { cause: error });
  }
}
