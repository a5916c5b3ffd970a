import { CofferError, type JsonObject } from '@coffer/base';
import type { MountTable } from '@coffer/core';
import { definePath, type Mount, normalizeMountPath, type Path, type TtlLimits } from '@coffer/framework';
import { MOUNT_CONFIG_FIELDS, mountConfig } from './mount-config.ts';
import { mountOptions } from './mount-options.ts';
import { lockoutView, settingsView } from './mount-view.ts';

interface TuneOptions {
  readonly pattern: string;
  /** In front of the path in the URL: `auth/` or nothing. */
  readonly prefix: string;
  readonly sudo: boolean;
}

const FIELDS = {
  path: { type: 'string', required: true, description: 'The mount: "database".' },
  description: { type: 'string', description: 'Description for people.' },
  options: {
    type: 'object',
    description: 'Options of the engine, added to the existing ones; an empty value removes one.',
  },
  ...MOUNT_CONFIG_FIELDS,
} as const;

/** The tuning of a secrets engine or an auth method. `systemTtl`: what counts where a mount has no TTL of its own. */
export function tuneMount(mounts: MountTable, systemTtl: TtlLimits, { pattern, prefix, sudo }: TuneOptions): Path {
  /** `missing`: the error's text, given the path. */
  const find = (path: string, missing: (path: string) => string): Mount => {
    const full = normalizeMountPath(prefix + path);
    const mount = mounts.get(full);
    if (mount === undefined) throw new CofferError('invalid-request', missing(JSON.stringify(full)));
    return mount;
  };
  return definePath({
    pattern,
    sudo,
    fields: FIELDS,
    synopsis:
      'Shows or changes the tuning of a mount. Fields that are left out keep their value; an empty value clears a field.',
    read: async ({ fields }) => {
      const mount = find(fields.path, (path) => `cannot fetch sysview for path ${path}`);
      const { config, description, options } = mount;
      const maxTtl = config.max_lease_ttl || systemTtl.maxTtl;
      return {
        shape: 'flat',
        data: {
          // What counts, as in hashicorp/vault:vault/dynamic_system_view.go: a default above the maximum is cut.
          default_lease_ttl: Math.min(config.default_lease_ttl || systemTtl.defaultTtl, maxTtl),
          description,
          force_no_cache: config.force_no_cache,
          max_lease_ttl: maxTtl,
          ...settingsView(mount),
          ...lockoutView(mount),
          ...(options !== null && Object.keys(options).length > 0 && { options }),
        },
      };
    },
    write: async ({ fields, data, warnings }) => {
      const found = find(fields.path, (path) => `tune of path ${path} failed: no mount entry found`);
      checkTunable(found, data);
      await mounts.tune(found.path, (mount) => ({
        ...mount,
        config: mountConfig(fields, mount, mount.config),
        description: fields.description ?? mount.description,
        options: mountOptions(fields.options, mount, mount.options),
      }));
      if (fields.force_no_cache === true && !found.config.force_no_cache) {
        warnings.push('force_no_cache has not changed: it can be set only when a mount is enabled');
      }
      return undefined;
    },
  });
}

/** Of these nothing but what an audit log would show can be tuned, as in Vault. */
const TUNABLE_OF_SYSTEM = ['path', 'audit_non_hmac_request_keys', 'audit_non_hmac_response_keys'];

/** Vault's own command sends some fields whether or not they are given (hashicorp/vault:api/sys_mounts.go, MountConfigInput). */
const NOT_GIVEN: readonly unknown[] = [null, '', false];

function checkTunable({ path }: Mount, data: JsonObject): void {
  if (path !== 'sys/' && path !== 'cubbyhole/') return;
  const given = Object.keys(data).filter((name) => !NOT_GIVEN.includes(data[name]));
  const refused = given.find((name) => Object.hasOwn(FIELDS, name) && !TUNABLE_OF_SYSTEM.includes(name));
  if (refused !== undefined) throw new CofferError('invalid-request', `cannot tune parameter ${refused} of ${path}`);
}
