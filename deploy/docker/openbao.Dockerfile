# OpenBao with ysql-plugin. In the directory of the plugin's unpacked archive:
#   docker build -f deploy/docker/openbao.Dockerfile -t openbao-ysql .
# The image is Alpine's, whose C library is musl: there the plugin is the script, and Alpine's Node.js runs it.
FROM openbao/openbao:2.6.2
USER root
RUN apk add --no-cache nodejs
COPY ysql-plugin.cjs /usr/local/lib/openbao/plugins/ysql-plugin.cjs
# Whoever may write it could be run in place of it; and the build ends here where Alpine's Node.js is too old.
RUN chmod 0755 /usr/local/lib/openbao/plugins /usr/local/lib/openbao/plugins/ysql-plugin.cjs \
  && /usr/local/lib/openbao/plugins/ysql-plugin.cjs -version
USER openbao
