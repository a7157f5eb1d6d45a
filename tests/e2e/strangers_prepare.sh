#!/bin/bash
# Makes of a bare host a server that people have used for years.
#
# Usage: strangers_prepare PUBLIC-NAME
set -eu
export DEBIAN_FRONTEND=noninteractive
echo 'echo "*** managed host ***"' >>/root/.bashrc
echo "127.0.1.1 $1 chatwoot" >>/etc/hosts
apt-get update -qq
apt-get install -y -qq --no-install-recommends docker.io docker-cli docker-compose cron >/dev/null 2>&1
apt-mark hold docker.io docker-cli cron

# Docker as an administrator has it: with keys that a deploy declares, and with others.
mkdir -p /etc/docker
cat >/etc/docker/daemon.json <<'EOF'
{"debug": true, "userland-proxy": false, "icc": false, "no-new-privileges": true,
 "log-driver": "syslog", "log-opts": {"syslog-address": "udp://127.0.0.1:514", "tag": "{{.Name}}"},
 "registry-mirrors": ["http://registry.lab.test:5000"], "live-restore": true,
 "default-address-pools": [{"base": "10.203.0.0/16", "size": 24}]}
EOF
systemctl restart docker

# Containers, some of names that look like ours, in networks and volumes of their own.
docker network create ops_net
docker volume create ops_data
docker run -d --name ops_web --restart unless-stopped --network ops_net -p 127.0.0.1:8080:80 \
  -v ops_data:/data redis:8.2-alpine sleep infinity
docker run -d --name evolution_old redis:8.2-alpine sleep infinity
docker exec ops_web sh -c 'echo precious >/data/file; echo inside >/etc/inside'
docker create --name ops_stopped redis:8.2-alpine true
docker tag redis:8.2-alpine ops/tool:1
mkdir -p /srv/ops && cat >/srv/ops/docker-compose.yml <<'EOF'
name: ops
services: {n8n: {image: "ops/tool:1", command: sleep infinity, volumes: [n8n_data:/data]}}
volumes: {n8n_data: {}}
EOF
docker compose --progress quiet -f /srv/ops/docker-compose.yml up -d --pull never

# Rules in the firewall, a timer, a crontab, another source of apt's, a user, files of ours in name.
iptables -A INPUT -p tcp --dport 9999 -j DROP
iptables -I DOCKER-USER -p tcp --dport 9998 -j DROP
cat >/etc/systemd/system/ops.service <<'EOF'
[Service]
ExecStart=/bin/true
EOF
cat >/etc/systemd/system/ops.timer <<'EOF'
[Timer]
OnCalendar=hourly
[Install]
WantedBy=timers.target
EOF
systemctl daemon-reload && systemctl enable -q --now ops.timer
echo '5 4 * * * /bin/true # ops' | crontab -
echo 'deb [trusted=yes] file:/srv/ops/apt ./' >/etc/apt/sources.list.d/ops.list
mkdir -p /srv/ops/apt && : >/srv/ops/apt/Packages
echo 'net.core.somaxconn = 5000' >/etc/sysctl.d/99-ops.conf
useradd --create-home ops
