#!/usr/bin/env bash
# Makes the Debian package of the agent from a program that was built already:
#   packaging/deb.sh PROGRAM ARCHITECTURE VERSION FOLDER
# It holds the program, the unit, the device templates, completions and an example configuration.
set -euo pipefail
program=$1 architecture=$2 version=$3 folder=$4
home=$(cd "$(dirname "$0")/.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

install -Dm755 "$program" "$tree/usr/bin/forewarn-edge"
install -Dm644 "$home/packaging/forewarn-edge.service" "$tree/lib/systemd/system/forewarn-edge.service"
install -Dm644 -t "$tree/usr/share/forewarn/devices" "$home"/config/devices/*.toml
install -Dm644 "$home/docs/modbus.md" "$tree/usr/share/doc/forewarn-edge/modbus.md"
install -Dm644 "$home/LICENSE" "$tree/usr/share/doc/forewarn-edge/copyright"
install -Dm644 /dev/stdin "$tree/usr/share/doc/forewarn-edge/agent.toml.example" <<'TOML'
agent     = "edge-1"
site_file = "site.toml"
templates = ["/usr/share/forewarn/devices"]
data_dir  = "/var/lib/forewarn-edge"

[broker]
address = "127.0.0.1:1883"
TOML

install -d "$tree/DEBIAN"
cat >"$tree/DEBIAN/control" <<CONTROL
Package: forewarn-edge
Version: $version
Architecture: $architecture
Maintainer: The Forewarn project <forewarn@users.noreply.github.com>
Section: misc
Priority: optional
Depends: adduser
Installed-Size: $(du -sk "$tree/usr" | cut -f1)
Description: reads machines for predictive maintenance and hands readings on
 The agent of Forewarn: Modbus and MQTT in, store and forward to the server.
CONTROL
cat >"$tree/DEBIAN/postinst" <<'POSTINST'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
  adduser --system --group --no-create-home --quiet forewarn-edge
  mkdir -p /etc/forewarn
  if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
fi
POSTINST
cat >"$tree/DEBIAN/prerm" <<'PRERM'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then systemctl stop forewarn-edge.service || true; fi
PRERM
chmod 755 "$tree/DEBIAN/postinst" "$tree/DEBIAN/prerm"
dpkg-deb --root-owner-group --build "$tree" "$folder/forewarn-edge_${version}_${architecture}.deb"
