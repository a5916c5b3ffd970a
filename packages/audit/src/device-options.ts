import { nearestName, parseGoBoolean } from '@coffer/base';
import type { LineFormat } from './event.ts';
import { failure } from './line-queue.ts';

/** As the API and the configuration give them: texts by name. */
export type DeviceOptions = Readonly<Record<string, string>>;

const COMMON = ['log_raw', 'hmac_accessor', 'elide_list_responses', 'format', 'prefix', 'skip_test'];
const OWN: Readonly<Record<string, readonly string[]>> = {
  file: ['file_path', 'path', 'mode'],
  socket: ['address', 'socket_type', 'write_timeout'],
};
const OTHER_OPTIONS: Readonly<Record<string, string>> = {
  fallback: 'every device gets every line',
  filter: 'every device gets every line',
  exclude: 'every line has every field',
};

/**
 * What every type has (openbao/openbao:internal/builtin/audit). @throws CofferError `failed` naming what is wrong, in Vault's words
 * where it has some; an option that would have no effect is wrong
 */
export function parseFormat(type: string, options: DeviceOptions): LineFormat {
  const own = OWN[type];
  if (type === 'syslog')
    throw failure('the type "syslog" is not supported: use "socket", or "file" with file_path=stdout');
  if (own === undefined)
    throw failure(`unknown backend type: ${JSON.stringify(type)}; known are ${Object.keys(OWN).join(', ')}`);
  const { format = 'json' } = options;
  if (format === 'jsonx') {
    throw failure(
      'jsonx formatting has been removed, consider switching to json by omitting "format" or setting it to "json"',
    );
  }
  if (format !== 'json') throw failure(`unknown format type ${JSON.stringify(format)}`);
  checkNames([...COMMON, ...own], options);
  return {
    prefix: options['prefix'] ?? '',
    logRaw: parseBool(options['log_raw'], false),
    hmacAccessor: parseBool(options['hmac_accessor'], true),
    elideListResponses: parseBool(options['elide_list_responses'], false),
  };
}

/** Whether a new device is enabled though it does not take a first line. @throws CofferError `failed` for what is neither true nor false */
export function skipsTest(options: DeviceOptions): boolean {
  return parseBool(options['skip_test'], false);
}

function checkNames(known: readonly string[], options: DeviceOptions): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const why = OTHER_OPTIONS[name];
    if (why !== undefined) throw failure(`option "${name}" is not supported: ${why}`);
    const nearest = nearestName(name, known);
    throw failure(
      `unknown option ${JSON.stringify(name)}: ${nearest ? `did you mean "${nearest}"?` : `known are ${known.join(', ')}`}`,
    );
  }
}

function parseBool(text: string | undefined, absent: boolean): boolean {
  if (text === undefined) return absent;
  const value = parseGoBoolean(text);
  if (value !== undefined) return value;
  throw failure(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}
