# The last layer of the agent image: the bridge, the runner and the relay, each bundled into one file on the host.
ARG BERTH_TOOLS_IMAGE
FROM ${BERTH_TOOLS_IMAGE}
LABEL berth.part=agent
COPY bridge.cjs runner.cjs relay.cjs /opt/berth/

# What Node makes of the bridge's source is kept, so that each start has it: a third of the time until it answers. Node
# keeps it for each user apart, so it is made as the bridge's; the settings let it load, and it ends as it begins. The journal
# that it has opened by then is not left in the image: each fresh volume would be a copy of it, under one and the same id.
USER root
RUN : compiling the bridge; \
    set -eu; \
    install -d -o 990 -g 990 -m 0755 /opt/berth/compile-cache /tmp/state; \
    export NODE_COMPILE_CACHE=/opt/berth/compile-cache BERTH_STATE=/tmp/state BERTH_AGENT_ID=none BERTH_INCARNATION=none \
      BERTH_TOKEN_SHA256=0000000000000000000000000000000000000000000000000000000000000000; \
    setpriv --reuid=990 --regid=990 --clear-groups \
      /opt/berth/bin/node -e 'require("/opt/berth/bridge.cjs"); process.exit(0)'; \
    rm -r /tmp/state; \
    chown -R root:root /opt/berth/compile-cache; \
    chmod -R a+rX /opt/berth/compile-cache
USER bridge

CMD ["/opt/berth/bin/node", "/opt/berth/bridge.cjs"]
