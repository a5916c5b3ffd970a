import { formatTime, type JsonObject } from '@coffer/base';
import type { VersionHistory } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';

/** `sys/version-history` */
export function versionHistoryPaths(history: VersionHistory): Path[] {
  return [
    definePath({
      pattern: 'version-history',
      fields: {},
      synopsis: 'Lists the versions of the server that have used its store, oldest first.',
      list: async () => {
        const versions = await history.list();
        const info = versions.map(({ version, installed }, index): [string, JsonObject] => [
          version,
          {
            // To the second, as in Vault. There is no record of when a version was built.
            timestamp_installed: formatTime(Math.floor(installed / 1000) * 1000),
            previous_version: versions[index - 1]?.version ?? null,
            build_date: '',
          },
        ]);
        return {
          data: { keys: versions.map(({ version }) => version), key_info: Object.fromEntries<JsonObject>(info) },
        };
      },
    }),
  ];
}
