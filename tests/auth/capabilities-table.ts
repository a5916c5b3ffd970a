/**
 * Typed by hand from hashicorp/vault v1.21.0: an operation that is written has an ExistenceCheck there (a write is `create` or
 * `update`) or has none (it is always `update`), and `sudo` is what vault/logical_system.go and vault/token_store.go list under
 * PathsSpecial.Root (`+sudo`: for that operation alone). `open` needs no token; where Vault asks for none and this is stricter, it says so.
 */
export const TABLE = `
database/config                                  list
database/config/:name                            read create/update delete
database/reset/:name                             update
database/reload/:plugin_name                     update
database/rotate-root/:name                       update
database/roles                                   list
database/roles/:name                             read create/update delete
database/creds/:name                             read
database/static-roles                            list
database/static-roles/:name                      read create/update delete
database/static-creds/:name                      read
database/rotate-role/:name                       update

sys/seal-status                                  open
sys/health                                       open
sys/leader                                       open
sys/ha-status                                    read
sys/init                                         open
sys/unseal                                       open
sys/in-flight-req                                read
sys/seal                                         sudo update
sys/step-down                                    sudo update
sys/storage/snapshot                             read update
sys/storage/snapshot-force                       update
sys/storage/raft/snapshot                        read update
sys/storage/raft/snapshot-force                  update
sys/rotate                                       sudo update
sys/rotate/keyring                               sudo update
sys/rotate/config                                read update
sys/key-status                                   read
sys/mounts                                       read
sys/mounts/:path*/tune                           read update
sys/mounts/:path*                                read update delete
sys/remount                                      sudo update
sys/remount/status/:migration_id                 read
sys/auth                                         read
sys/auth/:path*/tune                             sudo read update
sys/auth/:path*                                  sudo read update delete
sys/leases                                       sudo read
sys/leases/lookup                                list+sudo update
sys/leases/lookup/:prefix*                       sudo list
sys/leases/count                                 read
sys/leases/renew                                 update
sys/leases/renew/:lease_id*                      update
sys/renew                                        update
sys/renew/:lease_id*                             update
sys/leases/revoke                                update
sys/leases/revoke/:lease_id*                     update
sys/revoke                                       update
sys/revoke/:lease_id*                            update
sys/leases/revoke-prefix/:prefix*                sudo update
sys/revoke-prefix/:prefix*                       sudo update
sys/loggers                                      read update delete
sys/loggers/:name*                               read update delete
sys/monitor                                      read
sys/metrics                                      read
sys/config/state/sanitized                       read
sys/config/reload/:subsystem                     update
sys/locked-users                                 read
sys/locked-users/:mount_accessor/unlock/:alias_identifier* update
sys/quotas/config                                read update
sys/quotas/rate-limit                            list
sys/quotas/rate-limit/:name                      read update delete
sys/leases/revoke-force/:prefix*                 sudo update
sys/revoke-force/:prefix*                        sudo update
sys/policies/acl                                 list
sys/policies/acl/:name*                          read update delete
sys/policy                                       read list
sys/policy/:name*                                read update delete
sys/audit                                        sudo read
sys/audit/:path*                                 sudo update delete
sys/audit-hash/:path*                            update
sys/config/auditing/request-headers              sudo read
sys/config/auditing/request-headers/:header      sudo read update delete
sys/policies/password                            list
sys/policies/password/:name*                     read update delete
sys/policies/password/:name*/generate            read
sys/capabilities                                 update
sys/capabilities-self                            update
sys/capabilities-accessor                        update
sys/plugins/catalog                              read
sys/plugins/catalog/database                     sudo list
sys/plugins/catalog/auth                         sudo list
sys/plugins/catalog/secret                       sudo list
sys/plugins/catalog/:type/:name                  sudo read update delete
sys/plugins/catalog/:name                        sudo read update delete
sys/plugins/reload/backend                       update
sys/plugins/reload/:type/:name                   update
sys/plugins/reload/backend/status                read
sys/plugins/pins                                 read
sys/plugins/pins/:type/:name                     read update delete
sys/plugins/runtimes/catalog                     read list
sys/plugins/runtimes/catalog/:type/:name         sudo read update delete
sys/tools/hash                                   update
sys/tools/hash/:urlalgorithm                     update
sys/tools/random                                 update
sys/tools/random/:source                         update
sys/tools/random/:source/:urlbytes               update
sys/host-info                                    read
sys/version-history                              list
sys/internal/counters/tokens                     read
sys/internal/counters/entities                   read
sys/internal/counters/leases                     read
sys/internal/counters/requests                   read
sys/internal/counters/activity                   read
sys/internal/counters/activity/monthly           read
sys/internal/counters/activity/export            sudo read
sys/internal/counters/config                     read update
sys/internal/ui/mounts                           open
sys/internal/ui/mounts/:path*                    open
sys/internal/specs/openapi                       read update
sys/wrapping/wrap                                update
sys/wrapping/unwrap                              update
sys/wrapping/lookup                              open
sys/wrapping/rewrap                              update
cubbyhole/                                       list
cubbyhole/:cubbyhole_path*                       read create/update delete list

identity/entity                                  update
identity/entity/id                               list
identity/entity/id/:id                           read update delete
identity/entity/name                             list
identity/entity/name/:name*                      read update delete
identity/entity/batch-delete                     update
identity/entity/merge                            update
identity/entity-alias                            update
identity/entity-alias/id                         list
identity/entity-alias/id/:id                     read update delete
identity/group                                   update
identity/group/id                                list
identity/group/id/:id                            read update delete
identity/group/name                              list
identity/group/name/:name*                       read update delete
identity/group-alias                             update
identity/group-alias/id                          list
identity/group-alias/id/:id                      read update delete
identity/lookup/entity                           update
identity/lookup/group                            update

auth/token/create                                update
auth/token/create-orphan                         update
auth/token/create/:role_name                     update
auth/token/lookup-self                           read update
auth/token/lookup                                read update
auth/token/lookup-accessor                       update
auth/token/accessors                             sudo list
auth/token/renew-self                            update
auth/token/renew                                 update
auth/token/renew-accessor                        update
auth/token/revoke-self                           update
auth/token/revoke                                update
auth/token/revoke-orphan                         sudo update
auth/token/revoke-accessor                       update
auth/token/roles                                 list
auth/token/roles/:name                           read create/update delete

auth/approle/login                               open
auth/approle/role                                list
auth/approle/role/:role_name                     read create/update delete
auth/approle/role/:role_name/role-id             read update
auth/approle/role/:role_name/policies            read update delete
auth/approle/role/:role_name/bound-cidr-list     read update delete
auth/approle/role/:role_name/secret-id-bound-cidrs read update delete
auth/approle/role/:role_name/token-bound-cidrs   read update delete
auth/approle/role/:role_name/bind-secret-id      read update delete
auth/approle/role/:role_name/secret-id-num-uses  read update delete
auth/approle/role/:role_name/secret-id-ttl       read update delete
auth/approle/role/:role_name/period              read update delete
auth/approle/role/:role_name/token-num-uses      read update delete
auth/approle/role/:role_name/token-ttl           read update delete
auth/approle/role/:role_name/token-max-ttl       read update delete
auth/approle/role/:role_name/secret-id           list update
auth/approle/role/:role_name/secret-id/lookup    update
auth/approle/role/:role_name/secret-id/destroy   update delete
auth/approle/role/:role_name/secret-id-accessor/lookup update
auth/approle/role/:role_name/secret-id-accessor/destroy update delete
auth/approle/role/:role_name/custom-secret-id    update
auth/approle/tidy/secret-id                      update

auth/cert/login                                  open
auth/cert/certs                                  list
auth/cert/certs/:name                            read update delete
auth/cert/crls                                   list
auth/cert/crls/:name                             read update delete
auth/cert/config                                 read update

auth/jwt/login                                   open
auth/jwt/role                                    list
auth/jwt/role/:name                              read create/update delete
auth/jwt/config                                  read update
auth/jwt/oidc/auth_url                           open
auth/jwt/oidc/callback                           open

auth/kubernetes/login                            open
auth/kubernetes/role                             list
auth/kubernetes/role/:name                       read create/update delete
auth/kubernetes/config                           read update

auth/userpass/login/:username                    open
auth/userpass/users                              list
auth/userpass/users/:username                    read create/update delete
auth/userpass/users/:username/password           update
auth/userpass/users/:username/policies           update
`;
