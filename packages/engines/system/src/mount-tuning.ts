import { CofferError, type JsonObject, type JsonValue, parseDuration } from '@coffer/base';
import type { CoreServices } from '@coffer/core';
import { definePath, type Mount, normalizeMountPath, type Path } from '@coffer/framework';

interface TuneOptions {
  readonly pattern: string;
  /** In front of the path in the URL: `auth/` or nothing. */
  readonly prefix: string;
  readonly sudo: boolean;
}

/** `sys/mounts/:path/tune`, `sys/auth/:path/tune`. */
export function tunePath(services: CoreServices, { pattern, prefix, sudo }: TuneOptions): Path {
  const find = (path: string): Mount => {
    const mount = services.mounts.get(normalizeMountPath(prefix + path));
    if (mount === undefined) throw new CofferError('invalid-request', `no mount at ${normalizeMountPath(path)}`);
    return mount;
  };
  return definePath({
    pattern,
    sudo,
    fields: {
      path: { type: 'string', required: true, description: 'The mount: "database".' },
      default_lease_ttl: { type: 'any', description: 'Default TTL of leases: seconds, "1h", or "system".' },
      max_lease_ttl: { type: 'any', description: 'Maximum TTL of leases: seconds, "24h", or "system".' },
      description: { type: 'string', description: 'Description for people.' },
      options: { type: 'object', description: 'Options of the engine.' },
      force_no_cache: { type: 'boolean', description: 'Kept for compatibility: tuning does not change it.' },
      token_type: { type: 'string', description: 'Only "default-service" or "service".' },
    },
    synopsis: 'Shows or changes the tuning of a mount.',
    read: async ({ fields }) => {
      const { config, description, path } = find(fields.path);
      const maxTtl = config.max_lease_ttl || services.systemTtl.maxTtl;
      return {
        shape: 'flat',
        data: {
          // What counts, as in hashicorp/vault:vault/dynamic_system_view.go: a default above the maximum is cut.
          default_lease_ttl: Math.min(config.default_lease_ttl || services.systemTtl.defaultTtl, maxTtl),
          description,
          force_no_cache: config.force_no_cache,
          max_lease_ttl: maxTtl,
          ...(path.startsWith('auth/') && { token_type: 'default-service' }),
        },
      };
    },
    write: async ({ fields, data }) => {
      find(fields.path);
      checkTokenType(fields.token_type);
      await services.mounts.tune(prefix + fields.path, (mount) => ({
        ...mount,
        config: mountConfig(data, mount.config),
        description: fields.description ?? mount.description,
        options: fields.options ?? mount.options,
      }));
      return undefined;
    },
  });
}

/**
 * The `config` of a new mount, or of one that is tuned: then what is absent or empty stays as it was, as in
 * handleTuneWriteCommon of hashicorp/vault:vault/logical_system.go. `system` takes a mount's own TTL away.
 *
 * @throws CofferError `invalid-request` naming the field
 */
export function mountConfig(given: JsonObject, previous?: Mount['config']): Mount['config'] {
  const config = given;
  checkTokenType(config['token_type']);
  const ttl = (name: 'default_lease_ttl' | 'max_lease_ttl'): number => {
    const value = config[name];
    if (value === undefined || value === null || value === '') return previous?.[name] ?? 0;
    if (value === 'system') return 0;
    if (typeof value === 'string' || typeof value === 'number') return parseDuration(value, name);
    throw new CofferError('invalid-request', `field "${name}" must be a duration such as 3600, "1h" or "system"`);
  };
  const merged = {
    default_lease_ttl: ttl('default_lease_ttl'),
    max_lease_ttl: ttl('max_lease_ttl'),
    force_no_cache: previous?.force_no_cache ?? config['force_no_cache'] === true,
  };
  if (merged.max_lease_ttl > 0 && merged.default_lease_ttl > merged.max_lease_ttl) {
    throw new CofferError(
      'invalid-request',
      `field "default_lease_ttl": ${merged.default_lease_ttl} s is more than max_lease_ttl, ${merged.max_lease_ttl} s`,
    );
  }
  return merged;
}

function checkTokenType(type: JsonValue | undefined): void {
  if (type === undefined || type === null || type === '' || type === 'default-service' || type === 'service') return;
  throw new CofferError('invalid-request', 'field "token_type": only service tokens are made; use "default-service"');
}
