export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export const DEFAULT_ADDRESS = '127.0.0.1:8200';

/** `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (all addresses); undefined for anything else, so also for Vault's templates. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const [, host, port] = /^(\[[\w:.%]+\]|[\w.-]*):(\d{1,5})$/.exec(text) ?? [];
  if (host === undefined || port === undefined || Number(port) > 65_535) return undefined;
  return { host: host.replace(/^\[(.*)\]$/, '$1') || '0.0.0.0', port: Number(port) };
}

/** As it stands in a URL. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
