/** What the server says of itself. */
export interface ServerInfo {
  /** Semantic version without `v`: clients such as Terraform's provider parse it. */
  readonly version: string;
  readonly storageType: string;
}
