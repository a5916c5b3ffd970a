import { CofferError } from '@coffer/base';

export interface HostPort {
  readonly host: string;
  /** Absent: the default port. */
  readonly port?: number;
}

export function splitHosts(text: string, decode: (part: string) => string): HostPort[] {
  if (text === '') return [];
  return text.split(',').map((entry) => {
    const match = /^(\[[^\]]+\]|[^:]*)(?::(.*))?$/.exec(entry);
    if (match === null || (match[1] === '' && match[2]?.includes(':') === true)) {
      throw invalid(
        'a host is not of the form host:port (an IPv6 address needs brackets; a special character in user or password must be percent-encoded)',
      );
    }
    const host = decode((match[1] ?? '').replace(/^\[(.*)\]$/, '$1'));
    return match[2] === undefined || match[2] === '' ? { host } : { host, port: parsePort(match[2]) };
  });
}

export function parsePort(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) {
    throw invalid(
      'a port is not a number from 1 to 65535 (a special character in user or password must be percent-encoded)',
    );
  }
  return port;
}

/** PostgreSQL's `options`: words with backslash escapes, of which `-c name=value` and `--name=value` are settings. */
export function readOptions(text: string): { readonly parameters: readonly [string, string][]; readonly rest: string } {
  const words = [...text.matchAll(/(?:[^\s\\]|\\.)+/gs)].map(([word]) => word);
  const parameters: [string, string][] = [];
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const setting = word === '-c' ? `-c${words[++at] ?? ''}` : word;
    const [, name, value] = /^(?:-c|--)([\w.-]+)=(.*)$/s.exec(setting) ?? [];
    if (name === undefined || value === undefined) rest.push(setting);
    else parameters.push([name.replaceAll('-', '_').toLowerCase(), value.replace(/\\(.)/gs, '$1')]);
  }
  return { parameters, rest: rest.join(' ') };
}

/** libpq's `key = value` pairs. A value may be in single quotes, with backslash escapes. */
export function parsePairs(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  const pattern = /\s*([A-Za-z_-]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gsy;
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    const value = match[2] ?? match[3] ?? '';
    pairs.push([match[1] ?? '', value.replace(/\\(.)/gs, '$1')]);
    end = match.index + match[0].length;
  }
  if (text.slice(end).trim() !== '') throw invalid(`key=value form: cannot read from character ${end + 1} on`);
  return pairs;
}

export function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('has a "%" that does not start a percent-encoded character; write a literal % as %25');
  }
}

export function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

export function invalid(message: string): CofferError {
  return new CofferError('invalid-request', `field "connection_url": ${message}`);
}
