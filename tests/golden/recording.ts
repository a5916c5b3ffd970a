import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonValue } from '@coffer/base';

export interface RecordedExchange {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: JsonValue;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: JsonValue;
  };
}
export interface RecordedCommand {
  readonly command: readonly string[];
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly http: readonly RecordedExchange[];
}

export function readRecording(name: string): RecordedCommand[] {
  return readFileSync(join(import.meta.dirname, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecordedCommand);
}
