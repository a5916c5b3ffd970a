/** Coffer's own version, the same for both executables; a test holds it to package.json. */
export const VERSION = '0.1.0';

/**
 * What the server reports at `sys/seal-status`: the Vault version whose API it speaks, with our own as build metadata.
 * Clients parse it as a semantic version and enable features by it (hashicorp/terraform-provider-vault:internal/provider/meta.go).
 */
export const API_VERSION = `1.21.4+coffer.${VERSION}`;

/** How Vault marks what runs inside the server: `v0.1.0+builtin.vault`. */
export const BUILTIN_VERSION = `v${VERSION}+builtin.vault`;
