/** What a mount is, as far as its settings depend on it. `path`: `auth/userpass/`. */
export interface MountKind {
  readonly path: string;
  readonly type: string;
}
