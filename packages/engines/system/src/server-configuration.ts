import type { JsonObject } from '@coffer/base';

/** What the server that is asked was told when it started, for `sys/config`. */
export interface ServerConfiguration {
  /** Without anything that may be secret. */
  sanitized(): JsonObject;
  /** What {@link reload} takes. */
  readonly reloadable: readonly string[];
  /** Does for one part what SIGHUP does for all. @throws CofferError `failed` when the configuration cannot be read */
  reload(part: string): Promise<void>;
}

/** Of a server that no file configures. */
export const NOT_CONFIGURED: ServerConfiguration = {
  sanitized: () => ({}),
  reloadable: [],
  reload: () => Promise.resolve(),
};
