import { isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import type { Client } from '@coffer/client';
import type { Invocation } from '../../command.ts';
import { usageFailure } from '../../failure.ts';
import { goValue, isList } from '../../output/go-value.ts';
import { askHidden, readAll } from '../../stdin.ts';

/** A request whose answer has no envelope. */
export async function askBare(client: Client, method: string, path: string, body?: JsonObject): Promise<JsonObject> {
  const answer = await client.request(method, path, { body });
  return isJsonObject(answer.body) ? answer.body : {};
}

export function strings(value: JsonValue | undefined): string[] {
  return isList(value) ? value.map(goValue) : [];
}

/** The one share that a command takes: as its argument, from stdin for `-`, else asked for without showing it. */
export async function readShare(
  { stdin, ui }: Pick<Invocation, 'stdin' | 'ui'>,
  argument: string | undefined,
  question: string,
): Promise<string> {
  const share = argument === undefined ? await askHidden(stdin, ui, question) : argument;
  const text = (share === '-' ? await readAll(stdin) : share).trim();
  if (text === '') throw usageFailure('The key share is empty.');
  return text;
}
