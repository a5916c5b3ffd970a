/** Who besides root and this process's own user may own an executable that is started, and the exact mode that it must have. */
export interface FileTrust {
  /** Vault's `plugin_file_uid`. */
  readonly uid?: number;
  /** Vault's `plugin_file_permissions`, as a number: 0o750. Without it, any mode in which neither group nor others can write. */
  readonly permissions?: number;
}

/**
 * Why somebody other than the user of this process could change a file or directory; undefined when nobody could
 * (openbao/openbao:internal/helper/osutil/fileinfo.go). Where there are no users (Windows) nothing is checked.
 */
export function distrust(
  path: string,
  { uid, mode }: { readonly uid: number; readonly mode: number },
  trust: FileTrust = {},
): string | undefined {
  const own = process.getuid?.();
  if (own === undefined) return undefined;
  if (![own, 0, trust.uid].includes(uid)) {
    return `"${path}" is owned by uid ${uid}, neither by this server's own (${own}) nor by root: use "chown", or set plugin_file_uid = ${uid}`;
  }
  const permissions = mode & 0o777;
  if (trust.permissions !== undefined && permissions !== trust.permissions) {
    const [found, wanted] = [permissions, trust.permissions].map((each) => each.toString(8).padStart(4, '0'));
    return `"${path}" has permissions ${found}, not ${wanted} as plugin_file_permissions says: use "chmod ${wanted}"`;
  }
  if (trust.permissions === undefined && (permissions & 0o022) !== 0) {
    const found = permissions.toString(8).padStart(4, '0');
    return `"${path}" has insecure permissions ${found}, by which group or others can write: use "chmod go-w"`;
  }
  return undefined;
}
