# HashiCorp Vault with ysql-plugin. Run in the directory of the plugin's unpacked archive:
#   docker build -f deploy/docker/vault.Dockerfile -t vault-ysql .
# The image is based on Alpine, whose C library is musl. The executable does not run there, so this uses the script and Alpine's Node.js.
FROM hashicorp/vault:1.20.4
# Without USER: this image starts as root, and its entrypoint lets Vault lock memory and then runs it as the user vault.
# Images of Vault 2 are vault's from the start: there, USER root belongs here, and USER vault at the end.
RUN apk add --no-cache nodejs
COPY ysql-plugin.cjs /usr/local/lib/vault/plugins/ysql-plugin.cjs
# Nobody else may write to it. Running it here makes the build fail if Alpine's Node.js is too old.
RUN chmod 0755 /usr/local/lib/vault/plugins /usr/local/lib/vault/plugins/ysql-plugin.cjs \
  && /usr/local/lib/vault/plugins/ysql-plugin.cjs -version
