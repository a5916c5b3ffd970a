import { CofferError, ExactNumber, isJsonObject, type JsonObject, type JsonValue, parseExactJson } from '@coffer/base';
import { readText } from './file.ts';
import { isList } from './output/go-value.ts';
import { type InputStream, readAll } from './stdin.ts';

/**
 * Reads `key=value` arguments into an object. `key=@file` takes the file's content, `key=\@x` the value `@x`, `key=-`
 * what comes on stdin; `@file` and `-` alone merge a whole JSON object. A repeated key becomes a list. Values of pairs
 * are always strings.
 *
 * @throws CofferError `invalid-request` naming the argument: its key, never its value
 */
export async function readDataArguments(args: readonly string[], stdin: InputStream): Promise<JsonObject> {
  const data = new Map<string, JsonValue>();
  let consumed = false;
  const readStdin = () => {
    if (consumed) throw new CofferError('invalid-request', 'stdin already consumed');
    consumed = true;
    return readAll(stdin);
  };
  for (const argument of args) {
    const at = argument.indexOf('=');
    try {
      if (at >= 0) add(data, argument.slice(0, at), await readValue(argument.slice(at + 1), readStdin));
      else if (argument === '-') merge(data, await readStdin());
      else if (argument.startsWith('@')) merge(data, await readText(argument.slice(1)));
      else if (argument !== '') throw new CofferError('invalid-request', 'format must be key=value');
    } catch (thrown) {
      const named = at >= 0 ? `${argument.slice(0, at)}=…` : argument;
      throw new CofferError(
        'invalid-request',
        `Invalid key/value pair '${named}': ${CofferError.from(thrown).message}`,
        { cause: thrown },
      );
    }
  }
  return Object.fromEntries(data);
}

/**
 * The same for commands that send text only: query parameters, login details.
 *
 * @throws CofferError `invalid-request` also for a value out of a JSON object that is neither text, number nor boolean
 */
export async function readTextArguments(
  args: readonly string[],
  stdin: InputStream,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const data = Object.entries(await readDataArguments(args, stdin));
  return Object.fromEntries(
    data.map(([key, value]) => [
      key,
      (Array.isArray(value) ? value : [value]).map((element: JsonValue) => asText(key, element)),
    ]),
  );
}

function asText(key: string, value: JsonValue): string {
  if (value !== null && typeof value === 'object' && !(value instanceof ExactNumber)) {
    throw new CofferError('invalid-request', `failed to convert values to strings: "${key}" is not plain text`);
  }
  return value === null ? '' : String(value);
}

async function readValue(value: string, readStdin: () => Promise<string>): Promise<string> {
  if (value.startsWith('@')) return readText(value.slice(1));
  if (value.startsWith('\\@')) return value.slice(1);
  return value === '-' ? readStdin() : value;
}

function add(data: Map<string, JsonValue>, key: string, value: string): void {
  const present = data.get(key);
  if (present === undefined) data.set(key, value);
  else data.set(key, [...(isList(present) ? present : [present]), value]);
}

function merge(data: Map<string, JsonValue>, text: string): void {
  let parsed: unknown;
  try {
    parsed = parseExactJson(text);
  } catch (thrown) {
    // The parser's own message quotes the text, which may hold a secret.
    throw new CofferError('invalid-request', 'not a JSON document', { cause: thrown });
  }
  if (!isJsonObject(parsed)) throw new CofferError('invalid-request', 'not a JSON object');
  for (const [key, value] of Object.entries(parsed)) data.set(key, value);
}
