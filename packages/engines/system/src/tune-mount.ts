import { CofferError } from '@coffer/base';
import type { MountTable } from '@coffer/core';
import { definePath, type Mount, normalizeMountPath, type Path, type TtlLimits } from '@coffer/framework';
import { checkTokenType, mountConfig } from './mount-config.ts';

interface TuneOptions {
  readonly pattern: string;
  /** In front of the path in the URL: `auth/` or nothing. */
  readonly prefix: string;
  readonly sudo: boolean;
}

/** The tuning of a secrets engine or an auth method. `systemTtl`: what counts where a mount has no TTL of its own. */
export function tuneMount(mounts: MountTable, systemTtl: TtlLimits, { pattern, prefix, sudo }: TuneOptions): Path {
  const find = (path: string): Mount => {
    const mount = mounts.get(normalizeMountPath(prefix + path));
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
      const maxTtl = config.max_lease_ttl || systemTtl.maxTtl;
      return {
        shape: 'flat',
        data: {
          // What counts, as in hashicorp/vault:vault/dynamic_system_view.go: a default above the maximum is cut.
          default_lease_ttl: Math.min(config.default_lease_ttl || systemTtl.defaultTtl, maxTtl),
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
      await mounts.tune(prefix + fields.path, (mount) => ({
        ...mount,
        config: mountConfig(data, mount.config),
        description: fields.description ?? mount.description,
        options: fields.options ?? mount.options,
      }));
      return undefined;
    },
  });
}
