import { definePath, type EntryStorage, formerEntry, type Path } from '@coffer/framework';
import { configOf, DEFAULT_CONFIG, readConfig } from './cert-entry.ts';

/** `config`: what holds for the whole method. */
export function configPaths(storage: EntryStorage): Path[] {
  return [
    definePath({
      pattern: 'config',
      fields: {
        disable_binding: {
          type: 'boolean',
          description: 'Tokens can be renewed without the certificate that logged in.',
        },
        enable_identity_alias_metadata: {
          type: 'boolean',
          description: "Also stores the token's metadata about the certificate with the alias of the entity.",
        },
      },
      synopsis: 'Configures the method.',
      read: async () => {
        const { disableBinding, enableIdentityAliasMetadata } = await readConfig(storage);
        return {
          data: { disable_binding: disableBinding, enable_identity_alias_metadata: enableIdentityAliasMetadata },
        };
      },
      write: async ({ fields, warnings }) => {
        const change = ({ disableBinding, enableIdentityAliasMetadata }: typeof DEFAULT_CONFIG) => ({
          disableBinding: fields.disable_binding ?? disableBinding,
          enableIdentityAliasMetadata: fields.enable_identity_alias_metadata ?? enableIdentityAliasMetadata,
        });
        const config = configOf(storage);
        if (await config.add('config', change(DEFAULT_CONFIG))) return undefined;
        if (await formerEntry(config, 'config', warnings)) await config.update('config', change);
        else await config.put('config', change(DEFAULT_CONFIG));
        return undefined;
      },
    }),
  ];
}
