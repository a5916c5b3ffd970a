# HashiCorp Vault with ysql-plugin. In the directory of the plugin's unpacked archive:
#   docker build -f deploy/docker/vault.Dockerfile -t vault-ysql .
# The image is Alpine's, whose C library is musl: there the plugin is the script, and Alpine's Node.js runs it.
FROM hashicorp/vault:1.20.4
USER root
RUN apk add --no-cache nodejs
COPY ysql-plugin.cjs /usr/local/lib/vault/plugins/ysql-plugin.cjs
# Whoever may write it could be run in place of it; and the build ends here where Alpine's Node.js is too old.
RUN chmod 0755 /usr/local/lib/vault/plugins /usr/local/lib/vault/plugins/ysql-plugin.cjs \
  && /usr/local/lib/vault/plugins/ysql-plugin.cjs -version
USER vault
