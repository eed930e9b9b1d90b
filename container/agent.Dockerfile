# The last layer of the agent image: the bridge and the runner, each bundled into one file on the host.
ARG BERTH_TOOLS_IMAGE
FROM ${BERTH_TOOLS_IMAGE}
LABEL berth.part=agent
COPY bridge.cjs runner.cjs /opt/berth/
CMD ["/opt/berth/bin/node", "/opt/berth/bridge.cjs"]
