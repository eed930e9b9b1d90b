#!/bin/sh
# Prints what the image's own package managers use when nothing is configured: one URL or host name a line.
# The default egress list is made from this when the image is built. A package manager that is not there says nothing.
set -eu
npm config get registry
python3 -c '
from pip._internal.models.index import PyPI
print(PyPI.simple_url)
print(PyPI.file_storage_domain)
'
if command -v go >/dev/null; then
  go env GOPROXY | tr ',|' '\n\n' | grep -v -e '^direct$' -e '^off$' || true
fi
