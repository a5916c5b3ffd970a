# OpenBao with ysql-plugin. Run in the directory of the plugin's unpacked archive:
#   docker build -f deploy/docker/openbao.Dockerfile -t openbao-ysql .
# The image is based on Alpine, whose C library is musl. The executable does not run there, so this uses the script and Alpine's Node.js.
FROM openbao/openbao:2.6.2
USER root
RUN apk add --no-cache nodejs
COPY ysql-plugin.cjs /usr/local/lib/openbao/plugins/ysql-plugin.cjs
# Nobody else may write to it. Running it here makes the build fail if Alpine's Node.js is too old.
RUN chmod 0755 /usr/local/lib/openbao/plugins /usr/local/lib/openbao/plugins/ysql-plugin.cjs \
  && /usr/local/lib/openbao/plugins/ysql-plugin.cjs -version
USER openbao
